import { type Exchange, filters, refused, works } from '../exchange.ts';
import { CREATED, INSPECTED } from '../tables/containers.ts';
import { REFUSED_BODIES } from './refused-bodies.ts';
import { PRUNED } from '../tables/processes.ts';

const Image = 'conformance/base:1';
const CREATE = 'POST /containers/create';

const TAKEN: readonly (readonly [what: string, query: string, body: Exchange['body']])[] = [
  ['no image', '', { Cmd: ['true'] }],
  ['a port that is none', '', { Image, ExposedPorts: { x: {} } }],
  ['a port too high', '', { Image, ExposedPorts: { '70000/tcp': {} } }],
  ['a host name that is none', '', { Image, Hostname: 'a b' }],
  ['a health check of an unknown kind', '', { Image, Healthcheck: { Test: ['WHAT', 'x'] } }],
  [
    'a log size that is none',
    '',
    { Image, HostConfig: { LogConfig: { Type: 'json-file', Config: { 'max-size': 'big' } } } },
  ],
  ['a network mode of one word', '', { Image, HostConfig: { NetworkMode: 'conf-nope' } }],
  ['the network of one that is not there', '', { Image, HostConfig: { NetworkMode: 'container:nope' } }],
  ['name servers that are none', '', { Image, HostConfig: { Dns: ['x'] } }],
  ['a user mode that is unknown', '', { Image, HostConfig: { UsernsMode: 'odd' } }],
  ['swappiness too high', '', { Image, HostConfig: { MemorySwappiness: 200 } }],
  [
    'a kernel parameter that is forbidden',
    '',
    { Image, HostConfig: { Sysctls: { 'kernel.domainname': 'x', odd: '1' } } },
  ],
  ['a limit that is unknown', '', { Image, HostConfig: { Ulimits: [{ Name: 'odd', Soft: 1, Hard: 1 }] } }],
  [
    'a soft limit above the hard one',
    '',
    { Image, HostConfig: { Ulimits: [{ Name: 'nofile', Soft: 2, Hard: 1 }] } },
  ],
  [
    'a device that is not there',
    '',
    {
      Image,
      HostConfig: {
        Devices: [{ PathOnHost: '/dev/conf-nope', PathInContainer: '/dev/x', CgroupPermissions: 'rwm' }],
      },
    },
  ],
  ['a device rule that is none', '', { Image, HostConfig: { DeviceCgroupRules: ['odd'] } }],
  [
    'an endpoint in a network that is not there',
    '',
    { Image, NetworkingConfig: { EndpointsConfig: { 'conf-nope': {} } } },
  ],
  ['unknown fields', '', { Image, Colour: 'red', HostConfig: { Colour: 'red' } }],
  ['fields in other letters', '', { iMAGE: Image, hostconfig: { autoREMOVE: false } }],
  [
    'null in all places',
    '',
    { Image, Cmd: null, Env: null, Labels: null, HostConfig: null, NetworkingConfig: null },
  ],
  ['a charset', '', { Image }],
  ['the longest host name', '', { Image, Hostname: 'a'.repeat(63) }],
  ['a platform that fits', '?platform=linux', { Image }],
];

/** What POST /containers/create takes and what not. */
export const CREATE_BODY_EXCHANGES: readonly Exchange[] = [
  ...REFUSED_BODIES.map(([what, status, says, body, more = {}]) =>
    refused('containerCreate', what, CREATE, status, says, {
      ...(body === undefined ? {} : { body }),
      ...more,
    }),
  ),
  refused(
    'containerCreate',
    'a name that is none',
    `${CREATE}?name=a%20b`,
    400,
    'Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed',
    { body: { Image } },
  ),
  refused(
    'containerCreate',
    'a name of one letter',
    `${CREATE}?name=a`,
    400,
    'Invalid container name (a), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed',
    { body: { Image } },
  ),
  refused(
    'containerCreate',
    'a platform that is none',
    `${CREATE}?platform=a/b/c/d`,
    400,
    '"a/b/c/d": cannot parse platform specifier: invalid argument',
    {
      body: { Image },
    },
  ),
  refused(
    'containerCreate',
    'another platform',
    `${CREATE}?platform=linux/s390x`,
    404,
    'image with reference conformance/base:1 was found but does not match the specified platform: wanted linux/s390x, actual: linux/amd64',
    {
      body: { Image },
    },
  ),
  refused('containerCreate', 'a query that is none', `${CREATE}?name=%zz`, 400, 'invalid URL escape "%zz"', {
    body: { Image },
  }),
  refused(
    'containerCreate',
    'a part of a volume, as API 1.44',
    CREATE.replace(' /', ' /v1.44/'),
    400,
    'VolumeOptions.Subpath needs API v1.45 or newer',
    {
      body: {
        Image,
        HostConfig: {
          Mounts: [{ Type: 'volume', Source: 'x', Target: '/x', VolumeOptions: { Subpath: 'y' } }],
        },
      },
    },
  ),
  works('containerCreate', 'two networks, as API 1.43', CREATE.replace(' /', ' /v1.43/'), 400, undefined, {
    body: { Image, NetworkingConfig: { EndpointsConfig: { one: {}, two: {} } } },
  }),
  refused(
    'containerCreate',
    'options of another kind of mount, as API 1.41',
    CREATE.replace(' /', ' /v1.41/'),
    400,
    'invalid mount config for type "tmpfs": field BindOptions must not be specified',
    {
      body: {
        Image,
        Labels: { 'create-bodies': '' },
        HostConfig: { Mounts: [{ Type: 'tmpfs', Target: '/x', BindOptions: {} }] },
      },
    },
  ),
  works('containerCreate', 'an address of its own', `${CREATE}?name=conf-mac`, 201, CREATED, {
    body: { Image, Labels: { 'create-bodies': '' }, MacAddress: '02:42:0a:00:00:01' },
    keep: { mac: 'Id' },
  }),
  works('containerInspect', 'an address of its own', 'GET /containers/{mac}/json', 200, INSPECTED),
  works('containerCreate', 'as API 1.24', `${CREATE.replace(' /', ' /v1.24/')}?name=conf-old`, 201, CREATED, {
    body: {
      Image,
      Labels: { 'create-bodies': '' },
      HostConfig: { AutoRemove: true, Annotations: { a: 'b' } },
    },
    keep: { old: 'Id' },
  }),
  works('containerInspect', 'what API 1.24 has made', 'GET /containers/{old}/json', 200, INSPECTED),
  // Which faults Docker finds besides depends on the network.
  works('containerCreate', 'an address in the default network', CREATE, 400, undefined, {
    body: {
      Image,
      NetworkingConfig: { EndpointsConfig: { bridge: { IPAMConfig: { IPv4Address: 'x' } } } },
    },
  }),
  ...TAKEN.map(([what, query, body]) =>
    works('containerCreate', `takes ${what}`, `${CREATE}${query}`, 201, CREATED, {
      body: { ...(body as object), Labels: { 'create-bodies': '' } },
      ...(what === 'a charset' ? { headers: { 'Content-Type': 'application/json; charset=utf-8' } } : {}),
    }),
  ),
  works(
    'containerPrune',
    'what these made',
    `POST /containers/prune?${filters({ label: ['create-bodies'] })}`,
    200,
    PRUNED,
  ),
];
