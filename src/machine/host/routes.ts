import { readFileSync } from 'node:fs';

/** Where a route of the main table leads. */
export interface RouteTarget {
  readonly interface: string;
  /** `10.1.0.0/16` */
  readonly subnet: string;
}

/** The networks that the machine reaches without its default route, of IPv4. */
export function listRoutes(): RouteTarget[] {
  return parseRoutes(readFileSync('/proc/net/route', 'utf8'));
}

/** The interface of the default route; undefined when there is none. */
export function defaultInterface(): string | undefined {
  return readFileSync('/proc/net/route', 'utf8')
    .split('\n')
    .map(line => line.split(/\s+/))
    .find(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')?.[0];
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
