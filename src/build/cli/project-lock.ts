import { relative } from 'node:path';
import { ToolError } from '../../shared/errors.ts';
import type { EmitEvent } from '../../shared/events.ts';
import { diffLocks } from '../lock/diff-locks.ts';
import { loadLock, saveLock } from '../lock/lock-file.ts';
import type { Lock } from '../lock/lock.ts';
import type { Project } from '../project.ts';

/** A project's lock as it was resolved, not yet written where it is another than before. */
export interface ProjectLock {
  readonly lock: Lock;
  /** What the file held; undefined where there was none, or a damaged one that is replaced. */
  readonly previous: Lock | undefined;
  /** Writes the lock beside the manifest; true when the file has changed. Errors as `saveLock`. */
  readonly save: () => Promise<boolean>;
}

/** More changes are summed up. */
const MAX_CHANGES = 10;

const DAMAGED = ['LOCK_SYNTAX', 'LOCK_MALFORMED', 'LOCK_VERSION'];

/** The lock in a file, as `loadLock`; a damaged one counts as none, with a warning. */
export async function loadReplaceableLock(file: string, emit: EmitEvent): Promise<Lock | undefined> {
  try {
    return await loadLock(file);
  } catch (error) {
    if (!(error instanceof ToolError) || !DAMAGED.includes(error.code)) throw error;
    emit({
      type: 'warning',
      message: `${error.message}; it is written anew, and what it held is chosen again`,
      hint: 'version control has the lock as it was',
    });
    return undefined;
  }
}

/** A resolved lock that is written when `save` is called, and tells of what has changed. */
export function projectLock(
  { lockPath, workingDirectory }: Pick<Project, 'lockPath' | 'workingDirectory'>,
  { lock, previous, emit }: { lock: Lock; previous: Lock | undefined; emit: EmitEvent },
): ProjectLock {
  const shown = relative(workingDirectory, lockPath);
  return {
    lock,
    previous,
    async save() {
      const hasChanged = lock !== previous && (await saveLock(lockPath, lock));
      if (hasChanged) emit({ type: 'note', message: changeNote(shown, previous, lock) });
      return hasChanged;
    },
  };
}

function changeNote(shown: string, previous: Lock | undefined, lock: Lock): string {
  if (!previous) return `lock: ${shown} is new`;
  const changes = diffLocks(previous, lock);
  if (changes.length === 0) return `lock: ${shown}, no version changed`;
  const rest = changes.length - MAX_CHANGES;
  return [
    `lock: ${shown}, ${changes.length} change${changes.length === 1 ? '' : 's'}`,
    ...changes.slice(0, MAX_CHANGES).map(change => `  ${change}`),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ].join('\n');
}

/** How a person asks for a project's lock. */
export function lockCommandLine({ names }: Pick<Project, 'names'>): string {
  return ['slipway lock', ...names].join(' ');
}
