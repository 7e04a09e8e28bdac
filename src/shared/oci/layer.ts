import type { RandomAccess } from '../archive/byte-source.ts';
import type { Entry } from '../archive/entry.ts';
import { readTar } from '../archive/tar.ts';
import { ToolError } from '../errors.ts';
import { climbsOut, comparePaths, namesOf, parentOf } from './layer-paths.ts';

/** Bounds on what one layer may make us hold. */
export interface LayerLimits {
  /** Length of the uncompressed tar. */
  readonly maxBytes: number;
  /** Also of its folders, whether it names them or not. */
  readonly maxEntries: number;
  /** Of its names, link targets and extended attributes together, with what keeping them costs; 128 MiB unless given. */
  readonly maxTextBytes?: number;
}

const MAX_TEXT_BYTES = 128 * 1024 ** 2;
/** What an attribute costs besides its name and value. */
const XATTR_BYTES = 200;

export const DEFAULT_LAYER_LIMITS: LayerLimits = { maxBytes: 8 * 1024 ** 3, maxEntries: 500_000 };

/** A layer as a lower folder of overlayfs. */
export interface Layer {
  /** Parents before children, a file before its hard links; nothing lies behind a symbolic link. */
  readonly entries: readonly Entry[];
  /**
   * Which of the tar's entries (counted from 0) gave the contents that are kept, and at which path;
   * contents that a later entry of the same layer replaced are missing.
   */
  readonly kept: ReadonlyMap<number, string>;
  /** What was left out, in words for the build report. */
  readonly notes: readonly string[];
}

export interface ReadLayerOptions {
  /** For messages, such as `docker.io/library/alpine:3.22: layer sha256:…`. */
  readonly name: string;
  /** The uncompressed tar's file; contents become slices of it. */
  readonly file: string;
  readonly limits?: LayerLimits;
  /**
   * The layer is only ever looked at as the root of a container. There links end at the root however far they climb,
   * and the devices' control group decides about device nodes, so neither is refused.
   */
  readonly forContainers?: boolean;
}

/** Extended attribute by which overlayfs hides what lower layers have in a folder. */
export const OPAQUE_XATTR = 'trusted.overlay.opaque';

const OPAQUE: readonly [string, Uint8Array] = [OPAQUE_XATTR, Buffer.from('y')];
const MAX_PATH = 4096;
const WHITEOUT = '.wh.';
const OPAQUE_NAME = '.wh..wh..opq';

/** What every container has anyway; other device nodes in a layer reach for the machine's hardware. */
const HARMLESS_DEVICES: ReadonlyMap<string, string> = new Map([
  ['dev/null', '1:3'],
  ['dev/zero', '1:5'],
  ['dev/full', '1:7'],
  ['dev/random', '1:8'],
  ['dev/urandom', '1:9'],
  ['dev/tty', '5:0'],
  ['dev/console', '5:1'],
  ['dev/ptmx', '5:2'],
]);

/** True for the character device 0/0, overlayfs's sign that a name is hidden. */
export function isWhiteout(entry: Entry): boolean {
  return entry.kind === 'char-device' && entry.major === 0 && entry.minor === 0;
}

/**
 * Reads a layer's uncompressed tar and makes it a lower folder of overlayfs: `.wh.x` becomes a
 * character device 0/0, `.wh..wh..opq` the opaque attribute (OCI image specification, layer.md).
 * Parents that are symbolic links of the same layer are followed inside the layer, as Docker does.
 *
 * Layers are hostile. Throws, naming the entry: what `readTar` throws (TAR_PATH_UNSAFE, TAR_TOO_LARGE, …),
 * LAYER_LINK_ESCAPE, LAYER_HARDLINK_BROKEN, LAYER_DEVICE_REFUSED (only 0/0 and the standard nodes of
 * /dev pass), LAYER_WHITEOUT_MALFORMED, LAYER_XATTR_REFUSED, LAYER_TOO_LARGE.
 */
export async function readLayer(source: RandomAccess, options: ReadLayerOptions): Promise<Layer> {
  const { maxBytes, maxEntries } = options.limits ?? DEFAULT_LAYER_LIMITS;
  const folder = new LayerFolder(options);
  const limits = { maxEntries, maxTotalBytes: maxBytes, maxFileBytes: maxBytes };
  let index = 0;
  for await (const entry of readTar(source, {
    name: options.name,
    contents: { file: options.file },
    limits,
  })) {
    folder.apply(entry, index++);
  }
  return folder.finish();
}

/** One inode: several paths may share it. */
interface Node {
  entry: Exclude<Entry, { kind: 'hardlink' }>;
  readonly index: number;
}

/** The layer's folder while its entries are applied in the archive's order. */
class LayerFolder {
  readonly #name: string;
  readonly #limits: LayerLimits;
  readonly #forContainers: boolean;
  readonly #nodes = new Map<string, Node>();
  /** Paths below each folder, so that removing one is not a search through everything. */
  readonly #children = new Map<string, Set<string>>();
  readonly #whiteouts = new Map<string, Entry>();
  readonly #opaque = new Map<string, Entry>();
  readonly #leftOut = new Map<string, number>();
  #textBytes = 0;

