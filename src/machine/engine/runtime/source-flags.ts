import { readMountFlags } from '../../host/mount-flags.ts';
import type { PlannedMount } from './oci-mounts.ts';

/** What a request says to be free of a restriction. */
const OPPOSITES: Readonly<Record<string, string>> = {
  ro: 'rw',
  nosuid: 'suid',
  nodev: 'dev',
  noexec: 'exec',
};

/**
 * Gives a bind the restrictions of the mount that its source lies on, but for those that the request lifts by name:
 * crun mounts with exactly the flags it is given, so that `/state`, which is nosuid and nodev, would lose both.
 */
export function withSourceFlags(
  mount: PlannedMount,
  flagsOf: (path: string) => readonly string[] = readMountFlags,
): PlannedMount {
  if (mount.type !== 'bind') return mount;
  const added = flagsOf(mount.source).filter(
    flag => !mount.options.includes(flag) && !mount.options.includes(OPPOSITES[flag] ?? flag),
  );
  return added.length === 0 ? mount : { ...mount, options: [...mount.options, ...added] };
}
