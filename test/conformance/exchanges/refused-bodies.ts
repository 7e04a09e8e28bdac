import type { Exchange } from '../exchange.ts';
import { REFUSED_HOST_CONFIGS } from './refused-host-configs.ts';

const Image = 'conformance/base:1';

/** A body of POST /containers/create, and how it is refused. */
export type RefusedBody = readonly [
  what: string,
  status: number,
  says: string,
  body: Exchange['body'],
  more?: Partial<Exchange>,
];

/** Bodies that Docker refuses when a container is made; each leaves nothing behind. */
export const REFUSED_BODIES: readonly RefusedBody[] = [
  ['nothing at all', 400, 'invalid JSON: got EOF while reading request body', ''],
  ['no JSON', 400, 'invalid JSON: unexpected EOF', '{"Image":'],
  ['JSON and more', 400, 'unexpected content after JSON', '{"Image":"x"} {"Image":"y"}'],
  [
    'a list',
    400,
    'invalid JSON: json: cannot unmarshal array into Go value of type runconfig.ContainerConfigWrapper',
    [],
  ],
  [
    'a text',
    400,
    'invalid JSON: json: cannot unmarshal string into Go value of type runconfig.ContainerConfigWrapper',
    '"x"',
  ],
  ['null', 400, 'config cannot be empty in order to create a container', 'null'],
  ['an empty object', 400, 'config cannot be empty in order to create a container', {}],
  ['an image that is not there', 404, 'No such image: conformance/nope:1', { Image: 'conformance/nope:1' }],
  [
    'an image by an id that is not there',
    404,
    'No such image: sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    { Image: `sha256:${'a'.repeat(64)}` },
  ],
  [
    'an image of capital letters',
    400,
    'invalid reference format: repository name (NOPE) must be lowercase',
    { Image: 'Conformance/NOPE' },
  ],
  [
    'a content type that is no JSON',
    400,
    "unsupported Content-Type header (text/plain): must be 'application/json'",
    '{}',
    { headers: { 'Content-Type': 'text/plain' } },
  ],
  [
    'a content type that is none',
    400,
    'malformed Content-Type header (a b): mime: expected slash after first token',
    '{}',
    { headers: { 'Content-Type': 'a b' } },
  ],
  [
    'Cmd of the wrong type',
    400,
    'invalid JSON: json: cannot unmarshal number into Go struct field ContainerConfigWrapper.Config.Cmd of type string',
    { Image, Cmd: 5 },
  ],
  [
    'Cmd with numbers',
    400,
    'invalid JSON: json: cannot unmarshal array into Go struct field ContainerConfigWrapper.Config.Cmd of type string',
    { Image, Cmd: ['a', 5] },
  ],
  [
    'Env of the wrong type',
    400,
    'invalid JSON: json: cannot unmarshal object into Go struct field ContainerConfigWrapper.Config.Env of type []string',
    { Image, Env: { A: 'b' } },
  ],
  ['Env without a name', 400, 'invalid environment variable: =x', { Image, Env: ['=x'] }],
  [
    'Labels of the wrong type',
    400,
    'invalid JSON: json: cannot unmarshal array into Go struct field ContainerConfigWrapper.Config.Labels of type map[string]string',
    { Image, Labels: ['a'] },
  ],
  [
    'Tty of the wrong type',
    400,
    'invalid JSON: json: cannot unmarshal string into Go struct field ContainerConfigWrapper.Config.Tty of type bool',
    { Image, Tty: 'yes' },
  ],
  ['a signal that is unknown', 400, 'invalid signal: NOPE', { Image, StopSignal: 'NOPE' }],
  [
    'a folder that is not absolute',
    400,
    "the working directory 'tmp' is invalid, it needs to be an absolute path",
    { Image, WorkingDir: 'tmp' },
  ],
  [
    'a MAC address that is none',
    400,
    'invalid config for network bridge: invalid MAC address x',
    { Image, MacAddress: 'x' },
  ],
  [
    'a health check every nanosecond',
    400,
    'Interval in Healthcheck cannot be less than 1ms',
    { Image, Healthcheck: { Test: ['CMD', 'x'], Interval: 1 } },
  ],
  [
    'a health check with retries below zero',
    400,
    'Retries in Healthcheck cannot be negative',
    { Image, Healthcheck: { Test: ['CMD', 'x'], Retries: -1 } },
  ],
  ...REFUSED_HOST_CONFIGS,
];
