import { CommandFailure } from '../failure.ts';
import { type Definition, collect } from '../flags.ts';
import { pairsOf } from '../volume/volume.ts';

interface CreateOptions {
  readonly attachable?: boolean;
  readonly auxAddress?: readonly string[];
  readonly configFrom?: string;
  readonly configOnly?: boolean;
  readonly driver: string;
  readonly gateway?: readonly string[];
  readonly ingress?: boolean;
  readonly internal?: boolean;
  readonly ipRange?: readonly string[];
  readonly ipamDriver: string;
  readonly ipamOpt?: readonly string[];
  readonly ipv6?: boolean;
  readonly label?: readonly string[];
  readonly opt?: readonly string[];
  readonly scope?: string;
  readonly subnet?: readonly string[];
}

/** `network create` */
export const defineNetworkCreate: Definition = (command, session) => {
  command
    .operands('NETWORK', 1, 1)
    .option('--attachable', 'containers may be attached by hand')
    .option('--aux-address <map>', 'an address that the driver uses itself: NAME=ADDRESS', collect)
    .option('--config-from <string>', 'network to take settings from')
    .option('--config-only', 'keep the settings only')
    .option('-d, --driver <string>', 'driver of the network', 'bridge')
    .option('--gateway <strings>', 'address of the gateway', collect)
    .option('--ingress', 'network of a swarm')
    .option('--internal', 'no way out')
    .option('--ip-range <strings>', 'addresses to give out', collect)
    .option('--ipam-driver <string>', 'driver of addresses', 'default')
    .option('--ipam-opt <map>', 'set an option of the driver of addresses', collect)
    .option('--ipv6', 'addresses of IPv6 too')
    .option('--label <list>', 'set a label', collect)
    .option('-o, --opt <map>', 'set an option of the driver', collect)
    .option('--scope <string>', 'scope of the network')
    .option('--subnet <strings>', 'addresses of the network, e.g. 172.20.0.0/16', collect)
    .runs<CreateOptions>(session, async ([name = ''], options) => {
      const answer = (await session.client.request('POST', '/networks/create', {
        body: {
          Driver: options.driver,
          Scope: options.scope ?? '',
          EnableIPv6: options.ipv6 === true,
          IPAM: {
            Driver: options.ipamDriver,
            Options: pairsOf(options.ipamOpt ?? []),
            Config: addressPools(options),
          },
          Internal: options.internal === true,
          Attachable: options.attachable === true,
          Ingress: options.ingress === true,
          ConfigOnly: options.configOnly === true,
          ConfigFrom: options.configFrom === undefined ? null : { Network: options.configFrom },
          Options: pairsOf(options.opt ?? []),
          Labels: pairsOf(options.label ?? []),
          Name: name,
        },
      })) as { readonly Id: string };
      await session.print(`${answer.Id}\n`);
    });
};

interface Pool {
  Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/** One pool for each subnet, with the range, gateway and addresses that lie in it. */
function addressPools(options: CreateOptions): Pool[] {
  const pools: Pool[] = (options.subnet ?? []).map(Subnet => ({ Subnet }));
  if (pools.length < (options.ipRange?.length ?? 0) || pools.length < (options.gateway?.length ?? 0)) {
    throw new CommandFailure(1, 'every ip-range or gateway must have a corresponding subnet');
  }
  for (const [index, { Subnet }] of pools.entries()) {
    if (
      pools.some(
        (other, at) => at !== index && (contains(Subnet, other.Subnet) || contains(other.Subnet, Subnet)),
      )
    ) {
      throw new CommandFailure(1, 'multiple overlapping subnet configuration is not supported');
    }
  }
  const poolOf = (address: string): Pool => {
    const pool = pools.find(({ Subnet }) => contains(Subnet, address));
    if (pool === undefined) throw new CommandFailure(1, `no matching subnet for ${address}`);
    return pool;
  };
  for (const range of options.ipRange ?? []) poolOf(range).IPRange = range;
  for (const gateway of options.gateway ?? []) poolOf(gateway).Gateway = gateway;
  for (const [name, address] of Object.entries(pairsOf(options.auxAddress ?? []))) {
    (poolOf(address).AuxiliaryAddresses ??= {})[name] = address;
  }
  return pools;
}

/** Whether an address, or the first of a range, lies in a subnet. */
function contains(subnet: string, address: string): boolean {
  const [base = '', prefix = ''] = subnet.split('/');
  const own = bitsOf(base);
  const other = bitsOf(address.split('/')[0] ?? '');
  const length = Number(prefix);
  if (own === undefined || own.length !== other?.length) return false;
  return own.slice(0, length) === other.slice(0, length);
}

/** An address as ones and zeros; undefined for what is none. */
function bitsOf(address: string): string | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(address)) {
    return address
      .split('.')
      .map(part => Number(part).toString(2).padStart(8, '0'))
      .join('');
  }
  if (!/^[\da-fA-F:]+$/.test(address) || !address.includes(':')) return undefined;
  const [head = '', tail] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const before = groups(head);
  const after = groups(tail ?? '');
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  if (missing < 0) return undefined;
  const all = [...before, ...Array.from({ length: missing }, () => '0'), ...after];
  if (all.length !== 8) return undefined;
  return all.map(group => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('');
}
