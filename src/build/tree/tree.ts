import { posix } from 'node:path';
import { type Content, type Entry, bytesContent } from '../../shared/archive/entry.ts';
import { ToolError, invariant } from '../../shared/errors.ts';

/** Owner and times for entries that a recipe or the build itself adds. */
export interface Attributes {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
}

/**
 * A file tree in memory: owners, devices and extended attributes without root, contents mostly as
 * slices of files in the store. A path is resolved inside the tree as a kernel would with the tree as
 * root, so links can never lead to the build host's files.
 */
export class Tree {
  readonly #entries = new Map<string, Entry>();
  readonly #mtime: number;

  /** @param mtime seconds since 1970 for entries that are made here */
  constructor(mtime: number) {
    this.#mtime = mtime;
    this.#entries.set('', { kind: 'directory', path: '', mode: 0o755, uid: 0, gid: 0, mtime });
  }

  get mtime(): number {
    return this.#mtime;
  }

  /** Number of entries, the root included. */
  get size(): number {
    return this.#entries.size;
  }

  /** The entry at exactly this path (links in it are not followed). */
  get(path: string): Entry | undefined {
    return this.#entries.get(normalizePath(path));
  }

  has(path: string): boolean {
    return this.#entries.has(normalizePath(path));
  }

  /** All entries, parents before children, in byte order of their paths; the root first. */
  entries(): Entry[] {
    return [...this.#entries.values()].sort((a, b) => comparePaths(a.path, b.path));
  }

  /** Entries below a folder (the folder itself left out), in the order of `entries`. */
  below(folder: string): Entry[] {
    const path = this.resolve(folder);
    const prefix = path === '' ? '' : `${path}/`;
    return this.entries().filter(entry => entry.path !== '' && entry.path.startsWith(prefix));
  }

  /**
   * The real path of `path`: links in its parents, and in the last name too if `followLast`, are
   * resolved inside the tree. Names that do not exist are kept. Throws TREE_LINK_LOOP.
   */
  resolve(path: string, followLast = true): string {
    let pending = normalizePath(path).split('/').filter(Boolean);
    let resolved: string[] = [];
    let links = 0;
    while (pending.length > 0) {
      const [name = '', ...rest] = pending;
      pending = rest;
      if (name === '.') continue;
      if (name === '..') {
        resolved.pop();
        continue;
      }
      const here = [...resolved, name].join('/');
      const entry = this.#entries.get(here);
      if (entry?.kind === 'symlink' && (rest.length > 0 || followLast)) {
        if (++links > 40) {
          throw new ToolError(`resolving ${path}: too many symbolic links`, {
            code: 'TREE_LINK_LOOP',
            kind: 'invalid-input',
          });
        }
        if (entry.target.startsWith('/')) resolved = [];
        pending = [...entry.target.split('/').filter(Boolean), ...rest];
      } else {
        resolved.push(name);
      }
    }
    return resolved.join('/');
  }

  /**
   * Puts an entry into the tree, replacing what stood at its path, parents made where missing. Links in
   * its parent path are followed inside the tree (so `lib/x` lands in `usr/lib/x` where lib is a link).
   * A folder put over a folder or over a link to one changes nothing but the folder's own attributes.
   */
  put(entry: Entry): void {
    const path = this.resolve(entry.path, false);
    const old = this.#entries.get(path);
    if (entry.kind === 'directory' && old?.kind === 'symlink') {
      const real = this.resolve(path);
      if (this.#entries.get(real)?.kind === 'directory') return;
    }
    if (old?.kind === 'directory' && entry.kind !== 'directory') this.remove(path);
    this.#makeParents(path);
    const target = entry.kind === 'hardlink' ? { target: this.resolve(entry.target, false) } : {};
    this.#entries.set(path, { ...entry, ...target, path });
  }

  /** Puts a regular file. Text is written as UTF-8. */
  file(path: string, data: Uint8Array | string | Content, attributes: Attributes = {}): void {
    const content = typeof data === 'string' || data instanceof Uint8Array ? bytesContent(data) : data;
    this.put({ kind: 'file', ...this.#common(path, 0o644, attributes), content });
  }

  directory(path: string, attributes: Attributes = {}): void {
    this.put({ kind: 'directory', ...this.#common(path, 0o755, attributes) });
  }

  symlink(path: string, target: string, attributes: Attributes = {}): void {
    this.put({ kind: 'symlink', ...this.#common(path, 0o777, attributes), target });
  }

  /** Removes a path and everything below it; a path that does not exist is no error. */
  remove(path: string): void {
    const real = this.resolve(path, false);
    invariant(real !== '', 'the root of a tree is not removed');
    this.#entries.delete(real);
    const prefix = `${real}/`;
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  /** Puts every entry of another tree below `folder`; hard links keep pointing inside what was put. */
  graft(other: Tree, folder = ''): void {
    const base = normalizePath(folder);
    const move = (path: string): string => (base === '' ? path : path === '' ? base : `${base}/${path}`);
    for (const entry of other.entries()) {
      const moved = { ...entry, path: move(entry.path) } as Entry;
      if (moved.path === '') this.#entries.set('', moved);
      else this.put(moved.kind === 'hardlink' ? { ...moved, target: move(moved.target) } : moved);
    }
  }

  /** The file's entry behind links and hard links; undefined where there is none. */
  lookup(path: string): Entry | undefined {
    let entry = this.#entries.get(this.resolve(path));
    for (let hops = 0; entry?.kind === 'hardlink' && hops < 8; hops++)
      entry = this.#entries.get(entry.target);
    return entry;
  }

  #common(path: string, mode: number, attributes: Attributes) {
    return {
      path: normalizePath(path),
      mode: attributes.mode ?? mode,
      uid: attributes.uid ?? 0,
      gid: attributes.gid ?? 0,
      mtime: this.#mtime,
      ...(attributes.xattrs ? { xattrs: attributes.xattrs } : {}),
    };
  }

  #makeParents(path: string): void {
    const parent = posix.dirname(path);
    if (parent === '.' || parent === '') return;
    const entry = this.#entries.get(parent);
    if (entry?.kind === 'directory') return;
    if (entry) this.#entries.delete(parent);
    this.#makeParents(parent);
    this.#entries.set(parent, {
      kind: 'directory',
      path: parent,
      mode: 0o755,
      uid: 0,
      gid: 0,
      mtime: this.#mtime,
    });
  }
}

/** `/a//b/` and `./a/b` become `a/b`; `..` stays for `resolve`, which keeps it inside the root. */
export function normalizePath(path: string): string {
  return path
    .split('/')
    .filter(part => part !== '' && part !== '.')
    .join('/');
}

/** Order in which a folder comes before what it holds, and names compare by their UTF-8 bytes. */
export function comparePaths(a: string, b: string): number {
  if (a === b) return 0;
  return Buffer.compare(Buffer.from(a.replaceAll('/', '\0')), Buffer.from(b.replaceAll('/', '\0')));
}
