import { compareApiVersions } from '../../engine-api/api-version.ts';
import type { EndpointBody, PortBody } from '../../engine-api/bodies.ts';
import type { EngineContext } from '../context.ts';
import { parseAddress, containsAddress, parseSubnet } from '../networks/address.ts';
import type { Endpoint, EndpointWish, PublishedPort } from '../networks/endpoint.ts';
import { endpointIdOf, liveSandboxOf } from '../networks/live.ts';
import {
  DEFAULT_NETWORK,
  dnsNamesOf,
  endpointsOf,
  hasSandbox,
  isNetworkName,
  networkModeOf,
} from '../networks/modes.ts';
import {
  type AddressPool,
  type NetworkRecord,
  isDefaultNetwork,
  predefinedId,
} from '../networks/network-record.ts';
import { isNamed } from '../networks/wire-up.ts';
import { type ContainerRecord, isLive } from '../store/container-record.ts';

/** What Docker says of a container's networks: `NetworkSettings` of its inspection. */
export function formatNetworkSettings(
  context: EngineContext,
  record: ContainerRecord,
  version: string,
): Readonly<Record<string, unknown>> {
  const sandbox = liveSandboxOf(context, record);
  const networks = networksOf(context, record);
  const runs = isLive(record.state);
  const main = networks[DEFAULT_NETWORK];
  return {
    Bridge: '',
    SandboxID: record.state.status === 'created' ? '' : endpointIdOf(record.id, 'sandbox'),
    SandboxKey: runs && sandbox !== undefined ? context.table.paths(record.id).namespace : '',
    Ports: runs ? portMapOf(record, sandbox?.ports ?? []) : {},
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    // Of the default network, from before there were others.
    EndpointID: main?.EndpointID ?? '',
    Gateway: main?.Gateway ?? '',
    GlobalIPv6Address: main?.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: main?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: main?.IPAddress ?? '',
    IPPrefixLen: main?.IPPrefixLen ?? 0,
    IPv6Gateway: main?.IPv6Gateway ?? '',
    MacAddress: main?.MacAddress ?? '',
    Networks: compareApiVersions(version, '1.45') < 0 ? withIdAsAlias(record, networks) : networks,
  };
}

/** Before API 1.45 the container's own names on networks of people's own were among its aliases. */
function withIdAsAlias(
  record: ContainerRecord,
  networks: Readonly<Record<string, EndpointBody>>,
): Readonly<Record<string, EndpointBody>> {
  const names = [record.id.slice(0, 12), record.request.Hostname ?? ''].filter(name => name !== '');
  return Object.fromEntries(
    Object.entries(networks).map(([name, endpoint]) => [
      name,
      isNetworkName(name) && name !== 'bridge'
        ? { ...endpoint, Aliases: [...new Set([...(endpoint.Aliases ?? []), ...names])] }
        : endpoint,
    ]),
  );
}

/** The networks of a container by name, with its addresses while it runs. */
export function networksOf(
  context: EngineContext,
  record: ContainerRecord,
): Readonly<Record<string, EndpointBody>> {
  const mode = networkModeOf(record.request);
  if ((mode === 'host' || mode === 'none') && record.endpoints === undefined) {
    const runs = isLive(record.state);
    const id = predefinedId(mode);
    return {
      [mode]: {
        ...EMPTY_ENDPOINT,
        ...(record.state.status === 'created' ? {} : { NetworkID: id }),
        ...(runs ? { EndpointID: endpointIdOf(record.id, id) } : {}),
      },
    };
  }
  if (!isNetworkName(mode) && record.endpoints === undefined) return {};
  const live = liveSandboxOf(context, record)?.endpoints ?? [];
  return Object.fromEntries(
    endpointsOf(record).map(wish => {
      const network = context.networks.all().find(one => isNamed(one, wish.network));
      const endpoint = live.find(({ networkId }) => networkId === network?.id);
      return [network?.name ?? wish.network, formatEndpoint(record, wish, network, endpoint)];
    }),
  );
}

/** Ports of a container as `docker ps` lists them: published ones, then those that it only offers. */
export function portsOf(context: EngineContext, record: ContainerRecord): PortBody[] {
  if (!isLive(record.state)) return [];
  const ports = liveSandboxOf(context, record)?.ports ?? [];
  const offered = offeredPortsOf(record)
    .filter(
      ({ port, protocol }) => !ports.some(one => one.containerPort === port && one.protocol === protocol),
    )
    .map(({ port, protocol }) => ({ PrivatePort: port, Type: protocol }));
  const published = ports.map(port => ({
    IP: shownAddress(port.hostIp),
    PrivatePort: port.containerPort,
    PublicPort: port.hostPort,
    Type: port.protocol,
  }));
  return [...offered, ...published];
}

