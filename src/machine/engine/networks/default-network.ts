import { listRoutes } from '../../host/routes.ts';
import type { EngineContext } from '../context.ts';
import { networkRefused } from '../docker-errors.ts';
import { type Subnet, overlaps, parseSubnet } from './address.ts';
import { choosePool, subnetsOf } from './choose-pool.ts';
import { membersOf } from './live.ts';
import { DEFAULT_NETWORK } from './modes.ts';
import { type NetworkRecord, predefinedId } from './network-record.ts';

/** As RancherOS called it: a Docker that users run has `docker0`. */
const DEFAULT_BRIDGE = 'docker-sys';

/** Docker's words when no subnet is left. */
export const NO_POOL =
  'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network';

/**
 * The default network, made when it is first needed. Its subnet is chosen anew as long as nobody is in it and the
 * machine has come to reach another network there. Runs inside the queue's key of networks. Throws NETWORK_REFUSED.
 */
export async function ensureDefaultNetwork(context: EngineContext): Promise<NetworkRecord> {
  const id = predefinedId('bridge');
  const known = context.networks.find(id);
  const routes = routedSubnets([DEFAULT_BRIDGE]);
  if (known !== undefined) {
    const own = subnetsOf([known]);
    const isClear = !routes.some(route => own.some(subnet => overlaps(route, subnet)));
    if (isClear || membersOf(context, id).length > 0) return known;
  }
  const others = context.networks.all().filter(network => network.id !== id);
  const pool = choosePool([...routes, ...subnetsOf(others)], true);
  if (pool === undefined) throw networkRefused(NO_POOL);
  const record: NetworkRecord = {
    schema: 1,
    id,
    name: DEFAULT_NETWORK,
    createdAtMs: known?.createdAtMs ?? context.clock(),
    bridge: DEFAULT_BRIDGE,
    pools: [pool],
    ownPools: false,
    internal: false,
    attachable: false,
    ipv6: false,
    options: {
      'com.docker.network.bridge.default_bridge': 'true',
      'com.docker.network.bridge.enable_icc': 'true',
      'com.docker.network.bridge.enable_ip_masquerade': 'true',
      'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0',
      'com.docker.network.bridge.name': DEFAULT_BRIDGE,
      'com.docker.network.driver.mtu': '1500',
    },
    ipamOptions: {},
    labels: {},
  };
  await context.networks.save(record);
  return record;
}

/** Where the machine's routes lead. @param except bridges whose routes are our own */
export function routedSubnets(except: readonly string[]): Subnet[] {
  return listRoutes()
    .filter(route => !except.includes(route.interface))
    .map(({ subnet }) => parseSubnet(subnet))
    .filter(subnet => subnet !== undefined);
}
