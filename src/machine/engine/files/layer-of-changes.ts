import type { Stats } from 'node:fs';
import { isSystemError } from '../../../shared/errors.ts';
import { Place } from '../../host/place.ts';
import type { EngineContext } from '../context.ts';
import type { Image } from '../images/image-catalog.ts';
import { MAX_DEPTH, tooDeep } from './copy-tree.ts';
import { openContainerRoot } from './container-root.ts';
import { GIVEN_PATHS } from './given-paths.ts';
import { openImageRoot } from './image-root.ts';
import { endOfTar, formatTarNode } from './tar-node.ts';
import { fileEntry, gather, sortedNames } from './tar-tree.ts';

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
const MAX_REMEMBERED = 100_000;

/** The folders of one path in a container: its own files, the image's, and both as it sees them. */
interface Folders {
  readonly upper: Place;
  readonly lower: Place | undefined;
  readonly whole: Place;
}

/**
 * What a container has changed in its image's files, as the tar of a layer: deleted files are whiteouts, a
 * folder that hides the image's is opaque (OCI image specification, layer.md). The same changes give the
 * same bytes. Yields nothing where nothing was changed. Throws CONTAINER_NOT_FOUND, TREE_TOO_DEEP and I/O errors.
 */
export async function* tarChanges(context: EngineContext, id: string, image: Image): AsyncGenerator<Buffer> {
  await using root = await openContainerRoot(context, id);
  await using upper = await openIfThere(context.table.paths(id).upper);
  if (upper === undefined) return;
  await using lowerRoot = await openImageRoot(context, image);
  await using lower = await Place.open(lowerRoot.folder);
  await using whole = await Place.open(root.folder);
  let isEmpty = true;
  for await (const piece of gather(new LayerWalk().below({ upper, lower, whole }, '', Buffer.alloc(0), 0))) {
    root.signal.throwIfAborted();
    isEmpty = false;
    yield piece;
  }
  if (!isEmpty) yield endOfTar();
}

class LayerWalk {
  readonly #linked = new Map<string, Buffer>();

  /** Entries for everything in a folder, which has been written itself. */
  async *below(folders: Folders, path: string, prefix: Buffer, depth: number): AsyncGenerator<Buffer> {
    if (depth > MAX_DEPTH) throw tooDeep();
    for await (const name of sortedNames(folders.upper)) {
      await using node = await folders.upper.child(name);
      if (node === undefined) continue;
      const tarName = Buffer.concat([prefix, name]);
      if (isWhiteout(node.stat)) {
        yield whiteout(Buffer.concat([prefix, Buffer.from(WHITEOUT), name]), node.stat);
        continue;
      }
      await using lower = await folders.lower?.child(name);
      const ownPath = `${path}/${name.toString()}`;
      if (node.stat.isDirectory()) yield* this.#folder(folders, node, lower, name, ownPath, tarName, depth);
      else if (lower !== undefined || !GIVEN_PATHS.includes(ownPath))
        yield* this.#leaf(folders.upper, node, name, tarName);
    }
  }

  async *#folder(
    folders: Folders,
    upper: Place,
    lower: Place | undefined,
    name: Buffer,
    path: string,
    tarName: Buffer,
    depth: number,
  ): AsyncGenerator<Buffer> {
    await using whole = await folders.whole.child(name);
    if (whole === undefined || (lower === undefined && GIVEN_PATHS.includes(path))) return;
    const prefix = Buffer.concat([tarName, Buffer.from('/')]);
    const lowerFolder = lower?.stat.isDirectory() === true ? lower : undefined;
    const header = formatTarNode({ name: prefix, stat: upper.stat });
    if (header !== undefined) yield header;
    if (lowerFolder !== undefined && (await hides(upper, lowerFolder, whole))) {
      yield whiteout(Buffer.concat([prefix, Buffer.from(OPAQUE)]), upper.stat);
    }
    yield* this.below({ upper, lower: lowerFolder, whole }, path, prefix, depth + 1);
  }

  async *#leaf(parent: Place, node: Place, name: Buffer, tarName: Buffer): AsyncGenerator<Buffer> {
    const { stat } = node;
    if (stat.nlink > 1) {
      const key = await node.inodeKey();
      const hardlink = this.#linked.get(key);
      if (hardlink !== undefined) {
        const header = formatTarNode({ name: tarName, stat, hardlink });
        if (header !== undefined) yield header;
        return;
      }
      if (this.#linked.size < MAX_REMEMBERED) this.#linked.set(key, tarName);
    }
    if (stat.isFile()) {
      yield* fileEntry(node, tarName);
      return;
    }
    const link = stat.isSymbolicLink() ? await parent.readLink(name) : undefined;
    if (stat.isSymbolicLink() && link === undefined) return;
    const header = formatTarNode({ name: tarName, stat, ...(link === undefined ? {} : { link }) });
    if (header !== undefined) yield header;
  }
}

/**
 * Whether a folder hides something of the image's without saying so by name. The attribute that makes it
 * opaque cannot be read here; what it does can be seen.
 */
async function hides(upper: Place, lower: Place, whole: Place): Promise<boolean> {
  for await (const name of lower.names()) {
    if ((await whole.statChild(name)) === undefined && (await upper.statChild(name)) === undefined)
      return true;
  }
  return false;
}

/** The device by which overlayfs marks a name as deleted. */
function isWhiteout(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0;
}

/** An empty file that stands for a deletion; its time is that of the deletion. */
function whiteout(name: Buffer, stat: Stats): Buffer {
  return formatTarNode({ name, stat, isEmptyFile: true }) ?? Buffer.alloc(0);
}

async function openIfThere(folder: string): Promise<Place | undefined> {
  try {
    return await Place.open(folder);
  } catch (error) {
    // It never ran, or has no files of its own.
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
