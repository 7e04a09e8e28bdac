import { type Exchange, refused, works } from '../exchange.ts';
import { CREATED, INSPECTED } from '../tables/containers.ts';
import { CHANGES, WAITED } from '../tables/processes.ts';

const Image = 'conformance/base:1';
const SAYS = 'echo out; echo err >&2; echo new > /tmp/new; rm /etc/old; exit 3';

/** What containers say: their logs. */
export const OUTPUT_EXCHANGES: readonly Exchange[] = [
  works(
    'containerCreate',
    'one that says something',
    'POST /containers/create?name=conf-said',
    201,
    CREATED,
    {
      body: { Image, Cmd: ['sh', '-c', SAYS], HostConfig: { NetworkMode: 'none' } },
      keep: { said: 'Id' },
    },
  ),
  works(
    'containerLogs',
    'before anything was said',
    'GET /containers/conf-said/logs?stdout=1',
    200,
    undefined,
    { read: 'frames', says: '[]' },
  ),
  works('containerChanges', 'before anything was changed', 'GET /containers/conf-said/changes', 200, CHANGES),
  works('containerStart', 'one that says something', 'POST /containers/conf-said/start', 204),
  works('containerWait', 'for its end', 'POST /containers/conf-said/wait?condition=not-running', 200, WAITED),
  works('containerInspect', 'one that ended with 3', 'GET /containers/conf-said/json', 200, INSPECTED),
  works('containerLogs', 'one stream', 'GET /containers/conf-said/logs?stdout=1', 200, undefined, {
    read: 'frames',
  }),
  works(
    'containerLogs',
    'the other stream, as API 1.41',
    'GET /v1.41/containers/conf-said/logs?stderr=true',
    200,
    undefined,
    { read: 'frames' },
  ),
  works(
    'containerLogs',
    'followed to the end',
    'GET /containers/conf-said/logs?stdout=1&follow=1',
    200,
    undefined,
    { read: 'frames' },
  ),
  works('containerLogs', 'no lines', 'GET /containers/conf-said/logs?stdout=1&tail=0', 200, undefined, {
    read: 'frames',
  }),
  works(
    'containerLogs',
    'lines below zero are all',
    'GET /containers/conf-said/logs?stdout=1&tail=-5',
    200,
    undefined,
    { read: 'frames' },
  ),
  works(
    'containerLogs',
    'a word for lines is all',
    'GET /containers/conf-said/logs?stdout=1&tail=some',
    200,
    undefined,
    { read: 'frames' },
  ),
  works(
    'containerLogs',
    'since far in the future',
    'GET /containers/conf-said/logs?stdout=1&since=4000000000',
    200,
    undefined,
    { read: 'frames' },
  ),
  works(
    'containerLogs',
    'until long ago',
    'GET /containers/conf-said/logs?stdout=1&until=1000',
    200,
    undefined,
    { read: 'frames' },
  ),
  refused(
    'containerLogs',
    'no stream',
    'GET /containers/conf-said/logs',
    400,
    'Bad parameters: you must choose at least one stream',
  ),
  refused(
    'containerLogs',
    'streams that are off',
    'GET /containers/conf-said/logs?stdout=0&stderr=no',
    400,
    'Bad parameters: you must choose at least one stream',
  ),
  refused(
    'containerLogs',
    'since a word',
    'GET /containers/conf-said/logs?stdout=1&since=yesterday',
    500,
    'strconv.ParseInt: parsing "yesterday": invalid syntax',
  ),
  refused(
    'containerLogs',
    'until a word',
    'GET /containers/conf-said/logs?stdout=1&until=tomorrow',
    500,
    'strconv.ParseInt: parsing "tomorrow": invalid syntax',
  ),
  refused(
    'containerLogs',
    'of one that is not there',
    'GET /containers/nope/logs?stdout=1',
    404,
    'No such container: nope',
  ),
];
