import { type Exchange, refused, works } from '../exchange.ts';
import { CREATED } from '../tables/containers.ts';
import { EXEC, EXEC_CREATED, STATS } from '../tables/processes.ts';
import { list } from '../shape.ts';

const Image = 'conformance/base:1';

/** Programs run in a container, and its figures. */
export const EXEC_EXCHANGES: readonly Exchange[] = [
  works('containerCreate', 'one to be entered', 'POST /containers/create?name=conf-in', 201, CREATED, {
    body: { Image, Cmd: ['cat'], OpenStdin: true, Tty: true, HostConfig: { AutoRemove: true } },
    keep: { in: 'Id' },
  }),
  refused(
    'execCreate',
    'in one that does not run',
    'POST /containers/conf-in/exec',
    409,
    'container {in} is not running',
    {
      body: { Cmd: ['true'] },
    },
  ),
  works('containerStart', 'one to be entered', 'POST /containers/conf-in/start', 204),
  works('containerStats', 'once', 'GET /containers/conf-in/stats?stream=0', 200, STATS),
  works(
    'containerStats',
    'once, without the one before',
    'GET /containers/conf-in/stats?stream=false&one-shot=1',
    200,
    STATS,
  ),
  works('containerStats', 'as they come', 'GET /containers/conf-in/stats', 200, list(STATS), {
    read: 'lines',
    take: 1,
  }),
  works('containerResize', 'one that runs', 'POST /containers/conf-in/resize?h=20&w=80', 200),
  works('execCreate', 'with all it takes', 'POST /containers/conf-in/exec', 201, EXEC_CREATED, {
    body: {
      Cmd: ['sh', '-c', 'cat; echo $A >&2; exit 4'],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Env: ['A=b'],
      User: 'app',
      WorkingDir: '/tmp',
      DetachKeys: 'ctrl-a',
    },
    keep: { exec: 'Id' },
  }),
  works('execInspect', 'before it has begun', 'GET /exec/{exec}/json', 200, EXEC),
  works('execStart', 'with input', 'POST /exec/{exec}/start', 101, undefined, {
    body: { Detach: false },
    input: 'fed',
    read: 'frames',
  }),
  works('execInspect', 'after it has ended', 'GET /exec/{exec}/json', 200, EXEC, { until: 'Running=false' }),
  works('execStart', 'a second time', 'POST /exec/{exec}/start', 200, undefined, { body: {}, read: 'text' }),
  works('execCreate', 'with a terminal', 'POST /containers/conf-in/exec', 201, EXEC_CREATED, {
    body: { Cmd: ['sleep', '1000'], Tty: true, ConsoleSize: [24, 80] },
    keep: { terminal: 'Id' },
  }),
  works('execStart', 'with a terminal', 'POST /exec/{terminal}/start', 200, undefined, {
    body: { Detach: true, Tty: true },
  }),
  works('execInspect', 'one with a terminal', 'GET /exec/{terminal}/json', 200, EXEC, {
    until: 'Running=true',
  }),
  works('execResize', 'one that runs', 'POST /exec/{terminal}/resize?h=30&w=90', 200),
  refused(
    'execResize',
    'to words',
    'POST /exec/{exec}/resize?h=a&w=1',
    400,
    'strconv.Atoi: parsing "a": invalid syntax',
  ),
  works('execCreate', 'to be left alone', 'POST /containers/conf-in/exec', 201, EXEC_CREATED, {
    body: { Cmd: ['true'] },
    keep: { alone: 'Id' },
  }),
  works('execStart', 'left alone', 'POST /exec/{alone}/start', 200, undefined, { body: { Detach: true } }),
  works('execInspect', 'one that was left alone', 'GET /exec/{alone}/json', 200, EXEC, {
    until: 'Running=false',
  }),
  works('execCreate', 'a program that is not there', 'POST /containers/conf-in/exec', 201, EXEC_CREATED, {
    body: { Cmd: ['/nope'] },
    keep: { lost: 'Id' },
  }),
  refused(
    'execStart',
    'a program that is not there',
    'POST /exec/{lost}/start',
    400,
    'OCI runtime exec failed: exec failed: unable to start container process: exec: "/nope": stat /nope: no such file or directory: unknown',
    {
      body: { Detach: true },
    },
  ),
  refused('execCreate', 'nothing', 'POST /containers/conf-in/exec', 400, 'No exec command specified', {
    body: {},
  }),
  refused('execCreate', 'without a body', 'POST /containers/conf-in/exec', 400, 'No exec command specified'),
  refused(
    'execCreate',
    'Cmd of the wrong type',
    'POST /containers/conf-in/exec',
    400,
    'invalid JSON: json: cannot unmarshal number into Go struct field ExecConfig.Cmd of type []string',
    {
      body: { Cmd: 5 },
    },
  ),
  refused(
    'execCreate',
    'in one that is not there',
    'POST /containers/nope/exec',
    404,
    'No such container: nope',
    {
      body: { Cmd: ['true'] },
    },
  ),
  refused(
    'execCreate',
    'keys that are none',
    'POST /containers/conf-in/exec',
    500,
    'Invalid escape keys (what-x) provided',
    {
      body: { Cmd: ['true'], DetachKeys: 'what-x' },
    },
  ),
  refused('execStart', 'one that is not there', 'POST /exec/nope/start', 404, 'No such exec instance: nope', {
    body: {},
  }),
  refused('execStart', 'with no JSON', 'POST /exec/nope/start', 400, 'invalid JSON: unexpected EOF', {
    body: '{',
  }),
  refused('execInspect', 'one that is not there', 'GET /exec/nope/json', 404, 'No such exec instance: nope'),
  refused(
    'execResize',
    'one that is not there',
    'POST /exec/nope/resize?h=1&w=1',
    404,
    'No such exec instance: nope',
  ),
  works('containerPause', 'one to be entered', 'POST /containers/conf-in/pause', 204),
  refused(
    'execCreate',
    'in one that is paused',
    'POST /containers/conf-in/exec',
    409,
    'Container conf-in is paused, unpause the container before exec',
    {
      body: { Cmd: ['true'] },
    },
  ),
  works('containerUnpause', 'one to be entered', 'POST /containers/conf-in/unpause', 204),
  works('containerKill', 'one that removes itself', 'POST /containers/conf-in/kill', 204),
  refused(
    'containerInspect',
    'one that has removed itself',
    'GET /containers/conf-in/json',
    404,
    'No such container: conf-in',
    {
      until: 'message=No such container: conf-in',
    },
  ),
];
