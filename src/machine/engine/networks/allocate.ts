import { createHash } from 'node:crypto';
import type { EngineContext } from '../context.ts';
import { invalidParameter, networkRefused } from '../docker-errors.ts';
import { parseAddress } from './address.ts';
import { chooseAddress, checkAddress, poolOf } from './choose-address.ts';
import type { Endpoint, EndpointWish } from './endpoint.ts';
import { membersOf } from './live.ts';
import { endpointsOf } from './modes.ts';
import { type NetworkRecord, isDefaultNetwork } from './network-record.ts';

/**
 * A container's addresses in a network: those it asks for, else the lowest free ones. Nothing is kept of them but the
 * container's own record, so none can be lost. Runs inside the queue's key of networks.
 * Throws ENGINE_INVALID_PARAMETER, NETWORK_REFUSED.
 */
export function allocateEndpoint(
  context: EngineContext,
  containerId: string,
  network: NetworkRecord,
  wish: EndpointWish,
  interfaceName: string,
): Endpoint {
  const taken = new Set(
    membersOf(context, network.id, containerId).flatMap(({ endpoint: { ipv4, ipv6 } }) =>
      [ipv4, ipv6].filter(address => address !== undefined),
    ),
  );
  const wanted = reservedByWish(context, containerId, network);
  const addressOf = (version: 4 | 6): string | undefined => {
    const asked = version === 4 ? wish.ipv4 : wish.ipv6;
    if (asked !== undefined) return askedAddress(network, version, asked, taken);
    const pool = poolOf(network.pools, version);
    if (pool === undefined) return undefined;
    const address = chooseAddress(pool, new Set([...taken, ...wanted])) ?? chooseAddress(pool, taken);
    if (address !== undefined) return address;
    throw networkRefused(
      `no available IPv${version} addresses on this network's address pools: ${network.name} (${network.id})`,
    );
  };
  const ipv4 = addressOf(4);
  const ipv6 = addressOf(6);
  return {
    networkId: network.id,
    interfaceName,
    mac: wish.mac ?? macFor(ipv4, `${containerId} ${network.id}`),
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
  };
}

/** Throws what Docker says to an address that the container cannot have. */
export function askedAddress(
  network: NetworkRecord,
  version: 4 | 6,
  asked: string,
  taken: ReadonlySet<string>,
): string {
  if (isDefaultNetwork(network)) {
    throw invalidParameter('user specified IP address is supported on user defined networks only');
  }
  if (!network.ownPools) {
    throw invalidParameter(
      `invalid config for network ${network.name}: invalid endpoint settings:\nuser specified IP address is supported only when connecting to networks with user configured subnets`,
    );
  }
  const checked = checkAddress(network.pools, version, asked, taken);
  if ('address' in checked) return checked.address;
  if (checked.fault === 'taken') throw networkRefused('Address already in use');
  throw invalidParameter(
    `invalid config for network ${network.name}: invalid endpoint settings:\nno configured subnet or ip-range contain the IP address ${asked}`,
  );
}

/** The lowest free name of an interface. */
export function interfaceNameFor(
  wish: EndpointWish,
  network: NetworkRecord,
  taken: readonly Endpoint[],
): string {
  const asked =
    wish.driverOptions['com.docker.network.container_iface_prefix'] ??
    network.options['com.docker.network.container_iface_prefix'] ??
    'eth';
  const prefix = /^[a-z][\w.-]{0,10}$/i.test(asked) ? asked : 'eth';
  for (let index = 0; ; index += 1) {
    const name = `${prefix}${index}`;
    if (!taken.some(({ interfaceName }) => interfaceName === name)) return name;
  }
}

/** Addresses that other containers want when they start, which are left to them while there are others. */
function reservedByWish(context: EngineContext, containerId: string, network: NetworkRecord): Set<string> {
  const names = [network.id, network.name];
  return new Set(
    context.table
      .all()
      .filter(({ id }) => id !== containerId)
      .flatMap(endpointsOf)
      .filter(wish => names.includes(wish.network))
      .flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].filter(address => address !== undefined)),
  );
}

/** As Docker has it: one that belongs to the IPv4 address, so that neighbours need not learn another. */
function macFor(ipv4: string | undefined, seed: string): string {
  const address = ipv4 === undefined ? undefined : parseAddress(ipv4);
  const last =
    address === undefined
      ? createHash('sha256').update(seed).digest('hex').slice(0, 8)
      : address.value.toString(16).padStart(8, '0');
  return `02:42:${(last.match(/../g) ?? []).join(':')}`;
}
