import { CommandFailure } from '../failure.ts';
import type { CreateOptions } from './create-flags.ts';
import type { NetworkWish } from './network-flag.ts';

/** HostConfig.NetworkMode. */
export function networkMode(options: CreateOptions): string {
  const name = options.network?.[0]?.name ?? 'default';
  return name === '' ? 'default' : name;
}

const PREDEFINED = ['host', 'none', 'bridge', 'default', 'nat'];

/** Whether it is a network of its own, not one of the machine's or another container's. */
function isOwn(name: string): boolean {
  return !PREDEFINED.includes(name) && !name.startsWith('container:') && name !== '';
}

/** NetworkingConfig.EndpointsConfig: each network and the container's settings in it. Throws CommandFailure. */
export function endpoints(options: CreateOptions): Record<string, object> {
  const wishes: readonly NetworkWish[] = options.network ?? [
    { name: 'default', aliases: [], links: [], linkLocalIps: [], driverOpts: {} },
  ];
  const result: Record<string, object> = {};
  for (const [index, wish] of wishes.entries()) {
    const name = wish.name === '' ? 'default' : wish.name;
    if (result[name] !== undefined)
      throw fault(`network ${JSON.stringify(name)} is specified multiple times`);
    if (wishes.length > 1 && !isOwn(name) && name !== 'bridge' && name !== 'default') {
      throw fault('conflicting options: cannot attach both user-defined and non-user-defined network-modes');
    }
    const own = index === 0 ? mergeSingle(wish, options) : wish;
    if (own.aliases.length > 0 && !isOwn(name)) {
      throw fault('network-scoped alias is supported only for containers in user defined networks');
    }
    result[name] = endpoint(own, isOwn(name) && index === 0 ? (options.link ?? []) : own.links);
  }
  // The machine's own network and another container's have no settings.
  for (const name of Object.keys(result)) {
    if (wishes.length === 1 && (name === 'host' || name === 'none' || name.startsWith('container:'))) {
      return {};
    }
  }
  return result;
}

/** Options that are said apart belong to the first network. */
function mergeSingle(wish: NetworkWish, options: CreateOptions): NetworkWish {
  const merged = (name: 'ip' | 'ip6' | 'macAddress'): object => {
    const value = options[name];
    if (value !== undefined && wish[name] !== undefined)
      throw fault(`conflicting options: cannot specify both --${name} and per-network`);
    return value === undefined ? {} : { [name]: value };
  };
  return {
    ...wish,
    aliases: [...wish.aliases, ...(options.networkAlias ?? [])],
    linkLocalIps: [...wish.linkLocalIps, ...(options.linkLocalIp ?? [])],
    ...merged('ip'),
    ...merged('ip6'),
    ...merged('macAddress'),
  };
}

/** Settings of a container in a network, as the API has them. */
export function endpoint(wish: NetworkWish, links: readonly string[]): object {
  const hasAddress = wish.ip !== undefined || wish.ip6 !== undefined || wish.linkLocalIps.length > 0;
  return {
    IPAMConfig: hasAddress
      ? {
          ...(wish.ip === undefined ? {} : { IPv4Address: wish.ip }),
          ...(wish.ip6 === undefined ? {} : { IPv6Address: wish.ip6 }),
          ...(wish.linkLocalIps.length === 0 ? {} : { LinkLocalIPs: wish.linkLocalIps }),
        }
      : null,
    Links: orNull(links),
    Aliases: orNull(wish.aliases),
    MacAddress: wish.macAddress ?? '',
    NetworkID: '',
    EndpointID: '',
    Gateway: '',
    IPAddress: '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    DriverOpts: Object.keys(wish.driverOpts).length === 0 ? null : wish.driverOpts,
    DNSNames: null,
  };
}

/** A list as Go writes it: nil when nothing is in it. */
function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

function fault(message: string): CommandFailure {
  return new CommandFailure(125, message);
}
