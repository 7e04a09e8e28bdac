import { stat } from 'node:fs/promises';
import { pack } from 'tar-fs';
import type { Entry } from '../../../shared/archive/entry.ts';
import { readTar } from '../../../shared/archive/tar.ts';
import { isSystemError } from '../../../shared/errors.ts';

/**
 * The files of a recipe's `rootfs/` folder, in byte order of their paths; none if there is no such folder.
 * They belong to root; modes are 0755 for folders and for files that their owner may execute, else 0644,
 * whatever the umask was under which the folder was written. Errors of the host's disk pass through.
 *
 * @param epoch seconds since 1970, the time of every entry
 */
export async function readRootfs(folder: string, epoch: number): Promise<Entry[]> {
  try {
    await stat(folder);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  }
  const entries: Entry[] = [];
  // A stream of streamx: iterable, though its types do not say so.
  const archive = pack(folder) as unknown as AsyncIterable<Uint8Array>;
  for await (const entry of readTar(archive, { name: folder })) {
    if (entry.path === '') continue;
    const isExecutable = entry.kind === 'directory' || (entry.mode & 0o100) !== 0;
    const mode = entry.kind === 'symlink' ? 0o777 : isExecutable ? 0o755 : 0o644;
    entries.push({ ...entry, mode, uid: 0, gid: 0, mtime: epoch });
  }
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}
