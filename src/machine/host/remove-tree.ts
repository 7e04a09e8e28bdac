import { randomBytes } from 'node:crypto';
import { rename, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { isSystemError } from '../../shared/errors.ts';
import { Place } from './place.ts';

/** Folders deeper than this are moved up before they are taken apart: each level holds a file descriptor. */
const MAX_DEPTH = 64;
const MAX_ATTEMPTS = 10;

/**
 * Removes a file or a whole folder at a path of the host whose parents are trusted; no error when there is none.
 * Unlike `rm` of Node it gets rid of what a container nested deeper than a path can say. Throws I/O errors.
 */
export async function removeTree(path: string): Promise<void> {
  let parent: Place;
  try {
    parent = await Place.open(dirname(path));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return;
    throw error;
  }
  await using folder = parent;
  await removeBelow(folder, Buffer.from(basename(path)));
}

/**
 * Removes what lies under a name of a folder, however deep it is nested (paths too long to be written down
 * included). Links are removed, never followed, whoever changes the tree meanwhile. No error when there is
 * nothing. Throws I/O errors, EBUSY for what is mounted.
 */
export async function removeBelow(parent: Place, name: Buffer): Promise<void> {
  await removeAt(parent, parent, name, 0);
}

async function removeAt(top: Place, parent: Place, name: Buffer, depth: number): Promise<void> {
  // A tree that is changed meanwhile may have new files in it by now.
  for (let attempt = 1; ; attempt += 1) {
    try {
      await removeOnce(top, parent, name, depth);
      return;
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return;
      const isChanged = isSystemError(error, 'ENOTEMPTY', 'EEXIST', 'EISDIR', 'ENOTDIR');
      if (!isChanged || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

async function removeOnce(top: Place, parent: Place, name: Buffer, depth: number): Promise<void> {
  try {
    await unlink(parent.pathOf(name));
    return;
  } catch (error) {
    if (!isSystemError(error, 'EISDIR')) throw error;
  }
  // Most folders of a container are empty, and looking into them costs much more than this.
  try {
    await rmdir(parent.pathOf(name));
    return;
  } catch (error) {
    if (!isSystemError(error, 'ENOTEMPTY', 'EEXIST')) throw error;
  }
  await using node = await parent.child(name);
  if (node === undefined) return;
  if (depth >= MAX_DEPTH) {
    const nearer = Buffer.from(`.slipway-removed-${randomBytes(8).toString('hex')}`);
    await rename(parent.pathOf(name), top.pathOf(nearer));
    await removeAt(top, top, nearer, 0);
    return;
  }
  for await (const child of node.names()) await removeAt(top, node, child, depth + 1);
  await rmdir(parent.pathOf(name));
}
