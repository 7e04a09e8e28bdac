import { probeHostPort } from '../../host/port-probe.ts';
import type { EngineContext } from '../context.ts';
import { portNotPublished } from '../docker-errors.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import type { PublishedPort } from './endpoint.ts';
import { liveSandboxOf } from './live.ts';
import { DYNAMIC_PORTS, type PortWish, TakenPorts, planPorts } from './ports.ts';

/** What is to be published of a container. Throws ENGINE_INVALID_PARAMETER. */
export function portWishesOf({ request }: Pick<ContainerRecord, 'request'>): PortWish[] {
  const host = request.HostConfig ?? {};
  return planPorts(host.PortBindings ?? {}, request.ExposedPorts ?? [], host.PublishAllPorts === true);
}

/**
 * Finds a port of the machine for each wish: the one it names, or a free one. Runs inside the queue's key of networks.
 * Throws PORT_NOT_PUBLISHED with Docker's sentences.
 * @param hostIp where ports are published that name no address
 * @param endpointText `NAME (ID)` in those sentences
 */
export async function allocatePorts(
  context: EngineContext,
  containerId: string,
  wishes: readonly PortWish[],
  hostIp: string,
  endpointText: string,
): Promise<PublishedPort[]> {
  const taken = new TakenPorts();
  for (const record of context.table.all()) {
    if (record.id === containerId) continue;
    for (const port of liveSandboxOf(context, record)?.ports ?? []) taken.add(port);
  }
  const ports: PublishedPort[] = [];
  // Those that leave no choice first.
  const ordered = [...wishes].sort((a, b) => choices(a) - choices(b));
  for (const wish of ordered) {
    const { containerPort, protocol } = wish;
    const ip = wish.hostIp === '' ? hostIp : wish.hostIp;
    const { first, last } = wish.hostPorts ?? DYNAMIC_PORTS;
    let fault = '';
    let found: PublishedPort | undefined;
    for (let hostPort = first; hostPort <= last && found === undefined; hostPort += 1) {
      const candidate = { containerPort, protocol, hostIp: ip, hostPort };
      const shown = `${ip === '' ? '0.0.0.0' : ip.includes(':') ? `[${ip}]` : ip}:${hostPort}`;
      if (taken.has(candidate)) {
        fault = `Bind for ${shown} failed: port is already allocated`;
        continue;
      }
      const error = protocol === 'sctp' ? undefined : await probeHostPort(protocol, ip, hostPort);
      if (error === undefined) found = candidate;
      else
        fault = `failed to bind port ${shown}/${protocol}: listen ${protocol}${ip.includes(':') ? '6' : '4'} ${shown}: bind: ${WORDS[error] ?? error}`;
    }
    if (found === undefined) {
      const any = `Bind for ${ip === '' ? '0.0.0.0' : ip} failed: all ports are allocated`;
      throw portNotPublished(
        `driver failed programming external connectivity on endpoint ${endpointText}: ${first === last ? fault : any}`,
      );
    }
    taken.add(found);
    ports.push(found);
  }
  return ports;
}

const WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EACCES: 'permission denied',
};

function choices({ hostPorts }: PortWish): number {
  return hostPorts === undefined ? Infinity : hostPorts.last - hostPorts.first;
}
