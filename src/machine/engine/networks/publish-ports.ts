import { probeHostPort } from '../../host/port-probe.ts';
import type { EngineContext } from '../context.ts';
import { portNotPublished } from '../docker-errors.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import type { PublishedPort } from './endpoint.ts';
import { liveSandboxOf } from './live.ts';
import { DYNAMIC_PORTS, type PortWish, collides, planPorts } from './ports.ts';

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
  const taken = context.table
    .all()
    .filter(record => record.id !== containerId)
    .flatMap(record => liveSandboxOf(context, record)?.ports ?? []);
  const ports: PublishedPort[] = [];
  const refuse = (reason: string): never => {
    throw portNotPublished(
      `driver failed programming external connectivity on endpoint ${endpointText}: ${reason}`,
    );
  };
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
      if ([...taken, ...ports].some(other => collides(other, candidate))) {
        fault = `Bind for ${shown} failed: port is already allocated`;
        continue;
      }
      const error = protocol === 'sctp' ? undefined : await probeHostPort(protocol, ip, hostPort);
      if (error === undefined) found = candidate;
      else
        fault = `failed to bind port ${shown}/${protocol}: listen ${protocol}${ip.includes(':') ? '6' : '4'} ${shown}: bind: ${WORDS[error] ?? error}`;
    }
    ports.push(
      found ??
        refuse(
          first === last ? fault : `Bind for ${ip === '' ? '0.0.0.0' : ip} failed: all ports are allocated`,
        ),
    );
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
