import { createHash } from 'node:crypto';
import { type Subnet, formatAddress, formatSubnet, overlaps, parseSubnet } from './address.ts';
import type { AddressPool } from './network-record.ts';

/** Subnets that networks get, in this order. 172.17 comes last: a Docker that users run takes it first. */
function* candidates(): Generator<Subnet> {
  for (const second of [...Array.from({ length: 13 }, (_, index) => 19 + index), 18, 17]) {
    yield { version: 4, base: (172n << 24n) + (BigInt(second) << 16n), prefix: 16 };
  }
  for (let third = 0n; third < 256n; third += 16n) {
    yield { version: 4, base: (192n << 24n) + (168n << 16n) + (third << 8n), prefix: 20 };
  }
}

/** The default network is where RancherOS had it, unless the machine is connected there. */
function* defaultCandidates(): Generator<Subnet> {
  yield { version: 4, base: (172n << 24n) + (18n << 16n), prefix: 16 };
  yield* candidates();
}

/**
 * A subnet for a network that names none, apart from what is taken; undefined when there is none left.
 * @param taken subnets of other networks, and where the machine's routes lead
 */
export function choosePool(taken: readonly Subnet[], isDefault: boolean): AddressPool | undefined {
  for (const subnet of isDefault ? defaultCandidates() : candidates()) {
    if (!taken.some(other => overlaps(subnet, other))) {
      return { subnet: formatSubnet(subnet), gateway: firstOf(subnet), reserved: {} };
    }
  }
  return undefined;
}

/** A unique local IPv6 subnet (RFC 4193) that belongs to a network's id. */
export function choosePool6(id: string): AddressPool {
  const hash = createHash('sha256').update(`ipv6 ${id}`).digest();
  const base = [0xfd, ...hash.subarray(0, 7), 0, 0, 0, 0, 0, 0, 0, 0].reduce(
    (value, byte) => value * 256n + BigInt(byte),
    0n,
  );
  const subnet: Subnet = { version: 6, base, prefix: 64 };
  return { subnet: formatSubnet(subnet), gateway: firstOf(subnet), reserved: {} };
}

/** The first address that can be used, which the bridge gets. */
export function firstOf(subnet: Subnet): string {
  return formatAddress({ version: subnet.version, value: subnet.base + 1n });
}

/** Subnets of networks. */
export function subnetsOf(networks: readonly { readonly pools: readonly AddressPool[] }[]): Subnet[] {
  return networks
    .flatMap(({ pools }) => pools)
    .map(({ subnet }) => parseSubnet(subnet))
    .filter(subnet => subnet !== undefined);
}
