import { type Exchange, filters, refused, works } from '../exchange.ts';
import { CREATED, INSPECTED } from '../tables/containers.ts';
import {
  NETWORK,
  NETWORK_CREATED,
  NETWORKS,
  NETWORKS_PRUNED,
  VOLUME,
  VOLUMES,
  VOLUMES_PRUNED,
} from '../tables/networks-and-volumes.ts';

const Image = 'conformance/base:1';
const NET = 'POST /networks/create';
const VOLUME_CREATE = 'POST /volumes/create';
const Config = [
  {
    Subnet: '10.213.0.0/24',
    IPRange: '10.213.0.128/25',
    Gateway: '10.213.0.1',
    AuxiliaryAddresses: { other: '10.213.0.5' },
  },
];

/** Networks, and containers in them. */
export const NETWORK_EXCHANGES: readonly Exchange[] = [
  works('networkCreate', 'with all kinds of options', NET, 201, NETWORK_CREATED, {
    body: {
      Name: 'conf-net',
      Driver: 'bridge',
      Internal: false,
      Attachable: true,
      IPAM: { Config },
      Labels: { conformance: 'yes' },
      Options: { 'com.docker.network.driver.mtu': '1400' },
    },
    keep: { net: 'Id' },
  }),
  works('networkCreate', 'with nothing but a name', NET, 201, NETWORK_CREATED, {
    body: { Name: 'conf-plain' },
    keep: { plain: 'Id' },
  }),
  refused('networkCreate', 'a name in use', NET, 409, '?', { body: { Name: 'conf-net' } }),
  refused('networkCreate', 'no name', NET, 400, '?', { body: {} }),
  refused('networkCreate', 'nothing', NET, 400, '?'),
  refused('networkCreate', 'no JSON', NET, 400, '?', { body: '{' }),
  refused('networkCreate', 'a list', NET, 400, '?', { body: [] }),
  refused('networkCreate', 'a name of the wrong type', NET, 400, '?', { body: { Name: 5 } }),
  refused('networkCreate', 'a name that is none', NET, 400, '?', { body: { Name: ' ' } }),
  refused('networkCreate', 'a name with a slash', NET, 400, '?', { body: { Name: 'a/b' } }),
  refused('networkCreate', "one of the machine's names", NET, 403, '?', { body: { Name: 'host' } }),
  refused('networkCreate', 'the name of all networks', NET, 403, '?', { body: { Name: 'bridge' } }),
  refused('networkCreate', 'a driver that is unknown', NET, 404, '?', {
    body: { Name: 'conf-x', Driver: 'conf-nope' },
  }),
  refused('networkCreate', "the machine's driver", NET, 403, '?', {
    body: { Name: 'conf-x', Driver: 'host' },
  }),
  refused('networkCreate', 'a subnet that is none', NET, 400, '?', {
    body: { Name: 'conf-x', IPAM: { Config: [{ Subnet: 'x' }] } },
  }),
  refused('networkCreate', 'a subnet with bits of a host', NET, 400, '?', {
    body: { Name: 'conf-x', IPAM: { Config: [{ Subnet: '10.214.0.1/24' }] } },
  }),
  refused('networkCreate', 'a gateway elsewhere', NET, 400, '?', {
    body: { Name: 'conf-x', IPAM: { Config: [{ Subnet: '10.214.0.0/24', Gateway: '10.215.0.1' }] } },
  }),
  refused('networkCreate', 'a range elsewhere', NET, 400, '?', {
    body: { Name: 'conf-x', IPAM: { Config: [{ Subnet: '10.214.0.0/24', IPRange: '10.215.0.0/25' }] } },
  }),
  refused('networkCreate', 'a subnet in use', NET, 403, '?', {
    body: { Name: 'conf-x', IPAM: { Config: [{ Subnet: '10.213.0.0/24' }] } },
  }),
  refused('networkCreate', 'a driver of addresses that is unknown', NET, 400, '?', {
    body: { Name: 'conf-x', IPAM: { Driver: 'conf-nope' } },
  }),
  refused('networkCreate', 'for a swarm', NET, 403, '?', { body: { Name: 'conf-x', Scope: 'swarm' } }),
  refused('networkCreate', 'as an ingress', NET, 403, '?', { body: { Name: 'conf-x', Ingress: true } }),
  works('networkInspect', 'by name', 'GET /networks/conf-net', 200, NETWORK),
  works('networkInspect', 'by id', 'GET /networks/{net}', 200, NETWORK),
  works('networkInspect', 'by a part of its id', 'GET /networks/{net:12}', 200, NETWORK),
  works('networkInspect', 'with nothing but a name', 'GET /networks/conf-plain', 200, NETWORK),
  works('networkInspect', "the machine's", 'GET /networks/host', 200, NETWORK),
  works('networkInspect', 'the default one', 'GET /networks/bridge', 200, NETWORK),
  works('networkInspect', 'none', 'GET /networks/none', 200, NETWORK),
  works('networkInspect', 'as API 1.24', 'GET /v1.24/networks/conf-net', 200, NETWORK),
  refused('networkInspect', 'a name that is not there', 'GET /networks/conf-nope', 404, '?'),
  refused('networkInspect', 'in a scope where it is not', 'GET /networks/conf-net?scope=swarm', 404, '?'),
  refused('networkInspect', 'a bad switch', 'GET /networks/conf-net?verbose=perhaps', 400, '?'),
  works('networkList', 'by name', `GET /networks?${filters({ name: ['conf-'] })}`, 200, NETWORKS),
  works('networkList', 'by label', `GET /networks?${filters({ label: ['conformance=yes'] })}`, 200, NETWORKS),
  works('networkList', 'by driver', `GET /networks?${filters({ driver: ['null'] })}`, 200, NETWORKS),
  works(
    'networkList',
    'what nobody uses',
    `GET /networks?${filters({ dangling: ['true'], name: ['conf-'] })}`,
    200,
    NETWORKS,
  ),
  works(
    'networkList',
    'people’s own',
    `GET /networks?${filters({ type: ['custom'], name: ['conf-'] })}`,
    200,
    NETWORKS,
  ),
  works(
    'networkList',
    'as API 1.24',
    `GET /v1.24/networks?${filters({ name: ['conf-net'] })}`,
    200,
    NETWORKS,
  ),
  refused(
    'networkList',
    'a filter that is unknown',
    `GET /networks?${filters({ colour: ['red'] })}`,
    400,
    '?',
  ),
  refused('networkList', 'filters that are no JSON', 'GET /networks?filters=x', 400, '?'),
  refused('networkList', 'a kind that is unknown', `GET /networks?${filters({ type: ['odd'] })}`, 400, '?'),
  refused(
    'networkList',
    'dangling that is neither',
    `GET /networks?${filters({ dangling: ['perhaps'] })}`,
    400,
    '?',
  ),

  works('containerCreate', 'one in a network', 'POST /containers/create?name=conf-member', 201, CREATED, {
    body: {
      Image,
      Cmd: ['sleep', '1000'],
      HostConfig: { NetworkMode: 'conf-net' },
      NetworkingConfig: {
        EndpointsConfig: {
          'conf-net': {
            Aliases: ['alias'],
            IPAMConfig: { IPv4Address: '10.213.0.130' },
            MacAddress: '02:42:0a:d5:00:82',
          },
        },
      },
    },
    keep: { member: 'Id' },
  }),
  works(
    'containerInspect',
    'one in a network that was not started',
    'GET /containers/conf-member/json',
    200,
    INSPECTED,
  ),
  works('containerStart', 'one in a network', 'POST /containers/conf-member/start', 204),
  works('containerInspect', 'one in a network', 'GET /containers/conf-member/json', 200, INSPECTED),
  works(
    'containerInspect',
    'one in a network, as API 1.43',
    'GET /v1.43/containers/conf-member/json',
    200,
    INSPECTED,
  ),
  works('networkInspect', 'with a container', 'GET /networks/conf-net?verbose=1', 200, NETWORK),
  works('networkConnect', 'a second network', 'POST /networks/conf-plain/connect', 200, undefined, {
    body: { Container: 'conf-member', EndpointConfig: { Aliases: ['two'] } },
  }),
  refused('networkConnect', 'where it is already', 'POST /networks/conf-plain/connect', 403, '?', {
    body: { Container: 'conf-member' },
  }),
  refused('networkConnect', 'a network that is not there', 'POST /networks/conf-nope/connect', 404, '?', {
    body: { Container: 'conf-member' },
  }),
  refused('networkConnect', 'a container that is not there', 'POST /networks/conf-plain/connect', 404, '?', {
    body: { Container: 'nope' },
  }),
  refused('networkConnect', 'no container', 'POST /networks/conf-plain/connect', 404, '?', { body: {} }),
  refused('networkConnect', 'nothing', 'POST /networks/conf-plain/connect', 400, '?'),
  refused('networkConnect', 'no JSON', 'POST /networks/conf-plain/connect', 400, '?', { body: '{' }),
  refused('networkConnect', "the machine's network", 'POST /networks/host/connect', 400, '?', {
    body: { Container: 'conf-member' },
  }),
  works('containerInspect', 'one in two networks', 'GET /containers/conf-member/json', 200, INSPECTED),
  refused('networkRemove', 'one that is in use', 'DELETE /networks/conf-net', 403, '?'),
  works('networkDisconnect', 'one of two networks', 'POST /networks/conf-plain/disconnect', 200, undefined, {
    body: { Container: 'conf-member' },
  }),
  refused('networkDisconnect', 'where it is not', 'POST /networks/conf-plain/disconnect', 403, '?', {
    body: { Container: 'conf-member' },
  }),
  refused(
    'networkDisconnect',
    'a container that is not there',
    'POST /networks/conf-plain/disconnect',
    404,
    '?',
    { body: { Container: 'nope' } },
  ),
  refused(
    'networkDisconnect',
    'a network that is not there',
    'POST /networks/conf-nope/disconnect',
    404,
    '?',
    { body: { Container: 'conf-member' } },
  ),
  refused('networkDisconnect', 'Force of the wrong type', 'POST /networks/conf-plain/disconnect', 400, '?', {
    body: { Container: 'x', Force: 'yes' },
  }),
  works('containerRemove', 'one in a network', 'DELETE /containers/conf-member?force=true', 204),
  refused('networkRemove', "the machine's", 'DELETE /networks/host', 403, '?'),
  refused('networkRemove', 'the default one', 'DELETE /networks/bridge', 403, '?'),
  refused('networkRemove', 'one that is not there', 'DELETE /networks/conf-nope', 404, '?'),
  works('networkRemove', 'one that nobody uses', 'DELETE /networks/{plain}', 204),
  works(
    'networkPrune',
    'by label',
    `POST /networks/prune?${filters({ label: ['conformance'] })}`,
    200,
    NETWORKS_PRUNED,
  ),
  works(
    'networkPrune',
    'nothing',
    `POST /networks/prune?${filters({ label: ['conformance'] })}`,
    200,
    NETWORKS_PRUNED,
  ),
  refused(
    'networkPrune',
    'a filter that is unknown',
    `POST /networks/prune?${filters({ name: ['x'] })}`,
    400,
    '?',
  ),
];

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
  refused('volumeCreate', 'without a body', VOLUME_CREATE, 400, '?'),
  refused('volumeCreate', 'no JSON', VOLUME_CREATE, 400, '?', { body: '{' }),
  refused('volumeCreate', 'a name that is none', VOLUME_CREATE, 400, '?', { body: { Name: 'a/b' } }),
  refused('volumeCreate', 'a name of one letter', VOLUME_CREATE, 400, '?', { body: { Name: 'a' } }),
  refused('volumeCreate', 'a name of the wrong type', VOLUME_CREATE, 400, '?', { body: { Name: 5 } }),
  refused('volumeCreate', 'a driver that is unknown', VOLUME_CREATE, 404, '?', {
    body: { Name: 'conf-x', Driver: 'conf-nope' },
  }),
  refused('volumeCreate', 'an option that is unknown', VOLUME_CREATE, 400, '?', {
    body: { Name: 'conf-x', DriverOpts: { odd: 'x' } },
  }),
  refused('volumeCreate', 'a type without a device', VOLUME_CREATE, 400, '?', {
    body: { Name: 'conf-x', DriverOpts: { type: 'tmpfs' } },
  }),
  refused('volumeCreate', 'for a cluster', VOLUME_CREATE, 503, '?', {
    body: { Name: 'conf-x', ClusterVolumeSpec: {} },
  }),
  works('volumeInspect', 'by name', 'GET /volumes/conf-vol', 200, VOLUME),
  works('volumeInspect', 'with options', 'GET /volumes/conf-tmp', 200, VOLUME),
  works('volumeInspect', 'without a name', 'GET /volumes/{anonymous}', 200, VOLUME),
  refused('volumeInspect', 'one that is not there', 'GET /volumes/conf-nope', 404, '?'),
  refused('volumeInspect', 'a part of its name', 'GET /volumes/conf', 404, '?'),
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
  refused('volumeList', 'a filter that is unknown', `GET /volumes?${filters({ colour: ['red'] })}`, 400, '?'),
  refused(
    'volumeList',
    'dangling that is neither',
    `GET /volumes?${filters({ dangling: ['perhaps'] })}`,
    400,
    '?',
  ),
  refused('volumeList', 'filters that are no JSON', 'GET /volumes?filters=x', 400, '?'),
  works('containerCreate', 'one with a volume', 'POST /containers/create?name=conf-keeps', 201, CREATED, {
    body: { Image, HostConfig: { Binds: ['conf-vol:/data'] } },
    keep: { keeps: 'Id' },
  }),
  refused('volumeRemove', 'one that is in use', 'DELETE /volumes/conf-vol', 409, '?'),
  refused('volumeRemove', 'one that is in use, by force', 'DELETE /volumes/conf-vol?force=1', 409, '?'),
  works('containerRemove', 'one with a volume', 'DELETE /containers/conf-keeps', 204),
  works('volumeRemove', 'one that nobody uses', 'DELETE /volumes/conf-vol', 204),
  works('volumeRemove', 'one that is not there, by force', 'DELETE /volumes/conf-vol?force=true', 204),
  refused('volumeRemove', 'one that is not there', 'DELETE /volumes/conf-vol', 404, '?'),
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
    '?',
  ),
  refused(
    'volumePrune',
    'all that is neither',
    `POST /volumes/prune?${filters({ all: ['perhaps'] })}`,
    400,
    '?',
  ),
];
