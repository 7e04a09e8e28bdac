import type { ServiceDefinition } from '../../shared/service/definition.ts';
import type { ContainerSummary } from '../engine-client/engine-client.ts';

/**
 * Names of services that share a pod's old namespaces: those of its owner went with an earlier life of it.
 *
 * @param sharesPod whether two processes have the pod's namespaces in common
 */
export function staleMembers(
  services: readonly Pick<ServiceDefinition, 'name' | 'pod'>[],
  owner: string,
  containers: readonly Pick<ContainerSummary, 'name' | 'pid'>[],
  sharesPod: (pid: number, other: number) => boolean,
): string[] {
  const pidOf = (name: string): number => containers.find(container => container.name === name)?.pid ?? 0;
  const pid = pidOf(owner);
  if (pid === 0) return [];
  return services
    .filter(service => service.pod === owner)
    .map(({ name }) => name)
    .filter(name => pidOf(name) !== 0 && !sharesPod(pid, pidOf(name)));
}
