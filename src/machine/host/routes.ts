import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { isSystemError } from '../../shared/errors.ts';

/** Where a route of the main table leads. */
export interface RouteTarget {
  readonly interface: string;
  /** `10.1.0.0/16` */
  readonly subnet: string;
}

/** The networks that the machine reaches without its default route, of IPv4. */
export function listRoutes(): RouteTarget[] {
  return parseRoutes(readTable('/proc/net/route'));
}

/** The interface of IPv4's default route; undefined when there is none. */
export function defaultInterface(): string | undefined {
  return rowsOf(readTable('/proc/net/route')).find(
    ([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000',
  )?.[0];
}

/** Whether IPv6 has a default route: the kernel's own `unreachable` one, which lies on `lo`, is none. */
export function hasIpv6DefaultRoute(): boolean {
  return rowsOf(readTable('/proc/net/ipv6_route')).some(
    route => /^0{32}$/.test(route[0] ?? '') && route[1] === '00' && route[9] !== 'lo',
  );
}

/** True once a network card has an address that others can reach: not one that it gave itself for its own wire. */
export function hasNetworkAddress(family: 'IPv4' | 'IPv6', root = '/sys/class/net'): boolean {
  return Object.entries(networkInterfaces()).some(
    ([name, addresses = []]) =>
      existsSync(`${root}/${name}/device`) &&
      addresses.some(
        given => given.family === family && !given.internal && !/^(169\.254\.|fe[89ab])/i.test(given.address),
      ),
  );
}

/** Bytes that go through an interface at once; undefined when there is none of that name. */
export function readMtu(name: string): number | undefined {
  try {
    return Number(readFileSync(`/sys/class/net/${name}/mtu`, 'utf8').trim());
  } catch {
    return undefined;
  }
}

/** Reads /proc/net/route, which has addresses as numbers of the machine's byte order. */
export function parseRoutes(text: string): RouteTarget[] {
  return text.split('\n').flatMap(line => {
    const [name = '', destination = '', , , , , , mask = ''] = line.split(/\s+/);
    if (!/^[0-9A-F]{8}$/.test(destination) || !/^[0-9A-F]{8}$/.test(mask) || mask === '00000000') return [];
    const bits = Number.parseInt(mask, 16).toString(2).replaceAll('0', '').length;
    const bytes = [6, 4, 2, 0].map(at => Number.parseInt(destination.slice(at, at + 2), 16));
    return [{ interface: name, subnet: `${bytes.join('.')}/${bits}` }];
  });
}

/** Empty where the kernel has no such protocol. */
function readTable(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return '';
    throw error;
  }
}

function rowsOf(table: string): string[][] {
  return table.split('\n').map(line => line.trim().split(/\s+/));
}
