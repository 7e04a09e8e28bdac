import { constants } from 'node:fs';
import { chmod, lchown, link, lstat, lutimes, mkdir, open, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type StreamedEntry, streamTar } from '../../../shared/archive/tar.ts';
import { isSystemError } from '../../../shared/errors.ts';
import { CommandFailure } from '../failure.ts';

export interface ExtractOptions {
  /** Folder of this machine that everything goes into. */
  readonly folder: string;
  /** What stands for the first name of the archive; empty puts a folder's content into `folder` itself. */
  readonly to: string;
  /** Owners as in the archive; else the person's own. */
  readonly keepsOwners: boolean;
}

const NO_LIMITS = {
  maxEntries: 100_000_000,
  maxTotalBytes: Number.MAX_SAFE_INTEGER,
  maxFileBytes: Number.MAX_SAFE_INTEGER,
};

/**
 * Unpacks what a container gave. It may be hostile: nothing is ever written through a link, whether the archive
 * made it or it was there before, and device files are left out. Throws CommandFailure.
 */
export async function extractArchive(
  archive: AsyncIterable<Uint8Array>,
  options: ExtractOptions,
): Promise<void> {
  const folders: { path: string; mode: number; mtime: number }[] = [];
  let root: string | undefined;
  for await (const item of streamTar(archive, { name: 'archive', absolute: 'relative', limits: NO_LIMITS })) {
    const first = (root ??= item.entry.path);
    const inFolder = async (name: string): Promise<string | undefined> => {
      const path = renamed(name, first, options.to);
      return path === undefined ? undefined : safePath(options.folder, path);
    };
    const target = await inFolder(item.entry.path);
    if (target === undefined) continue;
    if (item.entry.kind === 'hardlink') await placeLink(await inFolder(item.entry.target), target);
    else await place(item, target, options, folders);
  }
  // Last, since writing into a folder changes its time, and its mode may forbid writing.
  for (const { path, mode, mtime } of folders.reverse()) {
    await chmod(path, mode);
    await lutimes(path, mtime, mtime);
  }
}

/** Another name of a file that was written before; it does not lead out of the folder, as nothing does. */
async function placeLink(from: string | undefined, target: string): Promise<void> {
  if (from === undefined)
    throw new CommandFailure(1, `cannot copy ${target}: it is a link to what is not copied`);
  if ((await infoOf(target))?.isDirectory() === true) {
    throw new CommandFailure(1, `cannot overwrite directory ${target} with non-directory`);
  }
  await rm(target, { force: true });
  await link(from, target);
}

/** The path of an entry under its new name; undefined for what the archive should not hold. */
function renamed(path: string, root: string, to: string): string | undefined {
  if (path === root) return to;
  if (root !== '' && !path.startsWith(`${root}/`)) return undefined;
  const rest = root === '' ? path : path.slice(root.length + 1);
  return to === '' ? rest : `${to}/${rest}`;
}

/** Checks that no part of a path below the folder is a link, and makes folders that are missing. */
async function safePath(folder: string, path: string): Promise<string> {
  const parts = path === '' ? [] : path.split('/');
  let current = folder;
  for (const part of parts.slice(0, -1)) {
    current = join(current, part);
    const info = await infoOf(current);
    if (info === undefined) await mkdir(current, { mode: 0o755 });
    else if (!info.isDirectory()) {
      throw new CommandFailure(1, `cannot copy to ${current}: it is not a folder`);
    }
  }
  return join(current, parts.at(-1) ?? '');
}

async function place(
  { entry, content }: StreamedEntry,
  target: string,
  { folder, keepsOwners }: ExtractOptions,
  folders: { path: string; mode: number; mtime: number }[],
): Promise<void> {
  const existing = await infoOf(target);
  if (entry.kind === 'directory') {
    // The folder to copy into may well be a link of the person's own.
    if (existing !== undefined && !existing.isDirectory() && target !== folder) {
      throw new CommandFailure(1, `cannot overwrite non-directory ${target} with directory`);
    }
    if (existing === undefined) await mkdir(target, { mode: 0o700 });
    if (existing === undefined || target !== folder) {
      folders.push({ path: target, mode: entry.mode, mtime: entry.mtime });
    }
  } else {
    if (existing?.isDirectory() === true) {
      throw new CommandFailure(1, `cannot overwrite directory ${target} with non-directory`);
    }
    switch (entry.kind) {
      case 'file':
        await rm(target, { force: true });
        await writeFile(target, keepsOwners ? entry : { mode: entry.mode & 0o777 }, content ?? []);
        break;
      case 'symlink':
        await rm(target, { force: true });
        await symlink(entry.target, target);
        break;
      case 'hardlink':
      case 'char-device':
      case 'block-device':
      case 'fifo':
        return;
    }
    await lutimes(target, entry.mtime, entry.mtime);
  }
  // Of a file it is done: changing the owner takes setuid and setgid away.
  if (keepsOwners && entry.kind !== 'file') await lchown(target, entry.uid, entry.gid);
}

async function writeFile(
  target: string,
  { mode, uid, gid }: { readonly mode: number; readonly uid?: number; readonly gid?: number },
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  await using file = await open(target, flags, mode & 0o777);
  await file.writeFile(content);
  if (uid !== undefined && gid !== undefined) await file.chown(uid, gid);
  // The mask of the process must not count.
  await file.chmod(mode);
}

async function infoOf(path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
