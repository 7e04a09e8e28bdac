import { closeSync, openSync, readSync, type PathLike } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type Content, contentSize } from '../archive/entry.ts';
import { ToolError, isSystemError } from '../errors.ts';

const CHUNK_BYTES = 1024 * 1024;
/** Slices up to this size are read synchronously: a round trip through the thread pool costs more. */
const SMALL_BYTES = 128 * 1024;
const OPEN_FILES = 48;

/**
 * Reads the bytes behind `Content`. Files that slices point into stay open (at most 48 of them), so
 * that packing thousands of files out of a few archives does not open one for each.
 *
 * Errors: CONTENT_MISSING when a slice's file has gone, CONTENT_CHANGED when it is too short.
 */
export class ContentReader implements Disposable {
  readonly #files = new Map<string, number>();

  /** All bytes of a content; meant for what fits in memory. */
  readAll(content: Content): Uint8Array {
    if (content.kind === 'bytes') return content.bytes;
    const bytes = Buffer.allocUnsafe(content.size);
    readFully(this.#open(content.file), bytes, content.offset, content.file);
    return bytes;
  }

  /** The bytes in order, in pieces of at most 1 MiB. */
  async *read(content: Content): AsyncGenerator<Uint8Array> {
    if (contentSize(content) === 0) return;
    if (content.kind === 'bytes' || content.size <= SMALL_BYTES) {
      yield this.readAll(content);
      return;
    }
    // A handle of its own: the shared one may be closed to make room while this waits.
    const handle = await openFile(content.file);
    try {
      for (let done = 0; done < content.size;) {
        const piece = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, content.size - done));
        const { bytesRead } = await handle.read(piece, 0, piece.length, content.offset + done);
        if (bytesRead === 0) throw changed(content.file);
        done += bytesRead;
        yield piece.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  }

  [Symbol.dispose](): void {
    for (const descriptor of this.#files.values()) closeSync(descriptor);
    this.#files.clear();
  }

  #open(file: string): number {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const [oldest] = this.#files;
    if (oldest && this.#files.size >= OPEN_FILES) {
      closeSync(oldest[1]);
      this.#files.delete(oldest[0]);
    }
    const descriptor = located(file, () => openSync(file, 'r'));
    this.#files.set(file, descriptor);
    return descriptor;
  }
}

/** The bytes of one content; for many, keep a ContentReader. */
export async function* readContent(content: Content): AsyncGenerator<Uint8Array> {
  using reader = new ContentReader();
  yield* reader.read(content);
}

function readFully(descriptor: number, into: Uint8Array, position: number, file: PathLike): void {
  for (let done = 0; done < into.length;) {
    const count = readSync(descriptor, into, done, into.length - done, position + done);
    if (count === 0) throw changed(String(file));
    done += count;
  }
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (error) {
    throw missing(file, error);
  }
}

function located<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw missing(file, error);
  }
}

function missing(file: string, error: unknown): unknown {
  if (!isSystemError(error, 'ENOENT')) return error;
  return new ToolError(`reading ${file}: it has been removed while it was in use`, {
    code: 'CONTENT_MISSING',
    kind: 'io',
    hint: 'run the command again; do not empty the store while a build runs',
    cause: error,
  });
}

function changed(file: string): ToolError {
  return new ToolError(`reading ${file}: it is shorter than it was`, {
    code: 'CONTENT_CHANGED',
    kind: 'io',
    hint: 'run the command again; do not change files of the store',
  });
}
