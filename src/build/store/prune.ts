import { lstat, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../shared/errors.ts';
import { BLOB_FOLDERS, type Session, listSessions } from './session.ts';

export interface StoreUsage {
  readonly path: string;
  readonly blobs: { readonly count: number; readonly sizeBytes: number };
  readonly results: { readonly count: number; readonly sizeBytes: number };
  /** Unfinished files, of running builds and of interrupted ones. */
  readonly temporary: { readonly sizeBytes: number };
  readonly sizeBytes: number;
}

/** Exactly one of the two is meant; `all` wins. */
export interface PruneOptions {
  /** Remove what was not used for this many days. */
  readonly maxAgeDays?: number;
  readonly all?: boolean;
}

export interface PruneResult {
  readonly removed: number;
  readonly removedBytes: number;
  /** Kept because a build that is running now may use them. */
  readonly inUse: number;
}

/** Sizes are of the files' allocated blocks. */
export async function measureStore(root: string): Promise<StoreUsage> {
  const packages = await measureFolder(join(root, 'blobs', 'sha256'));
  const images = await measureFolder(join(root, 'images', 'sha256'));
  const blobs = {
    count: packages.count + images.count,
    sizeBytes: packages.sizeBytes + images.sizeBytes,
  };
  const results = await measureFolder(join(root, 'results'));
  const temporary = await measureFolder(join(root, 'tmp'));
  return {
    path: root,
    blobs,
    results,
    temporary: { sizeBytes: temporary.sizeBytes },
    sizeBytes: blobs.sizeBytes + results.sizeBytes + temporary.sizeBytes,
  };
}

/**
 * Removes leftovers of builds that were interrupted, and blobs and results by age or all of them.
 * What another live session may be using stays: everything used since that session began.
 */
export async function pruneStore(root: string, own: Session, options: PruneOptions): Promise<PruneResult> {
  // The file system's clock, not ours: they differ on network file systems.
  const nowMs = (await lstat(await touch(own))).ctimeMs;
  const sessions = await listSessions(root, nowMs);
  for (const folder of sessions.dead) await rm(folder, { recursive: true, force: true });
  const others = sessions.live.filter(session => session.folder !== own.folder);
  const inUseSinceMs = Math.min(...others.map(session => session.startedMs));
  const keepSinceMs = options.all ? Number.POSITIVE_INFINITY : nowMs - (options.maxAgeDays ?? 0) * 86_400_000;
  let removed = 0;
  let removedBytes = 0;
  let inUse = 0;
  for (const folder of [...BLOB_FOLDERS, 'results']) {
    for (const name of (await readdir(join(root, folder))).sort()) {
      const path = join(root, folder, name);
      const usedMs = (await statOrNothing(path))?.ctimeMs;
      if (usedMs === undefined || usedMs > keepSinceMs) continue;
      if (usedMs >= inUseSinceMs) {
        inUse++;
        continue;
      }
      const sizeBytes = await sizeOf(path);
      // A folder disappears at once for others, and is taken apart where nobody looks.
      const aside = own.temporaryPath();
      await rename(path, aside);
      await rm(aside, { recursive: true, force: true });
      if (!folder.endsWith('sha512')) removed++;
      removedBytes += sizeBytes;
    }
  }
  return { removed, removedBytes, inUse };
}

async function touch(session: Session): Promise<string> {
  const path = session.temporaryPath();
  await writeFile(path, '');
  return path;
}

async function measureFolder(folder: string): Promise<{ count: number; sizeBytes: number }> {
  const names = await readdir(folder);
  let sizeBytes = 0;
  for (const name of names) sizeBytes += await sizeOf(join(folder, name));
  return { count: names.length, sizeBytes };
}

async function sizeOf(path: string): Promise<number> {
  const found = await statOrNothing(path);
  if (!found) return 0;
  let sizeBytes = found.blocks * 512;
  if (found.isDirectory())
    for (const name of await readdir(path)) sizeBytes += await sizeOf(join(path, name));
  return sizeBytes;
}

/** Other builds publish and prune at the same time: what has gone is nothing. */
async function statOrNothing(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
