import type { MachineImage } from '../../shared/machine-image.ts';
import type { ServiceDefinition } from '../../shared/service/definition.ts';
import type { EarlyStep, FailedFileSystem } from '../boot/early-timeline.ts';
import type { JournalData } from '../boot/journal.ts';
import type { ContainerSummary } from '../engine-client/engine-client.ts';
import type { ServiceProgress } from '../services/apply.ts';
import { type Unmet, formatUnmet } from '../services/plan.ts';
import type { BootView, ServiceView, VersionView } from './wire.ts';

export function versionView(image: MachineImage): VersionView {
  return {
    name: image.name,
    version: image.version,
    slipwayVersion: image.slipwayVersion,
    kernelRelease: image.kernelRelease,
    arch: image.arch,
    nodeVersion: process.versions.node,
  };
}

/** How a service is now: what the planner knows, and for one that was up, what the engine sees. */
export function serviceView(
  definition: ServiceDefinition,
  progress: ServiceProgress | undefined,
  unmet: Unmet | undefined,
  container: ContainerSummary | undefined,
): ServiceView {
  const { status, detail } = describe(definition, progress, unmet, container);
  return {
    name: definition.name,
    section: definition.section,
    image: definition.image,
    status,
    detail,
    pid: container?.pid ?? 0,
    restarts: container?.restartCount ?? 0,
    ...(progress?.startedAt === undefined ? {} : { startedAt: progress.startedAt }),
    ...(progress?.upAt === undefined ? {} : { upAt: progress.upAt }),
  };
}

export function bootView(
  journal: JournalData,
  early: readonly EarlyStep[],
  leftOut: readonly FailedFileSystem[],
  order: readonly string[],
  uptime: number,
): BootView {
  return {
    early,
    leftOut,
    phases: Object.entries(journal.phases).map(([name, record]) => ({ name, ...record })),
    services: order.map(name => {
      const { startedAt, upAt } = journal.services[name] ?? {};
      return {
        name,
        ...(startedAt === undefined ? {} : { startedAt }),
        ...(upAt === undefined ? {} : { upAt }),
      };
    }),
    lives: journal.lives,
    ...(journal.readyLine === undefined ? {} : { readyLine: journal.readyLine }),
    uptime,
  };
}

function describe(
  definition: ServiceDefinition,
  progress: ServiceProgress | undefined,
  unmet: Unmet | undefined,
  container: ContainerSummary | undefined,
): { status: string; detail: string } {
  if (definition.section === 'onshutdown') return { status: 'pending', detail: 'runs at shutdown' };
  const status = progress?.status ?? { status: 'waiting' };
  switch (status.status) {
    case 'failed':
      return { status: 'failed', detail: status.reason };
    case 'waiting':
      return { status: 'waiting', detail: unmet === undefined ? '' : formatUnmet(unmet) };
    case 'up':
      if (container?.status === 'running') return { status: 'up', detail: '' };
      return container?.status === 'restarting'
        ? { status: 'restarting', detail: `ended with exit code ${container.exitCode}` }
        : {
            status: 'stopped',
            detail: container === undefined ? 'its container is gone' : `exit code ${container.exitCode}`,
          };
    case 'starting':
    case 'done':
      return { status: status.status, detail: '' };
  }
}
