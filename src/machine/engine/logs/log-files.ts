import { readdirSync, statSync } from 'node:fs';
import { link, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../../shared/errors.ts';

/** The name that conmon writes to. */
export const CURRENT = 'current';

/** One file of a container's log. */
export interface LogFile {
  readonly path: string;
  readonly inode: bigint;
  readonly sizeBytes: number;
  /** Position among the files; undefined for a `current` that has no number yet. */
  readonly number: number | undefined;
}

/**
 * The files of a log, the oldest first. Every file gets a number, which is a second name (hard link) of
 * what conmon writes as `current`; so conmon may put a new file in the place of `current` at any time
 * and the old one is still there.
 */
export function listLogFiles(folder: string): LogFile[] {
  const files: LogFile[] = [];
  for (const name of readNames(folder)) {
    if (!/^\d{6,12}$/.test(name)) continue;
    const file = statLog(join(folder, name), Number(name));
    if (file !== undefined) files.push(file);
  }
  files.sort((a, b) => (a.number ?? 0) - (b.number ?? 0));
  const current = statLog(join(folder, CURRENT), undefined);
  if (current !== undefined && !files.some(file => file.inode === current.inode)) files.push(current);
  return files;
}

/** Gives `current` its number if it has none yet; returns the files. */
export async function numberCurrent(folder: string): Promise<LogFile[]> {
  const files = listLogFiles(folder);
  const last = files.at(-1);
  if (last === undefined || last.number !== undefined) return files;
  const number = (files.at(-2)?.number ?? 0) + 1;
  const path = join(folder, String(number).padStart(6, '0'));
  try {
    await link(last.path, path);
  } catch (error) {
    // Gone or numbered meanwhile: the next look finds it.
    if (isSystemError(error, 'ENOENT', 'EEXIST')) return files;
    throw error;
  }
  return [...files.slice(0, -1), { ...last, path, number }];
}

/**
 * Deletes the oldest numbered files for as long as `keepBytes` are left without them: a file that has become
 * far too long does not take the whole log with it. The newest always stays.
 */
export async function trimLog(files: readonly LogFile[], keepBytes: number): Promise<void> {
  let total = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  for (const file of files.slice(0, -1)) {
    total -= file.sizeBytes;
    if (total < keepBytes) return;
    await unlinkIfThere(file.path);
  }
}

/** Deletes a file; no error when it is gone. */
export async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
  }
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  }
}

function statLog(path: string, number: number | undefined): LogFile | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : { path, inode: found.ino, sizeBytes: Number(found.size), number };
}
