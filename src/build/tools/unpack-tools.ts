import { chmod, mkdir, open, symlink } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { type Entry, contentSize } from '../../shared/archive/entry.ts';
import { ToolError } from '../../shared/errors.ts';
import { ContentReader } from '../../shared/fs/content-reader.ts';
import type { LockedPackage } from '../lock/lock.ts';
import { type Store, resultKey } from '../store/store.ts';
import { Tree } from '../tree/tree.ts';
import { type UnpackOptions, readDeb, unpackDebs } from '../unpack/deb.ts';
import { SEALED_FILES, sealHostPaths } from './seal.ts';

/** Changes when the folder that is made of the same packages does. */
const FORMAT = 3;

/** Never needed to run a program. */
const LEFT_OUT =
  /^(usr\/share\/(doc|doc-base|man|info|locale|lintian|bug|bash-completion|zsh|icons|applications|metainfo)|usr\/include|usr\/lib\/(systemd|udev)|var|etc)\//;
const KEPT: ReadonlySet<string> = new Set(['etc/mke2fs.conf']);

export interface UnpackToolsOptions extends UnpackOptions {
  /**
   * Rejects where packages are not what Debian has signed for; asked before any of them is unpacked, and
   * then no more. Left out where they come straight from a signed index.
   */
  readonly verify?: () => Promise<void>;
}

/**
 * The folder of the store with these packages unpacked over each other, to be run on the build host; made
 * if it is not there yet. Throws what `verify`, `unpackDebs`, `readDeb` and `writeTools` throw.
 */
export function unpackTools(
  store: Store,
  packages: readonly LockedPackage[],
  options: UnpackToolsOptions = {},
): Promise<string> {
  return unpackFolder('tools', store, packages, options);
}

/** The same for packages whose files go into an image, and of which nothing is run. */
export function unpackLoaders(
  store: Store,
  packages: readonly LockedPackage[],
  options: UnpackOptions = {},
): Promise<string> {
  return unpackFolder('loaders', store, packages, options);
}

/** @param kind apart, so that what was not verified is never found where programs are looked for */
async function unpackFolder(
  kind: 'tools' | 'loaders',
  store: Store,
  packages: readonly LockedPackage[],
  options: UnpackToolsOptions,
): Promise<string> {
  const inputs = { format: FORMAT, packages: packages.map(pkg => `${pkg.name} ${pkg.sha256}`).sort() };
  const { path } = await store.result(resultKey(kind, inputs), async folder => {
    await options.verify?.();
    await unpackDebs(store, packages, options);
    const sorted = [...packages].sort((a, b) => (a.name < b.name ? -1 : 1));
    const entries: Entry[] = [];
    for (const pkg of sorted) entries.push(...(await readDeb(store, pkg, options)).entries);
    await writeTools(entries, folder, options.signal);
  });
  return path;
}

/**
 * Writes packages' entries as a folder of tools. Nothing in it is owned by another user, setuid or a
 * device (TOOL_PACKAGE_UNSAFE); links never lead out of it; programs that would read the host's files
 * are sealed (see seal.ts); documentation and the like is left out.
 */
export async function writeTools(
  entries: readonly Entry[],
  folder: string,
  signal?: AbortSignal,
): Promise<void> {
  const tree = new Tree(0);
  for (const entry of entries) {
    const path = mergedPath(entry.path);
    if (LEFT_OUT.test(`${path}/`) && !KEPT.has(path)) continue;
    const moved = entry.kind === 'hardlink' ? { target: mergedPath(entry.target) } : {};
    tree.put({ ...entry, ...moved, path });
  }
  await writeTree(tree, folder, signal);
}

/** Packages may still say `lib/x` or `sbin/x`; all of it lives below usr. */
function mergedPath(path: string): string {
  return /^(bin|sbin|lib|lib64)(\/|$)/.test(path) ? `usr/${path}` : path;
}

async function writeTree(tree: Tree, root: string, signal: AbortSignal | undefined): Promise<void> {
  using contents = new ContentReader();
  await mkdir(root);
  for (const entry of tree.entries()) {
    signal?.throwIfAborted();
    const path = join(root, entry.path);
    if (entry.kind === 'directory') {
      if (entry.path !== '') await mkdir(path, { recursive: true });
    } else if (entry.kind === 'symlink') {
      await symlink(containedTarget(tree, entry.path, entry.target), path);
    } else if (entry.kind === 'file' || entry.kind === 'hardlink') {
      const file = entry.kind === 'file' ? entry : tree.lookup(entry.path);
      if (file?.kind !== 'file') throw unsafe(entry.path, 'is a link to nothing');
      if (SEALED_FILES.has(basename(entry.path))) {
        await writePieces(path, [sealHostPaths(contents.readAll(file.content))]);
      } else {
        await writePieces(path, contentSize(file.content) === 0 ? [] : contents.read(file.content));
      }
      await chmod(path, (file.mode & 0o111) === 0 ? 0o644 : 0o755);
    } else {
      throw unsafe(entry.path, `is a ${entry.kind}`);
    }
  }
}

async function writePieces(
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(path, 'wx', 0o644);
  try {
    for await (const piece of pieces) await handle.writeFile(piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The link's target relative to the link, resolved as if the folder were the root. */
function containedTarget(tree: Tree, path: string, target: string): string {
  const from = posix.dirname(path);
  const absolute = tree.resolve(
    target.startsWith('/') ? target : posix.join(from === '.' ? '' : from, target),
  );
  return posix.relative(`/${from}`, `/${absolute}`) || '.';
}

function unsafe(path: string, why: string): ToolError {
  return new ToolError(`unpacking build tools: ${path} ${why}`, {
    code: 'TOOL_PACKAGE_UNSAFE',
    kind: 'integrity',
    hint: 'the package is not one that Debian would publish; check the mirror and the lock',
  });
}
