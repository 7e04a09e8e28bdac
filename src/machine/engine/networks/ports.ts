import { isIP } from 'node:net';
import type { PortBinding } from '../../engine-api/wire.ts';
import { invalidParameter } from '../docker-errors.ts';
import type { Protocol, PublishedPort } from './endpoint.ts';

/** A port of a container that is to be reached on the machine. */
export interface PortWish {
  readonly containerPort: number;
  readonly protocol: Protocol;
  readonly hostIp: string;
  /** One of these; none: of the engine's choice. */
  readonly hostPorts?: { readonly first: number; readonly last: number };
}

/** Ports that the engine chooses from, as the kernel does. */
export const DYNAMIC_PORTS = { first: 32_768, last: 60_999 } as const;

const MAX_PORTS = 4096;

/** Parses `80/tcp`, `53/udp` or `80`. Throws ENGINE_INVALID_PARAMETER. */
export function parsePort(key: string): { readonly port: number; readonly protocol: Protocol } {
  const [, portText = '', protocol = 'tcp'] = /^(\d{1,5})(?:\/(\w+))?$/.exec(key) ?? [];
  const name = protocol.toLowerCase();
  const port = Number(portText);
  if (port < 1 || port > 65_535) throw invalidParameter(`invalid port specification: "${key}"`);
  if (name !== 'tcp' && name !== 'udp' && name !== 'sctp') {
    throw invalidParameter(`invalid port specification: "${key}": invalid protocol: ${protocol}`);
  }
  return { port, protocol: name };
}

/**
 * What is to be published of a container. With `publishAll` every exposed port that is not published anyway.
 * Throws ENGINE_INVALID_PARAMETER.
 */
export function planPorts(
  bindings: Readonly<Record<string, readonly PortBinding[]>>,
  exposed: readonly string[],
  publishAll: boolean,
): PortWish[] {
  const wishes = Object.entries(bindings).flatMap(([key, list]) => {
    const { port: containerPort, protocol } = parsePort(key);
    return list.map(({ HostIp: hostIp = '', HostPort = '' }) => {
      if (hostIp !== '' && isIP(hostIp) === 0) throw invalidParameter(`invalid IP address: ${hostIp}`);
      return { containerPort, protocol, hostIp, ...parseHostPorts(HostPort) };
    });
  });
  if (!publishAll) return limited(wishes);
  const more = exposed
    .map(parsePort)
    .filter(
      ({ port, protocol }) => !wishes.some(wish => wish.containerPort === port && wish.protocol === protocol),
    )
    .map(({ port, protocol }) => ({ containerPort: port, protocol, hostIp: '' }));
  return limited([...wishes, ...more]);
}

/** They are kept in the container's record, and each is a rule that every packet meets. */
function limited(wishes: PortWish[]): PortWish[] {
  if (wishes.length > MAX_PORTS) {
    throw invalidParameter(`a container cannot publish more than ${MAX_PORTS} ports`);
  }
  return wishes;
}

function parseHostPorts(text: string): Pick<PortWish, 'hostPorts'> {
  if (text === '' || text === '0') return {};
  const [, firstText = '', lastText = firstText] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const first = Number(firstText);
  const last = Number(lastText);
  if (firstText === '' || first < 1 || last > 65_535 || last < first) {
    throw invalidParameter(`invalid port specification: "${text}"`);
  }
  return { hostPorts: { first, last } };
}

type HostPort = Omit<PublishedPort, 'containerPort'>;

/** Ports of the machine that somebody has. */
export class TakenPorts {
  readonly #addresses = new Map<string, string[]>();

  add({ protocol, hostPort, hostIp }: HostPort): void {
    const key = `${protocol} ${hostPort}`;
    this.#addresses.set(key, [...(this.#addresses.get(key) ?? []), hostIp]);
  }

  /** Whether somebody has this port on one of the addresses that are meant. */
  has({ protocol, hostPort, hostIp }: HostPort): boolean {
    const addresses = this.#addresses.get(`${protocol} ${hostPort}`) ?? [];
    return addresses.some(other => isAny(other) || isAny(hostIp) || other === hostIp);
  }
}

/** Whether an address stands for every one of the machine's. */
export function isAny(hostIp: string): boolean {
  return hostIp === '' || hostIp === '0.0.0.0' || hostIp === '::';
}

/** Ports that follow each other on both sides, as one range. */
export interface PortRange extends PublishedPort {
  readonly count: number;
}

/** The same ports as few ranges. */
export function groupPorts(ports: readonly PublishedPort[]): PortRange[] {
  const sorted = [...ports].sort(
    (a, b) =>
      a.protocol.localeCompare(b.protocol) ||
      a.hostIp.localeCompare(b.hostIp) ||
      a.hostPort - b.hostPort ||
      a.containerPort - b.containerPort,
  );
  const ranges: PortRange[] = [];
  for (const port of sorted) {
    const last = ranges.at(-1);
    const follows =
      last?.protocol === port.protocol &&
      last.hostIp === port.hostIp &&
      last.hostPort + last.count === port.hostPort &&
      last.containerPort + last.count === port.containerPort;
    if (last !== undefined && follows) ranges[ranges.length - 1] = { ...last, count: last.count + 1 };
    else ranges.push({ ...port, count: 1 });
  }
  return ranges;
}
