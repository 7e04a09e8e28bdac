import { ToolError } from '../../../shared/errors.ts';
import type { NetworkNames } from '../containers/network-files.ts';
import type { EngineContext } from '../context.ts';
import { invalidParameter } from '../docker-errors.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import { liveSandboxOf } from './live.ts';
import { DEFAULT_NETWORK, endpointsOf, parseLink } from './modes.ts';
import { type NetworkRecord, isDefaultNetwork } from './network-record.ts';
import { isNamed } from './wire-up.ts';

/** What a container's networks say of names, for its files below /etc. Throws ENGINE_INVALID_PARAMETER for a dead link. */
export function namesOf(context: EngineContext, record: ContainerRecord): NetworkNames {
  const sandbox = liveSandboxOf(context, record);
  if (sandbox === undefined) {
    return { ownAddresses: [], hosts: [], nameservers: [], hostGateway: '127.0.0.1' };
  }
  const networks = sandbox.endpoints
    .map(endpoint => ({ endpoint, network: context.networks.find(endpoint.networkId) }))
    .filter((place): place is typeof place & { network: NetworkRecord } => place.network !== undefined);
  const first = networks.find(({ network }) => network.id === sandbox.gateway) ?? networks[0];
  const gateway = first?.network.pools[0]?.gateway;
  return {
    ownAddresses: sandbox.endpoints.flatMap(({ ipv4, ipv6 }) =>
      [ipv4, ipv6].filter(address => address !== undefined),
    ),
    hosts: networks.flatMap(({ network }) => linksIn(context, record, network)),
    // The gateway's answers first: it also knows the way out.
    nameservers: [...networks]
      .sort((a, b) => Number(b === first) - Number(a === first))
      .filter(({ network }) => !isDefaultNetwork(network))
      .flatMap(({ network }) => network.pools.map(pool => pool.gateway)),
    ...(gateway === undefined ? {} : { hostGateway: gateway }),
  };
}

/** Lines of /etc/hosts for the containers that this one knows by names of its own. */
function linksIn(
  context: EngineContext,
  record: ContainerRecord,
  network: NetworkRecord,
): { readonly address: string; readonly names: readonly string[] }[] {
  const wish = endpointsOf(record).find(({ network: wanted }) => isNamed(network, wanted));
  const legacy = wish?.network === DEFAULT_NETWORK || wish === endpointsOf(record)[0];
  const links = [...(wish?.links ?? []), ...(legacy ? (record.request.HostConfig?.Links ?? []) : [])];
  return links.flatMap(text => {
    const { container, alias } = parseLink(text);
    const other = find(context, container);
    const endpoint =
      other === undefined
        ? undefined
        : liveSandboxOf(context, other)?.endpoints.find(({ networkId }) => networkId === network.id);
    if (other === undefined || endpoint === undefined) {
      if (!isDefaultNetwork(network)) return [];
      // Nothing else would tell of it there.
      throw invalidParameter(
        other === undefined
          ? `could not get container for ${container}`
          : `Cannot link to a non running container: /${other.name} AS /${record.name}/${alias}`,
      );
    }
    const names = [...new Set([alias, other.request.Hostname ?? other.id.slice(0, 12), other.name])];
    return [endpoint.ipv4, endpoint.ipv6]
      .filter(address => address !== undefined)
      .map(address => ({ address, names: names.filter(name => /^[\w.-]+$/.test(name)) }));
  });
}

/** Whether a container has a link to another one. */
export function isLinkedTo(context: EngineContext, record: ContainerRecord, id: string): boolean {
  const links = [
    ...(record.request.HostConfig?.Links ?? []),
    ...endpointsOf(record).flatMap(wish => wish.links),
  ];
  return links.some(text => find(context, parseLink(text).container)?.id === id);
}

function find(context: EngineContext, nameOrId: string): ContainerRecord | undefined {
  try {
    return context.table.resolve(nameOrId);
  } catch (error) {
    if (error instanceof ToolError) return undefined;
    throw error;
  }
}
