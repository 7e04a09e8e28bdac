import {
  type Address,
  type Subnet,
  containsAddress,
  formatAddress,
  lastOf,
  parseAddress,
  parseSubnet,
} from './address.ts';
import type { AddressPool } from './network-record.ts';

/** The lowest free address of a pool; undefined when there is none. @param taken texts of addresses in use */
export function chooseAddress(pool: AddressPool, taken: ReadonlySet<string>): string | undefined {
  const subnet = parseSubnet(pool.subnet);
  if (subnet === undefined) return undefined;
  const range = parseSubnet(pool.range ?? pool.subnet) ?? subnet;
  const last = lastOf(range);
  for (let value = range.base; value <= last; value += 1n) {
    const address = { version: subnet.version, value };
    const text = formatAddress(address);
    if (isUsable(subnet, address) && !isReserved(pool, text) && !taken.has(text)) return text;
  }
  return undefined;
}

/** Why a container cannot have the address it asks for. */
export type AddressFault = 'malformed' | 'outside' | 'taken';

/** Checks an address that a container asks for; answers its usual spelling, or what is wrong with it. */
export function checkAddress(
  pools: readonly AddressPool[],
  version: 4 | 6,
  wanted: string,
  taken: ReadonlySet<string>,
): { readonly address: string } | { readonly fault: AddressFault } {
  const address = parseAddress(wanted);
  if (address?.version !== version) return { fault: 'malformed' };
  const pool = pools.find(({ subnet }) => {
    const parsed = parseSubnet(subnet);
    return parsed !== undefined && containsAddress(parsed, address) && isUsable(parsed, address);
  });
  if (pool === undefined) return { fault: 'outside' };
  const text = formatAddress(address);
  return pool.gateway === text || taken.has(text) ? { fault: 'taken' } : { address: text };
}

/** The pool of a version; a network has one at most. */
export function poolOf(pools: readonly AddressPool[], version: 4 | 6): AddressPool | undefined {
  return pools.find(({ subnet }) => parseSubnet(subnet)?.version === version);
}

/** Not the subnet's own address, nor, of IPv4, the one of all machines in it. */
function isUsable(subnet: Subnet, { value }: Address): boolean {
  return value !== subnet.base && (subnet.version === 6 || value !== lastOf(subnet));
}

function isReserved(pool: AddressPool, text: string): boolean {
  return pool.gateway === text || Object.values(pool.reserved).includes(text);
}
