import { randomUUID } from 'node:crypto';
import { lstat, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { canonicalJson } from '../../shared/digest.ts';
import { ToolError, isSystemError } from '../../shared/errors.ts';
import type { Lock } from './lock.ts';
import { parseLock } from './parse-lock.ts';

/** The lock in a file, or undefined where there is none. Errors as `parseLock`, LOCK_NOT_A_FILE. */
export async function loadLock(file: string): Promise<Lock | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    if (isSystemError(error, 'EISDIR')) throw notAFile(file, 'a folder');
    throw error;
  }
  return parseLock(text, file);
}

/** The lock's text: keys sorted at every level, two blanks a level, a newline at the end. */
export function formatLock(lock: Lock): string {
  return `${JSON.stringify(JSON.parse(canonicalJson(lock)), null, 2)}\n`;
}

/**
 * Writes a lock; true when the file has changed, an equal one is left alone. Whoever reads at the same
 * time sees the old or the new lock, never a part. Throws LOCK_NOT_A_FILE where a link or something
 * else stands: a stranger's folder must not decide which of the user's files is overwritten.
 */
export async function saveLock(file: string, lock: Lock): Promise<boolean> {
  const text = formatLock(lock);
  try {
    const found = await lstat(file);
    if (found.isSymbolicLink()) throw notAFile(file, 'a symbolic link');
    if (!found.isFile()) throw notAFile(file, 'not a regular file');
    if ((await readFile(file, 'utf8')) === text) return false;
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
  }
  const temporary = join(dirname(file), `.${basename(file)}.${randomUUID()}.tmp`);
  try {
    const handle = await open(temporary, 'wx', 0o644);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw writeError(file, error);
  }
  return true;
}

function notAFile(file: string, what: string): ToolError {
  return new ToolError(`using the lock ${file}: it is ${what}`, {
    code: 'LOCK_NOT_A_FILE',
    kind: 'invalid-input',
    hint: 'replace it by a regular file, or remove it',
  });
}

function writeError(file: string, error: unknown): unknown {
  const reasons: Record<string, string> = {
    ENOSPC: 'no space is left on the device',
    EDQUOT: 'the disk quota is used up',
    EACCES: 'its folder is not writable',
    EROFS: 'its file system is read-only',
  };
  const code = isSystemError(error, ...Object.keys(reasons)) ? (error.code ?? '') : '';
  if (code === '') return error;
  return new ToolError(`writing the lock ${file}: ${reasons[code]}`, {
    code: 'LOCK_NOT_WRITABLE',
    kind: 'io',
    hint: 'the lock stands beside the manifest; make that folder writable',
    cause: error,
  });
}
