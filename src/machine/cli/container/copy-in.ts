import { lstat, readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stats } from 'node:fs';
import type { Entry } from '../../../shared/archive/entry.ts';
import { isSystemError } from '../../../shared/errors.ts';
import { CommandFailure } from '../failure.ts';

/**
 * A file or folder of this machine as entries of an archive, under another name.
 * @param name its path in the archive; empty for a folder's content alone
 */
export async function* entriesOf(path: string, name: string, follows: boolean): AsyncGenerator<Entry> {
  const info = await statOf(path, follows);
  yield* walk(path, name, info);
}

/** What stands at a path of this machine. Throws CommandFailure. */
export async function statOf(path: string, follows: boolean): Promise<Stats> {
  try {
    return follows ? await stat(path) : await lstat(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) {
      throw new CommandFailure(1, `lstat ${path}: no such file or directory`);
    }
    throw error;
  }
}

async function* walk(path: string, name: string, info: Stats): AsyncGenerator<Entry> {
  const common = {
    path: name,
    mode: info.mode & 0o7777,
    uid: info.uid,
    gid: info.gid,
    mtime: Math.max(0, Math.floor(info.mtimeMs / 1000)),
  };
  if (info.isDirectory()) {
    yield { ...common, kind: 'directory' };
    for (const child of (await readdir(path)).sort()) {
      const childPath = join(path, child);
      yield* walk(childPath, name === '' ? child : `${name}/${child}`, await lstat(childPath));
    }
  } else if (info.isFile()) {
    yield { ...common, kind: 'file', content: { kind: 'slice', file: path, offset: 0, size: info.size } };
  } else if (info.isSymbolicLink()) yield { ...common, kind: 'symlink', target: await readlink(path) };
  else if (info.isFIFO()) yield { ...common, kind: 'fifo' };
  else if (info.isCharacterDevice() || info.isBlockDevice()) {
    const kind = info.isCharacterDevice() ? 'char-device' : 'block-device';
    yield { ...common, kind, major: majorOf(info.rdev), minor: minorOf(info.rdev) };
  }
  // A socket is of no use anywhere else, and tar has no word for it.
}

/** Linux packs both numbers of a device into one: 12 bits and 20 bits, in parts. */
function majorOf(device: number): number {
  return Number((BigInt(device) >> 8n) & 0xfffn);
}

function minorOf(device: number): number {
  const number = BigInt(device);
  return Number((number & 0xffn) | ((number >> 12n) & 0xfff00n));
}
