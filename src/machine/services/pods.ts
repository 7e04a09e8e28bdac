import type { ServiceDefinition } from '../../shared/service/definition.ts';
import type { EngineClient } from '../engine-client/engine-client.ts';
import type { ReadinessHost } from './readiness.ts';

/** What the planner needs of the machine besides the engine. */
export interface ServiceHost extends ReadinessHost {
  /** Whether two processes have the same network, ipc and host-name namespaces. */
  sharesPod(pid: number, other: number): boolean;
}

/** Names of services that share a pod's old namespaces: those of its owner went with an earlier life of it. */
export async function staleMembers(
  services: readonly Pick<ServiceDefinition, 'name' | 'pod'>[],
  owner: string,
  engine: Pick<EngineClient, 'list'>,
  host: Pick<ServiceHost, 'sharesPod'>,
): Promise<string[]> {
  const members = services.filter(service => service.pod === owner).map(({ name }) => name);
  if (members.length === 0) return [];
  const pids = new Map((await engine.list()).map(container => [container.name, container.pid]));
  const pidOf = (name: string): number => pids.get(name) ?? 0;
  if (pidOf(owner) === 0) return [];
  return members.filter(name => pidOf(name) !== 0 && !host.sharesPod(pidOf(owner), pidOf(name)));
}