  constructor({ name, limits = DEFAULT_LAYER_LIMITS, forContainers = false }: ReadLayerOptions) {
    this.#name = name;
    this.#limits = limits;
    this.#forContainers = forContainers;
  }

  apply(entry: Entry, index: number): void {
    const slash = entry.path.lastIndexOf('/');
    const name = entry.path.slice(slash + 1);
    this.#hold(textOf(entry));
    if (name.startsWith(WHITEOUT)) {
      this.#hold(entry.path.length);
      this.#applyWhiteout(entry, slash < 0 ? '' : entry.path.slice(0, slash), name);
      return;
    }
    if (entry.path.split('/').some(part => part.startsWith(WHITEOUT))) {
      if (entry.path.startsWith('.wh..wh.')) {
        this.#note('bookkeeping of aufs');
        return;
      }
      throw this.#refuse('LAYER_WHITEOUT_MALFORMED', `${entry.path} lies below a whiteout`);
    }
    const path = this.#realPath(entry.path);
    if (entry.kind === 'hardlink') {
      const node = this.#nodes.get(this.#realPath(entry.target));
      if (node === undefined || node.entry.kind === 'directory') {
        throw this.#refuse(
          'LAYER_HARDLINK_BROKEN',
          `the hard link ${entry.path} names ${entry.target}, which is no file of this layer`,
        );
      }
      if (this.#nodes.get(path) !== node) this.#place(path, node, entry.mtime);
      return;
    }
    this.#check(entry);
    const plain = { ...this.#withCleanXattrs(entry), path };
    const old = this.#nodes.get(path);
    if (old?.entry.kind === 'directory' && plain.kind === 'directory') old.entry = plain;
    else this.#place(path, { entry: plain, index }, entry.mtime);
  }

  finish(): Layer {
    // Whiteouts hide lower layers only, so what this layer itself has at the name stays (layer.md).
    for (const [path, entry] of this.#whiteouts) {
      const real = this.#realPath(path);
      const own = this.#nodes.get(real);
      if (own?.entry.kind === 'directory') this.#opaque.set(real, entry);
      if (own !== undefined) continue;
      const device = { path: real, mode: 0, uid: 0, gid: 0, mtime: entry.mtime, major: 0, minor: 0 };
      this.#place(real, { entry: { kind: 'char-device', ...device }, index: -1 }, entry.mtime);
    }
    for (const [path, entry] of this.#opaque) {
      const real = this.#realPath(path);
      this.#makeFolder(real, entry.mtime);
      const node = this.#nodes.get(real);
      if (node) node.entry = { ...node.entry, xattrs: new Map([...(node.entry.xattrs ?? []), OPAQUE]) };
    }
    const entries: Entry[] = [];
    const kept = new Map<number, string>();
    const first = new Map<Node, string>();
    for (const path of [...this.#nodes.keys()].sort(comparePaths)) {
      const node = this.#nodes.get(path);
      if (node === undefined) continue;
      const target = first.get(node);
      if (target === undefined) {
        first.set(node, path);
        entries.push({ ...node.entry, path });
        if (node.entry.kind === 'file') kept.set(node.index, path);
      } else if (node.entry.kind === 'file') {
        const { mode, uid, gid, mtime, xattrs } = node.entry;
        const attributes = { mode, uid, gid, mtime, ...(xattrs ? { xattrs } : {}) };
        entries.push({ kind: 'hardlink', path, ...attributes, target });
      } else {
        // Hard links of links and devices say nothing that copies do not.
        entries.push({ ...node.entry, path });
      }
    }
    const notes = [...this.#leftOut].map(([what, count]) => `${this.#name}: left out ${what} (${count})`);
    return { entries, kept, notes };
  }

  #applyWhiteout(entry: Entry, parent: string, name: string): void {
    if (name === OPAQUE_NAME) {
      this.#opaque.set(parent, entry);
      return;
    }
    if (name.startsWith('.wh..wh.')) {
      this.#note('bookkeeping of aufs');
      return;
    }
    const hidden = name.slice(WHITEOUT.length);
    if (hidden === '' || hidden === '.' || hidden === '..' || entry.kind === 'directory') {
      throw this.#refuse('LAYER_WHITEOUT_MALFORMED', `${entry.path} is not a whiteout that means anything`);
    }
    this.#whiteouts.set(parent === '' ? hidden : `${parent}/${hidden}`, entry);
  }

  #check(entry: Entry): void {
    if (this.#forContainers) return;
    if (entry.kind === 'symlink' && climbsOut(entry.path, entry.target)) {
      throw this.#refuse(
        'LAYER_LINK_ESCAPE',
        `the symbolic link ${entry.path} leads out of the image (${show(entry.target)})`,
      );
    }
    if (entry.kind === 'block-device' || entry.kind === 'char-device') {
      const numbers = `${entry.major}:${entry.minor}`;
      const isHarmless = entry.kind === 'char-device' && HARMLESS_DEVICES.get(entry.path) === numbers;
      if (!isWhiteout(entry) && !isHarmless) {
        throw this.#refuse('LAYER_DEVICE_REFUSED', `${entry.path} is a ${entry.kind} ${numbers}`);
      }
    }
  }

  /** `security.capability` and `user.*` mean something in a container; overlayfs's own would forge layers. */
  #withCleanXattrs<E extends Exclude<Entry, { kind: 'hardlink' }>>(entry: E): E {
    if (entry.xattrs === undefined) return entry;
    const xattrs = new Map<string, Uint8Array>();
    for (const [name, value] of entry.xattrs) {
      if (name.startsWith('trusted.') || name.startsWith('user.overlay.')) {
        throw this.#refuse('LAYER_XATTR_REFUSED', `${entry.path} carries the attribute ${show(name)}`);
      }
      if (name === 'security.capability' || name.startsWith('user.')) xattrs.set(name, value);
      else this.#note(`the attribute ${show(name)}`);
    }
    if (xattrs.size > 0) return { ...entry, xattrs };
    const bare = { ...entry };
    delete (bare as { xattrs?: unknown }).xattrs;
    return bare;
  }

