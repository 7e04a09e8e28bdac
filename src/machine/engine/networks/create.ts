import { randomBytes } from 'node:crypto';
import type { EngineContext } from '../context.ts';
import {
  invalidParameter,
  networkNameInUse,
  networkRefused,
  noSuchNetworkDriver,
  notSupported,
} from '../docker-errors.ts';
import {
  containsAddress,
  containsSubnet,
  formatAddress,
  formatSubnet,
  overlaps,
  parseAddress,
  parseSubnet,
} from './address.ts';
import { choosePool, choosePool6, firstOf, subnetsOf } from './choose-pool.ts';
import { NO_POOL, ensureDefaultNetwork, routedSubnets } from './default-network.ts';
import { netavarkOf, publishNetworkEvent } from './live.ts';
import { type AddressPool, type NetworkRecord, PREDEFINED } from './network-record.ts';
import { NETWORKS_KEY } from './network-table.ts';

/** What a network is to be. */
export interface NetworkRequest {
  readonly name: string;
  /** Empty or `bridge`. */
  readonly driver: string;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ipv6: boolean;
  readonly ipamDriver: string;
  readonly ipamOptions: Readonly<Record<string, string>>;
  readonly pools: readonly PoolRequest[];
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface PoolRequest {
  readonly subnet: string;
  readonly range: string;
  readonly gateway: string;
  readonly reserved: Readonly<Record<string, string>>;
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const BRIDGE_NAME = 'com.docker.network.bridge.name';

/**
 * Makes a bridge network; the bridge itself comes with its first container. Throws ENGINE_PROGRAM_MISSING,
 * ENGINE_INVALID_PARAMETER, ENGINE_NOT_SUPPORTED, NETWORK_REFUSED, NETWORK_NAME_CONFLICT, NETWORK_DRIVER_NOT_FOUND.
 */
export async function createNetwork(context: EngineContext, request: NetworkRequest): Promise<NetworkRecord> {
  netavarkOf(context, 'creating a network');
  const { name } = request;
  if (PREDEFINED.some(fixed => fixed === name)) {
    throw networkRefused(`operation is not permitted on predefined ${name} network `);
  }
  if (name.trim() === '') throw invalidParameter(`invalid name: ${name}`);
  if (!NAME.test(name) || name.length > 255 || name === 'default') {
    throw invalidParameter(
      `invalid name: ${JSON.stringify(name)}, only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  }
  if (request.driver === 'host' || request.driver === 'null') {
    throw networkRefused(`only one instance of "${request.driver}" network is allowed`);
  }
  if (request.driver !== '' && request.driver !== 'bridge') throw noSuchNetworkDriver(request.driver);
  if (request.ipamDriver !== '' && request.ipamDriver !== 'default') {
    throw noSuchNetworkDriver(request.ipamDriver);
  }
  checkOptions(request.options);
  const asked = request.pools.map(parsePool);
  return context.queue.run(NETWORKS_KEY, async () => {
    if (context.networks.all().some(network => network.name === name)) throw networkNameInUse(name);
    await ensureDefaultNetwork(context);
    const id = randomBytes(32).toString('hex');
    const bridge = request.options[BRIDGE_NAME] ?? `br-${id.slice(0, 12)}`;
    const others = context.networks.all();
    if (others.some(network => network.bridge === bridge)) {
      throw networkRefused(
        `cannot create network ${id} (${bridge}): conflicts with network (${bridge}): networks have same bridge name`,
      );
    }
    const network: NetworkRecord = {
      schema: 1,
      id,
      name,
      createdAtMs: context.clock(),
      bridge,
      pools: completePools(context, id, asked, request.ipv6),
      ownPools: asked.length > 0,
      internal: request.internal,
      attachable: request.attachable,
      ipv6: request.ipv6,
      options: request.options,
      ipamOptions: request.ipamOptions,
      labels: request.labels,
    };
    if (!context.networks.hasState) {
      context.log.warning(
        'a network is kept in memory: there is no state, so it is lost when the machine stops',
        { network: name },
      );
    }
    context.step('network: save');
    await context.networks.save(network);
    publishNetworkEvent(context, 'create', network);
    return network;
  });
}

/** One subnet of a request. Throws ENGINE_INVALID_PARAMETER. */
export function parsePool(pool: PoolRequest): AddressPool {
  const refuse = (reason: string): never => {
    throw invalidParameter(`invalid network config:\n${reason}`);
  };
  const subnet =
    parseSubnet(pool.subnet) ?? refuse(`invalid subnet ${pool.subnet}: invalid CIDR block notation`);
  if (formatSubnet(subnet) !== normal(pool.subnet)) {
    return refuse(`invalid subnet ${pool.subnet}: it should be ${formatSubnet(subnet)}`);
  }
  if (subnet.prefix > (subnet.version === 4 ? 30 : 126)) {
    return refuse(`invalid subnet ${pool.subnet}: it is too small`);
  }
  const inside = (text: string, what: string): string => {
    const address = parseAddress(text);
    if (address === undefined || !containsAddress(subnet, address)) {
      return refuse(`invalid ${what} ${text}: parent subnet ${pool.subnet} doesn't contain this address`);
    }
    return formatAddress(address);
  };
  const range = pool.range === '' ? undefined : parseSubnet(pool.range);
  if (pool.range !== '' && (range === undefined || !containsSubnet(subnet, range))) {
    return refuse(`invalid ip-range ${pool.range}: parent subnet ${pool.subnet} doesn't contain ip-range`);
  }
  return {
    subnet: formatSubnet(subnet),
    gateway: pool.gateway === '' ? firstOf(subnet) : inside(pool.gateway.split('/')[0] ?? '', 'gateway'),
    ...(range === undefined ? {} : { range: formatSubnet(range) }),
    reserved: Object.fromEntries(
      Object.entries(pool.reserved).map(([name, text]) => [name, inside(text, 'auxiliary address')]),
    ),
  };
}

/** The subnets of a network: those asked for, checked against all others, and those that are missing. */
function completePools(
  context: EngineContext,
  id: string,
  asked: readonly AddressPool[],
  ipv6: boolean,
): AddressPool[] {
  const version = (pool: AddressPool): 4 | 6 => parseSubnet(pool.subnet)?.version ?? 4;
  const first = asked.filter(pool => version(pool) === 4);
  const second = asked.filter(pool => version(pool) === 6);
  if (first.length > 1 || second.length > 1) {
    throw invalidParameter("bridge driver doesn't support multiple subnets");
  }
  if (second.length > 0 && !ipv6) {
    throw invalidParameter('invalid network config:\nan IPv6 subnet needs a network with IPv6 enabled');
  }
  const others = subnetsOf(context.networks.all());
  if (subnetsOf([{ pools: asked }]).some(subnet => others.some(other => overlaps(subnet, other)))) {
    throw networkRefused('Pool overlaps with other one on this address space');
  }
  const free = first[0] ?? choosePool([...routedSubnets([]), ...others], false);
  if (free === undefined) throw networkRefused(NO_POOL);
  return [free, ...(ipv6 ? [second[0] ?? choosePool6(id)] : [])];
}

/** Refuses options of Docker's bridge driver that would silently not be kept. */
function checkOptions(options: Readonly<Record<string, string>>): void {
  const bridge = options[BRIDGE_NAME];
  if (bridge !== undefined && !/^[a-zA-Z0-9][\w.-]{0,14}$/.test(bridge)) {
    throw invalidParameter(`invalid bridge name: ${JSON.stringify(bridge)}`);
  }
  const mtu = options['com.docker.network.driver.mtu'];
  if (mtu !== undefined && !/^\d{1,5}$/.test(mtu)) {
    throw invalidParameter(`invalid value for MTU: ${JSON.stringify(mtu)}`);
  }
  const binding = options['com.docker.network.bridge.host_binding_ipv4'];
  if (binding !== undefined && parseAddress(binding)?.version !== 4) {
    throw invalidParameter(`invalid host binding address: ${JSON.stringify(binding)}`);
  }
  for (const name of ['enable_icc', 'enable_ip_masquerade']) {
    const value = options[`com.docker.network.bridge.${name}`];
    if (value !== undefined && !['true', '1', 't', 'T', 'TRUE', 'True'].includes(value)) {
      throw notSupported(`com.docker.network.bridge.${name}=${value}`);
    }
  }
}

function normal(text: string): string {
  const [address = '', prefix = ''] = text.split('/');
  const parsed = parseAddress(address);
  return parsed === undefined ? text : `${formatAddress(parsed)}/${Number(prefix)}`;
}
