import { mkdtemp, readdir, readlink, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { digestOf, hexOf } from '../../shared/digest.ts';
import { isSystemError } from '../../shared/errors.ts';
import { makeFolders } from '../../shared/fs/make-folders.ts';
import { storeError } from './store-error.ts';

/** Folders of blobs by hash, below the store's root; `sha512` holds names of npm's integrities. */
export const BLOB_FOLDERS: readonly string[] = ['blobs/sha256', 'blobs/sha512', 'images/sha256'];

/** A session of another computer or container can't be asked whether it lives; it ends by age. */
const FOREIGN_LIFETIME_MS = 24 * 3600 * 1000;

/** One process that has the store open, and its folder of unfinished files, `tmp/HOST-PID-XXXXXX`. */
export interface Session extends AsyncDisposable {
  readonly folder: string;
  /** When it began, by the file system's own clock, milliseconds since 1970. */
  readonly startedMs: number;
  /** A path in the session's folder that nothing else uses. */
  temporaryPath(): string;
}

/** Makes the store's folders and this process's session. Throws STORE_NOT_WRITABLE, STORE_FULL. */
export async function openSession(root: string): Promise<Session> {
  try {
    for (const folder of [...BLOB_FOLDERS, 'results', 'tmp']) {
      await makeFolders(join(root, folder));
    }
    const folder = await mkdtemp(join(root, 'tmp', `${await hostTag()}-${process.pid}-`));
    const { mtimeMs } = await stat(folder);
    let count = 0;
    return {
      folder,
      startedMs: mtimeMs,
      temporaryPath: () => join(folder, String(++count)),
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
    };
  } catch (error) {
    throw storeError(root, error);
  }
}

/** What is below `tmp/`: sessions that live, and those whose process has ended. */
export async function listSessions(
  root: string,
  nowMs: number,
): Promise<{
  readonly live: { readonly folder: string; readonly startedMs: number }[];
  readonly dead: string[];
}> {
  const here = await hostTag();
  const live = [];
  const dead = [];
  for (const name of (await readdir(join(root, 'tmp'))).sort()) {
    const folder = join(root, 'tmp', name);
    const found = await stat(folder).catch((error: unknown) => {
      if (isSystemError(error, 'ENOENT')) return undefined;
      throw error;
    });
    if (!found) continue;
    const [host, pid] = name.split('-');
    const isLive = host === here ? isProcess(Number(pid)) : found.mtimeMs > nowMs - FOREIGN_LIFETIME_MS;
    if (isLive) live.push({ folder, startedMs: found.birthtimeMs || found.mtimeMs });
    else dead.push(folder);
  }
  return { live, dead };
}

function isProcess(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isSystemError(error, 'EPERM');
  }
}

/** Names this computer and process-number space: containers share a store but not process numbers. */
async function hostTag(): Promise<string> {
  const space = await readlink('/proc/self/ns/pid').catch(() => '');
  return hexOf(digestOf(`${hostname()} ${space}`)).slice(0, 12);
}
