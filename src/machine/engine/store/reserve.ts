import { existsSync } from 'node:fs';
import { lstat, open, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSystemError } from '../../../shared/errors.ts';

/** Name of the reserve in a root folder of the engine. */
const FILE = 'reserve';
/** By this folder a root of the engine is known. */
const MARK = 'containers';
/** A few records at once; they are some kilobytes each, and the new one replaces the old. */
const RESERVE_BYTES = 64 * 1024;
/** Records lie at most this many folders below the root. */
const MAX_DEPTH = 3;

/**
 * Keeps a little room on a disk for changes of records: on a full one, containers must still be stopped and removed,
 * and their ends written down. Never throws: where there is no room for it, or the disk has faults, there is none.
 */
export async function fillReserve(root: string): Promise<void> {
  const file = join(root, FILE);
  const temporary = `${file}.new`;
  try {
    const found = await stat(file).catch(() => undefined);
    if (found?.size === RESERVE_BYTES) return;
    await using handle = await open(temporary, 'w', 0o600);
    // Zeros might not be given any room.
    await handle.writeFile(Buffer.alloc(RESERVE_BYTES, 0xa5));
    await rename(temporary, file);
  } catch {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

/** Gives the room of the reserve to a record; false when there is none left. @param file the record's */
export async function releaseReserve(file: string): Promise<boolean> {
  let folder = dirname(file);
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    folder = dirname(folder);
    const reserve = join(folder, FILE);
    try {
      const found = await lstat(reserve);
      // Further up the name may be somebody else's.
      const isOurs = found.isFile() && found.size === RESERVE_BYTES && existsSync(join(folder, MARK));
      if (!isOurs) continue;
      await unlink(reserve);
      return true;
    } catch (error) {
      if (!isSystemError(error, 'ENOENT')) return false;
    }
  }
  return false;
}