  /** Links in the parents are followed inside this layer, with the layer as root. */
  #realPath(path: string): string {
    // What is known by its path lies behind no link.
    if (this.#nodes.get(parentOf(path))?.entry.kind === 'directory') return path;
    const pending = namesOf(path).reverse();
    let real = '';
    let links = 0;
    while (pending.length > 1) {
      const name = pending.pop() ?? '';
      if (name === '..') real = parentOf(real);
      if (name === '..' || name === '.') continue;
      const here = real === '' ? name : `${real}/${name}`;
      const node = this.#nodes.get(here);
      if (node?.entry.kind !== 'symlink') {
        real = here;
        continue;
      }
      if (++links > 40) throw this.#refuse('LAYER_LINK_ESCAPE', `${path} lies behind a loop of links`);
      if (node.entry.target.startsWith('/')) real = '';
      pending.push(...namesOf(node.entry.target).reverse());
    }
    const [last = ''] = pending;
    const result = real === '' ? last : `${real}/${last}`;
    if (result.length > MAX_PATH)
      throw this.#refuse('LAYER_LINK_ESCAPE', `${show(path)} is too long behind its links`);
    return result;
  }

  #place(path: string, node: Node, mtime: number): void {
    if (path === '') {
      this.#nodes.set('', node);
      return;
    }
    this.#remove(path);
    this.#hold(path.length);
    const parent = parentOf(path);
    this.#makeFolder(parent, mtime);
    this.#nodes.set(path, node);
    if (this.#nodes.size > this.#limits.maxEntries + 1) {
      throw this.#refuse('LAYER_TOO_LARGE', `it has more than ${this.#limits.maxEntries} files and folders`);
    }
    const children = this.#children.get(parent) ?? new Set();
    this.#children.set(parent, children.add(path));
  }

  #makeFolder(path: string, mtime: number): void {
    if (this.#nodes.get(path)?.entry.kind === 'directory') return;
    const entry = { kind: 'directory', path, mode: 0o755, uid: 0, gid: 0, mtime } as const;
    this.#place(path, { entry, index: -1 }, mtime);
  }

  #remove(path: string): void {
    const pending = [path];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      this.#nodes.delete(next);
      for (const child of this.#children.get(next) ?? []) pending.push(child);
      this.#children.delete(next);
    }
    this.#children.get(parentOf(path))?.delete(path);
  }

  /** Counts what is kept until the layer has been read, also of what is replaced meanwhile. */
  #hold(bytes: number): void {
    const { maxTextBytes = MAX_TEXT_BYTES } = this.#limits;
    this.#textBytes += bytes;
    if (this.#textBytes <= maxTextBytes) return;
    throw this.#refuse(
      'LAYER_TOO_LARGE',
      `its names, links and attributes take more than ${maxTextBytes} bytes`,
    );
  }

  #note(what: string): void {
    this.#leftOut.set(what, (this.#leftOut.get(what) ?? 0) + 1);
  }

  #refuse(code: string, fault: string): ToolError {
    return new ToolError(`reading ${this.#name}: ${fault}`, { code, kind: 'invalid-input' });
  }
}

/** What of an entry is kept besides its path. */
function textOf(entry: Entry): number {
  let bytes = entry.kind === 'symlink' ? entry.target.length : 0;
  for (const [name, value] of entry.xattrs ?? []) bytes += name.length + value.length + XATTR_BYTES;
  return bytes;
}

function show(text: string): string {
  return text.slice(0, 200).replace(/[^\x20-\x7e]/g, '?');
}
