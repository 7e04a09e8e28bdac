import { once } from 'node:events';
import cpio from 'cpio-stream';
import { type Entry, type FileEntry, contentSize } from '../../shared/archive/entry.ts';
import { ToolError, invariant } from '../../shared/errors.ts';
import { ContentReader } from '../../shared/fs/content-reader.ts';
import type { Tree } from '../tree/tree.ts';

/** Sizes are 8 hexadecimal digits in this format. */
const MAX_FILE_BYTES = 0xffff_ffff;
/** The kernel takes the next segment of an initrd where the offset is a multiple of 4. */
const SEGMENT_ALIGNMENT = 512;

/**
 * A tree as a cpio archive in the form the kernel reads as initrd ("newc"), parents before children,
 * padded to 512 bytes so that segments can follow each other. Throws CPIO_UNSUPPORTED for what the
 * format can't hold: extended attributes, and files of 4 GiB or more.
 */
export async function* writeCpio(tree: Tree): AsyncGenerator<Uint8Array> {
  const entries = tree.entries().filter(entry => entry.path !== '');
  const links = linkCounts(tree, entries);
  using contents = new ContentReader();
  const pack = cpio.pack({ format: 'newc' });
  const written = (async () => {
    const inodes = new Map<string, number>();
    for (const [index, entry] of entries.entries()) {
      const inode = index + 1;
      await writeEntry(pack, entry, inode, inodes, links, tree, contents);
    }
    pack.finalize();
  })();
  // A reader that stops early must not leave an unhandled rejection behind.
  written.catch((error: unknown) => pack.destroy(error as Error));
  let length = 0;
  try {
    for await (const piece of pack as AsyncIterable<Uint8Array>) {
      length += piece.length;
      yield piece;
    }
  } finally {
    pack.destroy();
  }
  await written;
  const padding = (SEGMENT_ALIGNMENT - (length % SEGMENT_ALIGNMENT)) % SEGMENT_ALIGNMENT;
  if (padding > 0) yield Buffer.alloc(padding);
}

const TYPES = {
  file: 'file',
  hardlink: 'file',
  directory: 'directory',
  symlink: 'symlink',
  fifo: 'fifo',
  'char-device': 'character-device',
  'block-device': 'block-device',
} as const;

async function writeEntry(
  pack: ReturnType<typeof cpio.pack>,
  entry: Entry,
  inode: number,
  inodes: Map<string, number>,
  links: ReadonlyMap<string, number>,
  tree: Tree,
  contents: ContentReader,
): Promise<void> {
  if (entry.xattrs && entry.xattrs.size > 0) throw unsupported(entry.path, 'has extended attributes');
  const real = entry.kind === 'hardlink' ? linkedFile(tree, entry.path) : entry;
  const header = {
    name: nameField(entry.path),
    type: TYPES[entry.kind],
    mode: real.mode,
    uid: real.uid,
    gid: real.gid,
    // As a Date: the package takes the number 0 for "not given" and writes the current time.
    mtime: new Date(real.mtime * 1000),
    ino: inode,
    nlink: entry.kind === 'directory' ? 2 : 1,
  };
  if (real.kind === 'file') {
    const first = inodes.get(real.path);
    inodes.set(real.path, first ?? inode);
    const linked = { ...header, ino: first ?? inode, nlink: links.get(real.path) ?? 1 };
    // The kernel fills a file from its first name; the other names come without content.
    if (first === undefined) await writeFile(pack, linked, real, contents);
    else await writeBytes(pack, linked, Buffer.alloc(0));
  } else if (real.kind === 'symlink') {
    await writeBytes(pack, header, Buffer.from(real.target));
  } else if (real.kind === 'char-device' || real.kind === 'block-device') {
    await writeBytes(pack, { ...header, rdevmajor: real.major, rdevminor: real.minor }, Buffer.alloc(0));
  } else {
    await writeBytes(pack, header, Buffer.alloc(0));
  }
}

type Header = Parameters<ReturnType<typeof cpio.pack>['entry']>[0];

function writeBytes(pack: ReturnType<typeof cpio.pack>, header: Header, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    pack.entry(header, bytes, error => (error ? reject(error) : resolve()));
  });
}

async function writeFile(
  pack: ReturnType<typeof cpio.pack>,
  header: Header,
  file: FileEntry,
  contents: ContentReader,
): Promise<void> {
  const size = contentSize(file.content);
  if (size > MAX_FILE_BYTES) throw unsupported(file.path, 'is 4 GiB or larger');
  if (size === 0) {
    await writeBytes(pack, header, Buffer.alloc(0));
    return;
  }
  const finished = Promise.withResolvers<undefined>();
  const sink = pack.entry({ ...header, size }, error =>
    error ? finished.reject(error) : finished.resolve(undefined),
  );
  // Rejected without a reader when the content's own error ends this function first.
  finished.promise.catch(() => undefined);
  for await (const piece of contents.read(file.content)) {
    if (!sink.write(piece)) await once(sink, 'drain');
  }
  sink.end();
  await finished.promise;
}

/** How many names each file with hard links has, by the path that holds the content. */
function linkCounts(tree: Tree, entries: readonly Entry[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const entry of entries) {
    if (entry.kind !== 'hardlink') continue;
    const { path } = linkedFile(tree, entry.path);
    counts.set(path, (counts.get(path) ?? 1) + 1);
  }
  return counts;
}

function linkedFile(tree: Tree, path: string): FileEntry {
  const file = tree.lookup(path);
  invariant(file?.kind === 'file', `the hard link ${path} leads to a file`);
  return file;
}

/** The package measures names in UTF-16 units; NULs make that number the one of the bytes. */
function nameField(path: string): string {
  return path + '\0'.repeat(Buffer.byteLength(path) + 1 - path.length);
}

function unsupported(path: string, why: string): ToolError {
  return new ToolError(`packing the initrd: ${path} ${why}, which its format can't hold`, {
    code: 'CPIO_UNSUPPORTED',
    kind: 'unsupported',
    hint: 'leave the file out of the initrd',
  });
}
