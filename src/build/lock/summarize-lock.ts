import { ARCHES } from '../../shared/arch.ts';
import type { Lock, LockedSets } from './lock.ts';

/** What a lock holds, a line for each set of packages, each image and Node: for one that is new. */
export function summarizeLock(lock: Lock): string[] {
  return [
    ...lock.suites.map(({ suite, date }) => `${suite} of ${date}`),
    ...ARCHES.flatMap(arch => {
      const locked = lock.architectures[arch];
      if (!locked) return [];
      return [
        `${arch}: node ${locked.node.version}`,
        ...Object.entries(locked.images).map(
          ([name, { manifest }]) => `${arch}: ${name}, ${manifest.digest}`,
        ),
        ...describeSets(arch, locked),
      ];
    }),
    ...ARCHES.flatMap(arch => describeSets(`tools for ${arch}`, lock.tools[arch])),
  ];
}

function describeSets(of: string, locked: LockedSets | undefined): string[] {
  return Object.entries(locked?.sets ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([set, ids]) => `${of}: ${set}, ${ids.length} package${ids.length === 1 ? '' : 's'}`);
}
