import type { Place } from '../../host/place.ts';
import { MAX_DEPTH, tooDeep } from './copy-tree.ts';
import type { FileView } from './file-view.ts';
import { endOfTar, formatTarNode, paddingFor } from './tar-node.ts';

const READ_BYTES = 256 * 1024;
/** Headers and small files are handed on in pieces of about this size. */
const GATHER_BYTES = 64 * 1024;
/** More files with several names than this are written once for each name. */
const MAX_REMEMBERED = 100_000;
/** A folder is written sorted by name as far as so many names are held at a time. */
const SORTED_NAMES = 65_536;

/** Where a tree begins, and what its entries are called. */
export interface TarStart {
  readonly place: Place;
  readonly names: readonly Buffer[];
  /** Target, if it is a link. */
  readonly link?: Buffer;
  /** The first entry's name, without a slash at its end; what lies below is named after it. Empty: no entry for itself. */
  readonly tarName: Buffer;
  /** Decides about each entry below the start by its names; everything unless given. */
  readonly isWanted?: (names: readonly Buffer[]) => boolean;
}

/**
 * A tar archive of a file or folder of a container, in pieces of some 64 KiB. Names are bytes, sockets are
 * left out, and a file that shrinks while it is read is filled up with zeros. Throws TREE_TOO_DEEP and I/O errors.
 */
export async function* tarTree(view: FileView, start: TarStart): AsyncGenerator<Buffer> {
  yield* gather(new TreeWalk(view, start).entries());
}

class TreeWalk {
  readonly #view: FileView;
  readonly #start: TarStart;
  readonly #linked = new Map<string, Buffer>();

  constructor(view: FileView, start: TarStart) {
    this.#view = view;
    this.#start = start;
  }

  async *entries(): AsyncGenerator<Buffer> {
    const { place, names, tarName, link } = this.#start;
    if (tarName.length > 0) yield* this.#one(place, () => Promise.resolve(link), names, tarName);
    else yield* this.#below(place, names, tarName);
    yield endOfTar();
  }

  async *#one(
    node: Place,
    readLink: () => Promise<Buffer | undefined>,
    names: readonly Buffer[],
    tarName: Buffer,
  ): AsyncGenerator<Buffer> {
    const { stat } = node;
    if (stat.isDirectory()) {
      const header = formatTarNode({ name: withSlash(tarName), stat });
      if (header !== undefined) yield header;
      yield* this.#below(node, names, withSlash(tarName));
      return;
    }
    if (stat.nlink > 1) {
      const key = await node.inodeKey();
      const first = this.#linked.get(key);
      if (first !== undefined) {
        const header = formatTarNode({ name: tarName, stat, hardlink: first });
        if (header !== undefined) yield header;
        return;
      }
      if (this.#linked.size < MAX_REMEMBERED) this.#linked.set(key, tarName);
    }
    if (stat.isSymbolicLink()) {
      const link = await readLink();
      if (link === undefined) return;
      const header = formatTarNode({ name: tarName, stat, link });
      if (header !== undefined) yield header;
    } else if (stat.isFile()) yield* fileEntry(node, tarName);
    else {
      const header = formatTarNode({ name: tarName, stat });
      if (header !== undefined) yield header;
    }
  }

  async *#below(folder: Place, names: readonly Buffer[], prefix: Buffer): AsyncGenerator<Buffer> {
    if (names.length - this.#start.names.length > MAX_DEPTH) throw tooDeep();
    for await (const name of sortedNames(folder)) {
      const path = [...names, name];
      if (this.#start.isWanted?.(path) === false) continue;
      await using node = await this.#view.child(folder, names, name);
      if (node === undefined) continue;
      yield* this.#one(node, () => folder.readLink(name), path, Buffer.concat([prefix, name]));
    }
  }
}

/** The names in a folder, sorted by their bytes unless there are very many. */
export async function* sortedNames(folder: Place): AsyncGenerator<Buffer> {
  let names: Buffer[] = [];
  for await (const name of folder.names()) {
    names.push(name);
    if (names.length < SORTED_NAMES) continue;
    yield* names.sort((a, b) => Buffer.compare(a, b));
    names = [];
  }
  yield* names.sort((a, b) => Buffer.compare(a, b));
}

/** A regular file's header and content. */
export async function* fileEntry(node: Place, tarName: Buffer): AsyncGenerator<Buffer> {
  await using handle = await node.openFile();
  const stat = await handle.stat();
  const header = formatTarNode({ name: tarName, stat });
  if (header === undefined) return;
  yield header;
  for (let missing = stat.size; missing > 0;) {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, missing));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
    const piece = bytesRead === 0 ? buffer.fill(0) : buffer.subarray(0, bytesRead);
    missing -= piece.length;
    yield piece;
  }
  yield paddingFor(stat.size);
}

function withSlash(name: Buffer): Buffer {
  return name.at(-1) === 0x2f ? name : Buffer.concat([name, Buffer.from('/')]);
}

/** Joins pieces to larger ones. */
export async function* gather(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let gathered: Buffer[] = [];
  let size = 0;
  for await (const piece of pieces) {
    gathered.push(piece);
    size += piece.length;
    if (size < GATHER_BYTES) continue;
    yield Buffer.concat(gathered);
    gathered = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(gathered);
}
