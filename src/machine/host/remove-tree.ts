import { randomBytes } from 'node:crypto';
import { rename, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { isSystemError } from '../../shared/errors.ts';
import { Place } from './place.ts';

/** Folders that are open at a time; what lies deeper is moved up first. Each costs two file descriptors and 30 KB. */
const MAX_DEPTH = 64;
/** How often what somebody changes meanwhile is looked through again, in the whole tree. */
const MAX_RETRIES = 100;

/**
 * A tree that is being removed.
 *
 * INVARIANTS
 * 1. Never more than MAX_DEPTH folders are open, and nothing is remembered of what was moved: it lies in the folder at
 *    the top, which is not empty, and is looked through again.
 * 2. Nothing is moved out of that folder, so that what a crash leaves behind lies where the tree was.
 */
interface Tree {
  /** How often something could not be removed because the tree was changed. */
  retries: number;
  /** Folders that were moved up. */
  moves: number;
}

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
 * included), with few file descriptors and little memory. Links are removed, never followed, whoever changes the tree
 * meanwhile. No error when there is nothing. Throws I/O errors, EBUSY for what is mounted.
 */
export async function removeBelow(parent: Place, name: Buffer): Promise<void> {
  await removeAt({ retries: 0, moves: 0 }, undefined, parent, name, 0);
}

/** @param top the folder of the tree itself; undefined for that one */
async function removeAt(
  tree: Tree,
  top: Place | undefined,
  parent: Place,
  name: Buffer,
  depth: number,
): Promise<void> {
  for (;;) {
    const { moves } = tree;
    try {
      await removeOnce(tree, top, parent, name, depth);
      return;
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return;
      if (!isSystemError(error, 'ENOTEMPTY', 'EEXIST', 'EISDIR', 'ENOTDIR')) throw error;
      // What was moved up is in it now. Else somebody has made new files.
      if (top === undefined && tree.moves > moves) continue;
      tree.retries += 1;
      if (tree.retries > MAX_RETRIES) throw error;
    }
  }
}

async function removeOnce(
  tree: Tree,
  top: Place | undefined,
  parent: Place,
  name: Buffer,
  depth: number,
): Promise<void> {
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
  if (top !== undefined && depth >= MAX_DEPTH) {
    const nearer = Buffer.from(`.slipway-removed-${randomBytes(8).toString('hex')}`);
    await rename(parent.pathOf(name), top.pathOf(nearer));
    tree.moves += 1;
    return;
  }
  await using node = await parent.child(name);
  if (node === undefined) return;
  for await (const child of node.names()) await removeAt(tree, top ?? node, node, child, depth + 1);
  await rmdir(parent.pathOf(name));
}
