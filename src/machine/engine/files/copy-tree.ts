import { ToolError } from '../../../shared/errors.ts';
import { Place } from '../../host/place.ts';
import {
  finishFolder,
  makeFile,
  makeFolder,
  makeHardlink,
  makeSpecial,
  makeSymlink,
  metaOf,
} from './make-node.ts';

/** A folder deeper than this is refused: each level holds a file descriptor. */
export const MAX_DEPTH = 512;

/** More files with several names than this are copied once for each name. */
const MAX_REMEMBERED = 100_000;

const READ_BYTES = 256 * 1024;

/**
 * Copies everything in a folder into another one, with owners, permissions, times, links, devices and
 * files of several names, and gives the target the source's own owner and permissions. Links are copied,
 * never followed, whoever changes either tree meanwhile. Throws TREE_TOO_DEEP and I/O errors.
 */
export async function copyTree(busybox: string, source: Place, target: Place): Promise<void> {
  await new TreeCopy(busybox, target).copy(source, target, []);
}

class TreeCopy {
  readonly #busybox: string;
  readonly #root: Place;
  readonly #linked = new Map<string, readonly Buffer[]>();

  constructor(busybox: string, root: Place) {
    this.#busybox = busybox;
    this.#root = root;
  }

  async copy(source: Place, target: Place, path: readonly Buffer[]): Promise<void> {
    if (path.length > MAX_DEPTH) throw tooDeep();
    for await (const name of source.names()) await this.#copyOne(source, target, name, [...path, name]);
    await finishFolder(target, metaOf(source.stat));
  }

  async #copyOne(source: Place, target: Place, name: Buffer, path: readonly Buffer[]): Promise<void> {
    await using node = await source.child(name);
    if (node === undefined) return;
    const { stat } = node;
    if (stat.isDirectory()) {
      await using folder = await makeFolder(target, name);
      await this.copy(node, folder, path);
      return;
    }
    if (stat.nlink > 1 && (await this.#linkAgain(await node.inodeKey(), target, name, path))) return;
    const meta = metaOf(stat);
    if (stat.isFile()) await makeFile(target, name, meta, readContent(node));
    else if (stat.isSymbolicLink()) {
      const link = await source.readLink(name);
      if (link !== undefined) await makeSymlink(target, name, meta, link);
    } else if (!stat.isSocket()) {
      const kind = stat.isFIFO() ? 'fifo' : stat.isBlockDevice() ? 'block-device' : 'char-device';
      await makeSpecial(this.#busybox, target, name, meta, { kind, ...deviceNumbers(stat.rdev) });
    }
  }

  /** Makes another name of a file that has been copied; false when this is its first. */
  async #linkAgain(key: string, target: Place, name: Buffer, path: readonly Buffer[]): Promise<boolean> {
    const first = this.#linked.get(key);
    if (first === undefined) {
      if (this.#linked.size < MAX_REMEMBERED) this.#linked.set(key, path);
      return false;
    }
    await using folder = await openBelow(this.#root, first.slice(0, -1));
    const existing = first.at(-1);
    if (folder === undefined || existing === undefined) return false;
    await makeHardlink(target, name, folder, existing);
    return true;
  }
}

/** A folder some names below another; undefined when it is not there. Links are not followed. */
export async function openBelow(root: Place, names: readonly Buffer[]): Promise<Place | undefined> {
  let here: Place | undefined = await Place.open(root.path);
  for (const name of names) {
    const next: Place | undefined = await here.child(name);
    await here[Symbol.asyncDispose]();
    if (next === undefined) return undefined;
    here = next;
  }
  return here;
}

/** Content of a regular file in pieces. */
export async function* readContent(node: Place): AsyncGenerator<Uint8Array> {
  await using handle = await node.openFile();
  for (;;) {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Linux's packing of device numbers (makedev(3)). */
export function deviceNumbers(rdev: number): { readonly major: number; readonly minor: number } {
  const high = Math.floor(rdev / 2 ** 32);
  const low = rdev >>> 0;
  return {
    major: ((low >>> 8) & 0xfff) | (high & ~0xfff),
    minor: (low & 0xff) | ((low >>> 12) & 0xffffff00),
  };
}

export function tooDeep(): ToolError {
  return new ToolError(`copying files: folders are nested more than ${MAX_DEPTH} deep`, {
    code: 'TREE_TOO_DEEP',
    kind: 'unsupported',
  });
}
