import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, opendir, readlink } from 'node:fs/promises';
import { isSystemError } from '../../shared/errors.ts';

/** Names a file without opening it (open(2)); Node has no constant for it. The same on amd64 and arm64. */
const O_PATH = 0o1000_0000;

/**
 * A file or folder held by its inode, from which others are reached one name at a time without ever
 * following a link: what openat(2) does, by way of /proc/self/fd. Whoever changes the tree meanwhile can
 * make names vanish, but lead nobody out of it.
 */
export class Place implements AsyncDisposable {
  readonly #handle: FileHandle;
  /** What it was when it was opened; of a link, the link's own. */
  readonly stat: Stats;

  private constructor(handle: FileHandle, stat: Stats) {
    this.#handle = handle;
    this.stat = stat;
  }

  /** Opens a path of the host that is trusted; links are followed. */
  static async open(path: string): Promise<Place> {
    return Place.#from(await open(path, O_PATH));
  }

  static async #from(handle: FileHandle): Promise<Place> {
    try {
      return new Place(handle, await handle.stat());
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** A path for calls that follow its last part: the inode itself. Not for links, which would be followed. */
  get path(): string {
    return `/proc/self/fd/${this.#handle.fd}`;
  }

  /** The same for other processes. */
  get pathForOthers(): string {
    return `/proc/${process.pid}/fd/${this.#handle.fd}`;
  }

  /** A path for calls that do not follow its last part. Throws a plain Error for what is no name. */
  pathOf(name: Buffer): Buffer {
    const text = name.toString('latin1');
    if (text === '' || text === '.' || text === '..' || /[/\0]/.test(text)) {
      throw new Error(`not the name of a file: ${JSON.stringify(text)}`);
    }
    return Buffer.concat([Buffer.from(`${this.path}/`), name]);
  }

  /** What lies under a name of this folder; undefined when nothing does. */
  async child(name: Buffer): Promise<Place | undefined> {
    const handle = await unlessMissing(open(this.pathOf(name), O_PATH | constants.O_NOFOLLOW));
    return handle === undefined ? undefined : Place.#from(handle);
  }

  /** The same without holding it. */
  async statChild(name: Buffer): Promise<Stats | undefined> {
    return unlessMissing(lstat(this.pathOf(name)));
  }

  /** Target of the link under a name; undefined when there is none any more. */
  async readLink(name: Buffer): Promise<Buffer | undefined> {
    try {
      return await unlessMissing(readlink(this.pathOf(name), { encoding: 'buffer' }));
    } catch (error) {
      if (isSystemError(error, 'EINVAL')) return undefined;
      throw error;
    }
  }

  /** Tells this file from every other one while both are there; numbers of inodes can be too large for Stats. */
  async inodeKey(): Promise<string> {
    const { dev, ino } = await this.#handle.stat({ bigint: true });
    return `${dev}:${ino}`;
  }

  /** Names in this folder, in the order of the file system. */
  async *names(): AsyncGenerator<Buffer> {
    const folder = await opendir(this.path, { encoding: 'buffer' as BufferEncoding, bufferSize: 256 });
    for await (const entry of folder) {
      // With this encoding names are bytes, which Node's types do not say.
      yield entry.name as unknown as Buffer;
    }
  }

  /** Opens this regular file, and no other that may be there by now, for reading. */
  async openFile(): Promise<FileHandle> {
    return open(this.path, constants.O_RDONLY);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

/** As in Linux itself. */
const MAX_LINKS = 40;
const SLASH = 0x2f;
/** Folders in each other that are held open. */
const MAX_DEPTH = 512;

/**
 * Whether something is there under a path below a folder, links followed as if that folder were the root: none leads
 * out of it. False for a link to nothing, and for what lies deeper than anybody's files do. Throws I/O errors.
 */
export async function existsBelow(root: string, path: string): Promise<boolean> {
  await using top = await Place.open(root);
  const stack: Place[] = [];
  const leave = async (depth: number): Promise<void> => {
    for (const place of stack.splice(depth)) await place[Symbol.asyncDispose]();
  };
  const pending = splitPath(Buffer.from(path));
  let links = 0;
  try {
    for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
      if (name.toString('latin1') === '..') {
        await leave(Math.max(0, stack.length - 1));
        continue;
      }
      const here = stack.at(-1) ?? top;
      const next = await here.child(name);
      if (next === undefined) return false;
      if (stack.length >= MAX_DEPTH) {
        await next[Symbol.asyncDispose]();
        return false;
      }
      stack.push(next);
      if (!next.stat.isSymbolicLink()) continue;
      const target = await here.readLink(name);
      links += 1;
      if (target === undefined || links > MAX_LINKS) return false;
      await leave(target[0] === SLASH ? 0 : stack.length - 1);
      pending.unshift(...splitPath(target));
    }
    return true;
  } finally {
    await leave(0);
  }
}

/** The names of a path; `.` and empty ones mean nothing. */
function splitPath(path: Buffer): Buffer[] {
  const names = path.toString('latin1').split('/');
  return names.filter(name => name !== '' && name !== '.').map(name => Buffer.from(name, 'latin1'));
}

async function unlessMissing<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
