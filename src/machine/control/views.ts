import type { MachineImage } from '../../shared/machine-image.ts';
import type { EarlyStep, FailedFileSystem } from '../boot/early-timeline.ts';
import type { JournalData } from '../boot/journal.ts';
import type { BootView, VersionView } from './wire.ts';

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
