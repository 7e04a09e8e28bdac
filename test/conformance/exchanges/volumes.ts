import { type Exchange, filters, refused, works } from '../exchange.ts';
import { CREATED } from '../tables/containers.ts';
import { VOLUME, VOLUMES, VOLUMES_PRUNED } from '../tables/networks-and-volumes.ts';

const Image = 'conformance/base:1';
const VOLUME_CREATE = 'POST /volumes/create';

/** Volumes. */
export const VOLUME_EXCHANGES: readonly Exchange[] = [
  works('volumeCreate', 'with a name', VOLUME_CREATE, 201, VOLUME, {
    body: { Name: 'conf-vol', Labels: { conformance: 'yes' } },
  }),
  works('volumeCreate', 'a name in use', VOLUME_CREATE, 201, VOLUME, { body: { Name: 'conf-vol' } }),
  works('volumeCreate', 'with options', VOLUME_CREATE, 201, VOLUME, {
    body: { Name: 'conf-tmp', DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' } },
  }),
  works('volumeCreate', 'with nothing', VOLUME_CREATE, 201, VOLUME, {
    body: {},
    keep: { anonymous: 'Name' },
  }),
  works('volumeCreate', 'without a body', VOLUME_CREATE, 201, VOLUME, { keep: { nobody: 'Name' } }),
  refused('volumeCreate', 'no JSON', VOLUME_CREATE, 400, 'invalid JSON: unexpected EOF', { body: '{' }),
  refused(
    'volumeCreate',
    'a name that is none',
    VOLUME_CREATE,
    400,
    'create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    { body: { Name: 'a/b' } },
  ),
  refused(
    'volumeCreate',
    'a name of one letter',
    VOLUME_CREATE,
    400,
    'create a: volume name is too short, names should be at least two alphanumeric characters',
    { body: { Name: 'a' } },
  ),
  refused(
    'volumeCreate',
    'a name of the wrong type',
    VOLUME_CREATE,
    400,
    'invalid JSON: json: cannot unmarshal number into Go struct field CreateOptions.Name of type string',
    { body: { Name: 5 } },
  ),
  refused(
    'volumeCreate',
    'an option that is unknown',
    VOLUME_CREATE,
    400,
    'create conf-x: invalid option: "odd"',
    {
      body: { Name: 'conf-x', DriverOpts: { odd: 'x' } },
    },
  ),
  refused(
    'volumeCreate',
    'a type without a device',
    VOLUME_CREATE,
    400,
    'create conf-x: missing required option: "device"',
    {
      body: { Name: 'conf-x', DriverOpts: { type: 'tmpfs' } },
    },
  ),
  refused(
    'volumeCreate',
    'for a cluster',
    VOLUME_CREATE,
    503,
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    {
      body: { Name: 'conf-x', ClusterVolumeSpec: {} },
    },
  ),
  works('volumeInspect', 'by name', 'GET /volumes/conf-vol', 200, VOLUME),
  works('volumeInspect', 'with options', 'GET /volumes/conf-tmp', 200, VOLUME),
  works('volumeInspect', 'without a name', 'GET /volumes/{anonymous}', 200, VOLUME),
  refused(
    'volumeInspect',
    'one that is not there',
    'GET /volumes/conf-nope',
    404,
    'get conf-nope: no such volume',
  ),
  refused('volumeInspect', 'a part of its name', 'GET /volumes/conf', 404, 'get conf: no such volume'),
  works('volumeList', 'by name', `GET /volumes?${filters({ name: ['conf-'] })}`, 200, VOLUMES),
  works('volumeList', 'by label', `GET /volumes?${filters({ label: ['conformance=yes'] })}`, 200, VOLUMES),
  works(
    'volumeList',
    'what nobody uses',
    `GET /volumes?${filters({ dangling: ['1'], name: ['conf-'] })}`,
    200,
    VOLUMES,
  ),
  works('volumeList', 'none', `GET /volumes?${filters({ name: ['conf-nope'] })}`, 200, VOLUMES),
  refused(
    'volumeList',
    'a filter that is unknown',
    `GET /volumes?${filters({ colour: ['red'] })}`,
    400,
    "invalid filter 'colour'",
  ),
  refused(
    'volumeList',
    'dangling that is neither',
    `GET /volumes?${filters({ dangling: ['perhaps'] })}`,
    400,
    "invalid filter 'dangling=[perhaps]'",
  ),
  refused(
    'volumeList',
    'filters that are no JSON',
    'GET /volumes?filters=x',
    400,
    'error reading volume filters: invalid filter',
  ),
  works('containerCreate', 'one with a volume', 'POST /containers/create?name=conf-keeps', 201, CREATED, {
    body: { Image, HostConfig: { Binds: ['conf-vol:/data'] } },
    keep: { keeps: 'Id' },
  }),
  refused(
    'volumeRemove',
    'one that is in use',
    'DELETE /volumes/conf-vol',
    409,
    'remove conf-vol: volume is in use - [{keeps}]',
  ),
  refused(
    'volumeRemove',
    'one that is in use, by force',
    'DELETE /volumes/conf-vol?force=1',
    409,
    'remove conf-vol: volume is in use - [{keeps}]',
  ),
  works('containerRemove', 'one with a volume', 'DELETE /containers/conf-keeps', 204),
  works('volumeRemove', 'one that nobody uses', 'DELETE /volumes/conf-vol', 204),
  works('volumeRemove', 'one that is not there, by force', 'DELETE /volumes/conf-vol?force=true', 204),
  refused(
    'volumeRemove',
    'one that is not there',
    'DELETE /volumes/conf-vol',
    404,
    'get conf-vol: no such volume',
  ),
  works(
    'volumePrune',
    'those without a name',
    `POST /volumes/prune?${filters({ 'label!': ['conformance'] })}`,
    200,
    VOLUMES_PRUNED,
  ),
  works('volumePrune', 'all, as before API 1.42', 'POST /v1.41/volumes/prune', 200, VOLUMES_PRUNED),
  works('volumePrune', 'nothing', 'POST /volumes/prune', 200, VOLUMES_PRUNED),
  refused(
    'volumePrune',
    'a filter that is unknown',
    `POST /volumes/prune?${filters({ colour: ['red'] })}`,
    400,
    "invalid filter 'colour'",
  ),
  refused(
    'volumePrune',
    'all that is neither',
    `POST /volumes/prune?${filters({ all: ['perhaps'] })}`,
    400,
    'invalid filter \'all\': strconv.ParseBool: parsing "perhaps": invalid syntax',
  ),
];
