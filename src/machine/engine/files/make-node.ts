import { constants, type Stats } from 'node:fs';
import { chmod, chown, lchown, link, lutimes, mkdir, open, symlink, unlink, utimes } from 'node:fs/promises';
import { isSystemError } from '../../../shared/errors.ts';
import type { Place } from '../../host/place.ts';
import { runProgramOrThrow } from '../../host/run-program.ts';

/** What is said of a file besides its content. */
export interface NodeMeta {
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** Kinds of files that have neither content nor children. */
export type SpecialKind = 'char-device' | 'block-device' | 'fifo';

const TIMEOUT_MS = 10_000;

export function metaOf(stat: Stats): NodeMeta {
  return { mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, mtime: Math.floor(stat.mtimeMs / 1000) };
}

/**
 * Makes a folder, or answers the one that is there. Throws an I/O error, EEXIST for something else under
 * that name. Its meta data are set by `finishFolder`, after everything in it has been made.
 */
export async function makeFolder(parent: Place, name: Buffer, mode = 0o700): Promise<Place> {
  try {
    await mkdir(parent.pathOf(name), { mode });
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
  }
  const folder = await parent.child(name);
  if (folder?.stat.isDirectory() === true) return folder;
  await folder?.[Symbol.asyncDispose]();
  throw Object.assign(new Error(`not a folder: ${name.toString()}`), { code: 'EEXIST' });
}

/** Owner, permissions and time of a folder. */
export async function finishFolder(folder: Place, meta: NodeMeta): Promise<void> {
  await chown(folder.path, meta.uid, meta.gid);
  // Changing the owner takes setuid and setgid away, so it comes first.
  await chmod(folder.path, meta.mode);
  await utimes(folder.path, meta.mtime, meta.mtime);
}

/** Makes a regular file; nothing may be under that name. A failure takes it away again. */
export async function makeFile(
  parent: Place,
  name: Buffer,
  meta: NodeMeta,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(parent.pathOf(name), flags, 0o600);
  try {
    for await (const bytes of content) await writeFully(handle, bytes);
    await handle.chown(meta.uid, meta.gid);
    await handle.chmod(meta.mode);
    await handle.utimes(meta.mtime, meta.mtime);
  } catch (error) {
    await unlink(parent.pathOf(name)).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
}

/** Makes a symbolic link; its target means nothing to the host. */
export async function makeSymlink(
  parent: Place,
  name: Buffer,
  meta: NodeMeta,
  target: Buffer,
): Promise<void> {
  await symlink(target, parent.pathOf(name));
  await finishLeaf(parent, name, meta);
}

/** Makes another name of a file that lies under `existing` in its own folder. */
export async function makeHardlink(
  parent: Place,
  name: Buffer,
  folder: Place,
  existing: Buffer,
): Promise<void> {
  await link(folder.pathOf(existing), parent.pathOf(name));
}

/** Makes a device or FIFO. */
export async function makeSpecial(
  busybox: string,
  parent: Place,
  name: Buffer,
  meta: NodeMeta,
  node: { readonly kind: SpecialKind; readonly major: number; readonly minor: number },
): Promise<void> {
  const letter = { 'char-device': 'c', 'block-device': 'b', fifo: 'p' }[node.kind];
  const numbers = node.kind === 'fifo' ? [] : [String(node.major), String(node.minor)];
  const temporary = Buffer.from(`.slipway-node-${process.hrtime.bigint().toString(36)}`);
  // A name need not be UTF-8, and arguments of programs are; so it is made under another and linked.
  await runProgramOrThrow(
    [busybox, 'mknod', '-m', '600', `${parent.pathForOthers}/${temporary.toString()}`, letter, ...numbers],
    `making ${name.toString()}`,
    { timeoutMs: TIMEOUT_MS },
  );
  try {
    await link(parent.pathOf(temporary), parent.pathOf(name));
  } finally {
    await unlink(parent.pathOf(temporary)).catch(() => undefined);
  }
  await finishLeaf(parent, name, meta);
  await using made = await parent.child(name);
  if (made !== undefined && !made.stat.isSymbolicLink()) await chmod(made.path, meta.mode);
}

async function finishLeaf(parent: Place, name: Buffer, meta: NodeMeta): Promise<void> {
  await lchown(parent.pathOf(name), meta.uid, meta.gid);
  await lutimes(parent.pathOf(name), meta.mtime, meta.mtime);
}

async function writeFully(
  handle: { write(buffer: Uint8Array): Promise<{ bytesWritten: number }> },
  bytes: Uint8Array,
): Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    const { bytesWritten } = await handle.write(rest);
    rest = rest.subarray(bytesWritten);
  }
}
