import { isIPv4, isIPv6 } from 'node:net';

/** An IP address as a number. */
export interface Address {
  readonly version: 4 | 6;
  readonly value: bigint;
}

/** A range of addresses with a common beginning. */
export interface Subnet {
  readonly version: 4 | 6;
  /** The lowest address. */
  readonly base: bigint;
  /** Bits that are common. */
  readonly prefix: number;
}

const BITS = { 4: 32, 6: 128 } as const;

/** Parses an IPv4 or IPv6 address without a zone; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { version: 4, value: parseV4(text) };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return { version: 6, value: parseV6(text) };
}

/** An address as it is usually written. */
export function formatAddress({ version, value }: Address): string {
  if (version === 4) {
    return [24n, 16n, 8n, 0n].map(shift => String((value >> shift) & 0xffn)).join('.');
  }
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - index * 16)) & 0xffffn).toString(16),
  );
  // The first longest run of zeros is left out (RFC 5952).
  const runs = groups.join(':').match(/\b0(:0)+\b/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return groups.join(':');
  const text = groups.join(':');
  const at = text.search(new RegExp(`\\b${longest}\\b`));
  const before = text.slice(0, at).replace(/:$/, '');
  const after = text.slice(at + longest.length).replace(/^:/, '');
  return `${before}::${after}`;
}

/** Parses `10.1.0.0/16`; bits behind the prefix are dropped. Undefined for anything else. */
export function parseSubnet(text: string): Subnet | undefined {
  const [, addressText = '', prefixText = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseAddress(addressText);
  const prefix = Number(prefixText);
  if (address === undefined || prefix > BITS[address.version]) return undefined;
  const shift = BigInt(BITS[address.version] - prefix);
  return { version: address.version, base: (address.value >> shift) << shift, prefix };
}

/** `10.1.0.0/16` */
export function formatSubnet({ version, base, prefix }: Subnet): string {
  return `${formatAddress({ version, value: base })}/${prefix}`;
}

/** The highest address of a subnet. */
export function lastOf({ version, base, prefix }: Subnet): bigint {
  return base + (1n << BigInt(BITS[version] - prefix)) - 1n;
}

/** Whether an address lies in a subnet. */
export function containsAddress(subnet: Subnet, { version, value }: Address): boolean {
  return version === subnet.version && value >= subnet.base && value <= lastOf(subnet);
}

/** Whether two subnets have an address in common. */
export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.version === b.version && a.base <= lastOf(b) && b.base <= lastOf(a);
}

/** Whether all of `inner` lies in `outer`. */
export function containsSubnet(outer: Subnet, inner: Subnet): boolean {
  return outer.version === inner.version && inner.base >= outer.base && lastOf(inner) <= lastOf(outer);
}

function parseV4(text: string): bigint {
  return text.split('.').reduce((value, part) => value * 256n + BigInt(part), 0n);
}

function parseV6(text: string): bigint {
  // An embedded IPv4 address stands for two groups.
  const plain = text.replace(/\d+\.\d+\.\d+\.\d+$/, tail => {
    const value = parseV4(tail);
    return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
  });
  const [head = '', tail] = plain.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const before = groups(head);
  const after = groups(tail ?? '');
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array.from({ length: missing }, () => '0'), ...after].reduce(
    (value, group) => value * 65_536n + BigInt(`0x${group}`),
    0n,
  );
}
