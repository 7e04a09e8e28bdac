import type { NetworkBody, NetworkContainer } from '../../engine-api/bodies.ts';
import type { EngineContext } from '../context.ts';
import { conflict, invalidParameter, networkRefused, notSupported } from '../docker-errors.ts';
import type { Filters } from '../http/backend.ts';
import type { NetworkBackend, NetworkCreateRequest } from '../http/network-handlers.ts';
import { connectNetwork, predefinedName } from '../networks/connect.ts';
import { createNetwork } from '../networks/create.ts';
import { ensureDefaultNetwork } from '../networks/default-network.ts';
import { disconnectNetwork } from '../networks/disconnect.ts';
import { endpointIdOf, hasBridges, membersOf } from '../networks/live.ts';
import { isNetworkName, networkModeOf } from '../networks/modes.ts';
import { type NetworkRecord, predefinedId } from '../networks/network-record.ts';
import { NETWORKS_KEY } from '../networks/network-table.ts';
import { pruneNetworks, removeNetwork } from '../networks/remove.ts';
import { isLive } from '../store/container-record.ts';
import { matchesName } from './container-filters.ts';
import { withPrefixOf } from './network-settings.ts';
import { passesLabels, untilOf } from './prune-filters.ts';

/** Networks in Docker's words. */
export function networkBackend(context: EngineContext): NetworkBackend {
  let isPruning = false;
  return {
    async list(filters) {
      return select(await allNetworks(context), filters, id => membersOf(context, id).length > 0);
    },
    async inspect(nameOrId) {
      const all = await allNetworks(context);
      const fixed = predefinedName(nameOrId);
      const id = fixed === undefined ? context.networks.resolve(nameOrId).id : predefinedId(fixed);
      const network = all.find(({ Id }) => Id === id) ?? formatNetwork(context.networks.resolve(nameOrId));
      return { ...network, Containers: containersOf(context, network) };
    },
    create: async request => (await createNetwork(context, parseRequest(request))).id,
    remove: nameOrId => removeNetwork(context, nameOrId),
    connect: (network, container, settings) => connectNetwork(context, network, container, settings),
    disconnect: (network, container, force) => disconnectNetwork(context, network, container, force),
    async prune(filters) {
      if (isPruning) throw conflict('a prune operation is already running');
      const until = untilOf(filters, context.clock());
      isPruning = true;
      try {
        return await pruneNetworks(
          context,
          network =>
            passesLabels(network.labels, filters) && (until === undefined || network.createdAtMs <= until),
        );
      } finally {
        isPruning = false;
      }
    },
  };
}

function parseRequest(request: NetworkCreateRequest): Parameters<typeof createNetwork>[1] {
  if (request.ConfigOnly === true || (request.ConfigFrom?.Network ?? '') !== '') {
    throw notSupported('a network that is only a configuration');
  }
  if (request.Ingress === true) throw networkRefused('Ingress network can only be global scope network');
  if (request.Scope === 'swarm') {
    throw networkRefused('cannot create a swarm scoped network when swarm is not active');
  }
  if (!['', 'local'].includes(request.Scope ?? '')) throw notSupported(`a network of scope ${request.Scope}`);
  return {
    name: request.Name ?? '',
    driver: request.Driver ?? '',
    internal: request.Internal === true,
    attachable: request.Attachable === true,
    ipv6: request.EnableIPv6 === true,
    ipamDriver: request.IPAM?.Driver ?? '',
    ipamOptions: request.IPAM?.Options ?? {},
    pools: (request.IPAM?.Config ?? [])
      .filter(one => Object.values(one).some(value => value !== ''))
      .map(one => ({
        subnet: one.Subnet ?? '',
        range: one.IPRange ?? '',
        gateway: one.Gateway ?? '',
        reserved: one.AuxiliaryAddresses ?? {},
      })),
    options: request.Options ?? {},
    labels: request.Labels ?? {},
  };
}

/** Those that always are there, as far as the machine can have them, and those that were made. */
async function allNetworks(context: EngineContext): Promise<NetworkBody[]> {
  if (hasBridges(context)) await context.queue.run(NETWORKS_KEY, () => ensureDefaultNetwork(context));
  const fixed = (['host', 'none'] as const).map(name => ({
    ...EMPTY,
    Name: name,
    Id: predefinedId(name),
    // Nobody made it; it has been there as long as the engine.
    Created: new Date(Math.round(performance.timeOrigin)).toISOString(),
    Driver: name === 'none' ? 'null' : name,
  }));
  return [...context.networks.all().map(formatNetwork), ...fixed];
}

