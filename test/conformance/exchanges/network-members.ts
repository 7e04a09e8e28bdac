import { type Exchange, filters, refused, works } from '../exchange.ts';
import { CREATED, INSPECTED } from '../tables/containers.ts';
import { NETWORK, NETWORKS_PRUNED } from '../tables/networks-and-volumes.ts';

const Image = 'conformance/base:1';

/** Containers in the networks, and the end of both. */
export const NETWORK_MEMBER_EXCHANGES: readonly Exchange[] = [
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
  refused(
    'networkConnect',
    'where it is already',
    'POST /networks/conf-plain/connect',
    403,
    'endpoint with name conf-member already exists in network conf-plain',
    {
      body: { Container: 'conf-member' },
    },
  ),
  refused(
    'networkConnect',
    'a network that is not there',
    'POST /networks/conf-nope/connect',
    404,
    'network conf-nope not found',
    {
      body: { Container: 'conf-member' },
    },
  ),
  refused(
    'networkConnect',
    'a container that is not there',
    'POST /networks/conf-plain/connect',
    404,
    'No such container: nope',
    {
      body: { Container: 'nope' },
    },
  ),
  refused(
    'networkConnect',
    'no container',
    'POST /networks/conf-plain/connect',
    400,
    'invalid name or ID supplied: ""',
    { body: {} },
  ),
  refused(
    'networkConnect',
    'nothing',
    'POST /networks/conf-plain/connect',
    400,
    'invalid name or ID supplied: ""',
  ),
  refused(
    'networkConnect',
    'no JSON',
    'POST /networks/conf-plain/connect',
    400,
    'invalid JSON: unexpected EOF',
    { body: '{' },
  ),
  refused(
    'networkConnect',
    "the machine's network",
    'POST /networks/host/connect',
    400,
    'container cannot be disconnected from host network or connected to host network',
    {
      body: { Container: 'conf-member' },
    },
  ),
  works('containerInspect', 'one in two networks', 'GET /containers/conf-member/json', 200, INSPECTED),
  refused(
    'networkRemove',
    'one that is in use',
    'DELETE /networks/conf-net',
    403,
    'error while removing network: network conf-net id {net} has active endpoints',
  ),
  works('networkDisconnect', 'one of two networks', 'POST /networks/conf-plain/disconnect', 200, undefined, {
    body: { Container: 'conf-member' },
  }),
  refused(
    'networkDisconnect',
    'where it is not',
    'POST /networks/conf-plain/disconnect',
    500,
    'container {member} is not connected to network conf-plain',
    {
      body: { Container: 'conf-member' },
    },
  ),
  refused(
    'networkDisconnect',
    'a container that is not there',
    'POST /networks/conf-plain/disconnect',
    404,
    'No such container: nope',
    { body: { Container: 'nope' } },
  ),
  refused(
    'networkDisconnect',
    'a network that is not there',
    'POST /networks/conf-nope/disconnect',
    404,
    'network conf-nope not found',
    { body: { Container: 'conf-member' } },
  ),
  refused(
    'networkDisconnect',
    'Force of the wrong type',
    'POST /networks/conf-plain/disconnect',
    400,
    'invalid JSON: json: cannot unmarshal string into Go struct field NetworkDisconnect.Force of type bool',
    {
      body: { Container: 'x', Force: 'yes' },
    },
  ),
  works('containerRemove', 'one in a network', 'DELETE /containers/conf-member?force=true', 204),
  refused(
    'networkRemove',
    "the machine's",
    'DELETE /networks/host',
    403,
    'host is a pre-defined network and cannot be removed',
  ),
  refused(
    'networkRemove',
    'the default one',
    'DELETE /networks/bridge',
    403,
    'bridge is a pre-defined network and cannot be removed',
  ),
  refused(
    'networkRemove',
    'one that is not there',
    'DELETE /networks/conf-nope',
    404,
    'network conf-nope not found',
  ),
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
    "invalid filter 'name'",
  ),
];