/** `ADDRESS/BITS`, with the length of the subnet that the address lies in. */
export function withPrefixOf(pools: readonly AddressPool[], address: string): string {
  return `${address}/${prefixOf(pools, address)}`;
}

/** Docker shows published and offered ports in one table; the latter lead nowhere. */
function portMapOf(
  record: ContainerRecord,
  ports: readonly PublishedPort[],
): Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>> {
  const map: Record<string, { HostIp: string; HostPort: string }[] | null> = {};
  for (const { port, protocol } of offeredPortsOf(record)) map[`${port}/${protocol}`] = null;
  for (const port of ports) {
    (map[`${port.containerPort}/${port.protocol}`] ??= []).push({
      HostIp: shownAddress(port.hostIp),
      HostPort: String(port.hostPort),
    });
  }
  return map;
}

function formatEndpoint(
  record: ContainerRecord,
  wish: EndpointWish,
  network: NetworkRecord | undefined,
  endpoint: Endpoint | undefined,
): EndpointBody {
  const pools = network?.pools ?? [];
  const gatewayFor = (address: string | undefined): string =>
    address === undefined || network?.internal === true ? '' : (poolWith(pools, address)?.gateway ?? '');
  const isNew = record.state.status === 'created' && endpoint === undefined;
  const hasNames = network !== undefined && !isDefaultNetwork(network);
  return {
    ...EMPTY_ENDPOINT,
    IPAMConfig:
      wish.ipv4 === undefined && wish.ipv6 === undefined
        ? null
        : {
            ...(wish.ipv4 === undefined ? {} : { IPv4Address: wish.ipv4 }),
            ...(wish.ipv6 === undefined ? {} : { IPv6Address: wish.ipv6 }),
          },
    Links: wish.links.length === 0 ? null : wish.links,
    Aliases: wish.aliases.length === 0 ? null : wish.aliases,
    MacAddress: endpoint?.mac ?? wish.mac ?? '',
    DriverOpts: Object.keys(wish.driverOptions).length === 0 ? null : wish.driverOptions,
    NetworkID: isNew ? '' : (network?.id ?? ''),
    EndpointID: endpoint === undefined ? '' : endpointIdOf(record.id, endpoint.networkId),
    Gateway: gatewayFor(endpoint?.ipv4),
    IPAddress: endpoint?.ipv4 ?? '',
    IPPrefixLen: endpoint?.ipv4 === undefined ? 0 : prefixOf(pools, endpoint.ipv4),
    IPv6Gateway: gatewayFor(endpoint?.ipv6),
    GlobalIPv6Address: endpoint?.ipv6 ?? '',
    GlobalIPv6PrefixLen: endpoint?.ipv6 === undefined ? 0 : prefixOf(pools, endpoint.ipv6),
    DNSNames: !isNew && hasNames ? dnsNamesOf(record, wish.aliases) : null,
  };
}

function poolWith(pools: readonly AddressPool[], text: string): AddressPool | undefined {
  const address = parseAddress(text);
  return pools.find(pool => {
    const subnet = parseSubnet(pool.subnet);
    return address !== undefined && subnet !== undefined && containsAddress(subnet, address);
  });
}

function prefixOf(pools: readonly AddressPool[], address: string): number {
  return parseSubnet(poolWith(pools, address)?.subnet ?? '')?.prefix ?? 0;
}

/** What a container in networks of its own says it listens on; `80` and `80/tcp` are one. */
function offeredPortsOf(record: ContainerRecord): { readonly port: number; readonly protocol: string }[] {
  if (!hasSandbox(record)) return [];
  const ports = (record.request.ExposedPorts ?? []).map(key => {
    const [port = '', protocol = 'tcp'] = key.split('/');
    return [`${port}/${protocol}`, { port: Number(port), protocol }] as const;
  });
  return [...new Map(ports).values()];
}

function shownAddress(hostIp: string): string {
  return hostIp === '' ? '0.0.0.0' : hostIp;
}

const EMPTY_ENDPOINT: EndpointBody = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: '',
  DriverOpts: null,
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DNSNames: null,
};