/** A network without its containers. */
export function formatNetwork(network: NetworkRecord): NetworkBody {
  return {
    ...EMPTY,
    Name: network.name,
    Id: network.id,
    Created: new Date(network.createdAtMs).toISOString(),
    Driver: 'bridge',
    EnableIPv6: network.ipv6,
    IPAM: {
      Driver: 'default',
      Options: Object.keys(network.ipamOptions).length === 0 ? null : network.ipamOptions,
      Config: network.pools.map(pool => ({
        Subnet: pool.subnet,
        ...(pool.range === undefined ? {} : { IPRange: pool.range }),
        Gateway: pool.gateway,
        ...(Object.keys(pool.reserved).length === 0 ? {} : { AuxiliaryAddresses: pool.reserved }),
      })),
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Options: network.options,
    Labels: network.labels,
  };
}

const EMPTY: Omit<NetworkBody, 'Name' | 'Id' | 'Created' | 'Driver'> = {
  Scope: 'local',
  EnableIPv6: false,
  IPAM: { Driver: 'default', Options: null, Config: null },
  Internal: false,
  Attachable: false,
  Ingress: false,
  ConfigFrom: { Network: '' },
  ConfigOnly: false,
  Containers: {},
  Options: {},
  Labels: {},
};

function containersOf(
  context: EngineContext,
  { Id, Name, Driver }: NetworkBody,
): Readonly<Record<string, NetworkContainer>> {
  if (Driver === 'bridge') {
    const pools = context.networks.resolve(Id).pools;
    return Object.fromEntries(
      membersOf(context, Id).map(({ record, endpoint }) => [
        record.id,
        {
          Name: record.name,
          EndpointID: endpointIdOf(record.id, Id),
          MacAddress: endpoint.mac,
          IPv4Address: endpoint.ipv4 === undefined ? '' : withPrefixOf(pools, endpoint.ipv4),
          IPv6Address: endpoint.ipv6 === undefined ? '' : withPrefixOf(pools, endpoint.ipv6),
        },
      ]),
    );
  }
  const inIt = context.table
    .all()
    .filter(
      ({ request, state, endpoints }) =>
        isLive(state) &&
        endpoints === undefined &&
        !isNetworkName(networkModeOf(request)) &&
        networkModeOf(request) === Name,
    );
  return Object.fromEntries(
    inIt.map(({ id, name }) => [
      id,
      { Name: name, EndpointID: endpointIdOf(id, Id), MacAddress: '', IPv4Address: '', IPv6Address: '' },
    ]),
  );
}

function select(
  networks: readonly NetworkBody[],
  filters: Filters,
  isInUse: (id: string) => boolean,
): NetworkBody[] {
  const any = (key: string, test: (value: string) => boolean): boolean => {
    const values = filters.get(key) ?? [];
    return values.length === 0 || values.some(test);
  };
  for (const type of filters.get('type') ?? []) {
    if (type !== 'custom' && type !== 'builtin') throw invalidParameter(`invalid filter: 'type'='${type}'`);
  }
  const dangling = filters.get('dangling')?.[0];
  if (dangling !== undefined && !['true', '1', 'false', '0'].includes(dangling)) {
    throw invalidParameter(
      `invalid value for filter 'dangling', must be "true" (or "1"), or "false" (or "0")`,
    );
  }
  const isDangling = dangling === 'true' || dangling === '1';
  return networks.filter(network => {
    const isBuiltIn = predefinedName(network.Id) !== undefined;
    return (
      any('driver', value => network.Driver === value) &&
      any('id', value => network.Id.includes(value)) &&
      any('name', value => matchesName(network.Name, value)) &&
      any('scope', value => network.Scope === value) &&
      any('type', value => (value === 'builtin') === isBuiltIn) &&
      passesLabels(network.Labels, filters) &&
      (dangling === undefined || isDangling === (!isBuiltIn && !isInUse(network.Id)))
    );
  });
}
