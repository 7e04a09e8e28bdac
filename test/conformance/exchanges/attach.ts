import { type Exchange, refused, works } from '../exchange.ts';

/** Figures of that container, and what attaching to it brings; it is removed. */
export const ATTACH_EXCHANGES: readonly Exchange[] = [
  works(
    'containerStats',
    'once, of one that does not run',
    'GET /containers/conf-said/stats?stream=0',
    200,
    'any',
  ),
  refused(
    'containerStats',
    'of one that is not there',
    'GET /containers/nope/stats?stream=0',
    404,
    'No such container: nope',
  ),
  refused(
    'containerAttach',
    'to one that is not there',
    'POST /containers/nope/attach?stream=1',
    404,
    'No such container: nope\r\n',
    {
      input: '',
    },
  ),
  refused(
    'containerAttach',
    'with keys that are none',
    'POST /containers/conf-said/attach?detachKeys=ctrl-%3F%3F',
    400,
    'Invalid detach keys (ctrl-??) provided\r\n',
    { input: '' },
  ),
  works(
    'containerAttach',
    'to what was said',
    'POST /containers/conf-said/attach?logs=1&stdout=1',
    101,
    undefined,
    { input: '', read: 'frames' },
  ),
  refused(
    'containerAttachSocket',
    'without a websocket',
    'GET /containers/conf-said/attach/ws',
    400,
    'not websocket protocol',
  ),
  refused(
    'containerAttachSocket',
    'to one that is not there',
    'GET /containers/nope/attach/ws',
    404,
    'No such container: nope',
  ),
  refused(
    'containerResize',
    'one that does not run',
    'POST /containers/conf-said/resize?h=1&w=1',
    409,
    'container {said} is not running',
  ),
  refused(
    'containerResize',
    'to nothing',
    'POST /containers/conf-said/resize',
    400,
    'strconv.Atoi: parsing "": invalid syntax',
  ),
  refused(
    'containerResize',
    'to words',
    'POST /containers/conf-said/resize?h=a&w=b',
    400,
    'strconv.Atoi: parsing "a": invalid syntax',
  ),
  refused(
    'containerResize',
    'one that is not there',
    'POST /containers/nope/resize?h=1&w=1',
    404,
    'No such container: nope',
  ),
  works('containerRemove', 'one that said something', 'DELETE /containers/conf-said', 204),
];
