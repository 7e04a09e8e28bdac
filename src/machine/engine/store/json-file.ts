import { existsSync } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ToolError, isSystemError, messageOf } from '../../../shared/errors.ts';
import { releaseReserve } from './reserve.ts';

/** Records are small. Nothing longer is written, as it could not be read again. */
const MAX_LENGTH = 4 * 1024 * 1024;

/**
 * Writes a value as JSON so that a reader sees the old text or the new one, never a part. On a full disk a change of
 * what is there gets the room of the reserve (reserve.ts); something new does not. Throws RECORD_TOO_LARGE and I/O
 * errors, and leaves nothing behind then.
 * @param durable also survives a power cut; needless on a tmpfs
 * @param onWritten called when the new text is written, before it takes the old one's place
 */
export async function saveJson(
  file: string,
  value: unknown,
  durable: boolean,
  onWritten: () => void = () => undefined,
): Promise<void> {
  const text = `${JSON.stringify(value)}\n`;
  if (text.length > MAX_LENGTH) {
    throw new ToolError(`writing ${file}: it would be larger than 4 MiB`, {
      code: 'RECORD_TOO_LARGE',
      kind: 'invalid-input',
    });
  }
  const temporary = `${file}.new`;
  try {
    try {
      await writeText(temporary, text, durable);
    } catch (error) {
      const mayUseReserve = isSystemError(error, 'ENOSPC', 'EDQUOT') && existsSync(file);
      if (!mayUseReserve || !(await releaseReserve(file))) throw error;
      await writeText(temporary, text, durable);
    }
    onWritten();
    await rename(temporary, file);
  } catch (error) {
    // What was written so far takes the room that the next try needs.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  if (durable) await syncFolder(dirname(file));
}

async function writeText(file: string, text: string, durable: boolean): Promise<void> {
  await using handle = await open(file, 'w', 0o600);
  await handle.writeFile(text);
  if (durable) await handle.sync();
}

/**
 * Reads a JSON file; undefined when there is none. What an engine that was killed was writing is taken away. Throws
 * RECORD_MALFORMED (kind integrity).
 */
export async function loadJson(file: string): Promise<unknown> {
  // On a read-only disk it stays, and is written over some day.
  await rm(`${file}.new`, { force: true }).catch(() => undefined);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
  try {
    if (text.length > MAX_LENGTH) throw new Error('it is larger than 4 MiB');
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ToolError(`reading ${file}: ${messageOf(cause)}`, {
      code: 'RECORD_MALFORMED',
      kind: 'integrity',
      cause,
    });
  }
}

/** Makes renames in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
