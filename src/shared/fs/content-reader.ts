import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type Content, contentSize } from '../archive/entry.ts';
import { ToolError, isSystemError } from '../errors.ts';

const CHUNK_BYTES = 1024 * 1024;
/** Slices up to this size are read synchronously: a round trip through the thread pool costs more. */
const SMALL_BYTES = 128 * 1024;
const OPEN_FILES = 48;
/** Small contents that follow each other are read together: more each time, across gaps of up to so much. */
const FIRST_AHEAD_BYTES = 4 * 1024;
const MOST_AHEAD_BYTES = 256 * 1024;
const GAP_BYTES = 64 * 1024;

/**
 * Reads the bytes behind `Content`. Files that slices point into stay open (at most 48 of them), so
 * that packing thousands of files out of a few archives does not open one for each.
 *
 * Errors: CONTENT_MISSING when a slice's file has gone, CONTENT_CHANGED when it is too short.
 */
export class ContentReader implements Disposable {
  readonly #files = new Map<string, number>();
  /** What was read of small contents last. */
  #window: { readonly file: string; readonly offset: number; readonly bytes: Uint8Array } = {
    file: '',
    offset: 0,
    bytes: new Uint8Array(),
  };
  /** What is read ahead next time. Whoever orders the contents decides where they lie: few bytes until it pays. */
  #aheadBytes = FIRST_AHEAD_BYTES;

  /** All bytes of a content; meant for what fits in memory. */
  readAll(content: Content): Uint8Array {
    if (content.kind === 'bytes') return content.bytes;
    return this.#readAt(content.file, content.offset, content.size, content.size);
  }

  /** The bytes in order, in pieces of at most 1 MiB. */
  async *read(content: Content): AsyncGenerator<Uint8Array> {
    if (contentSize(content) === 0) return;
    if (content.kind === 'bytes') {
      yield content.bytes;
      return;
    }
    if (content.size <= SMALL_BYTES) {
      yield this.#readSmall(content);
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

  /** A part of what has been read ahead: whoever keeps it keeps all of that. */
  #readSmall({ file, offset, size }: Extract<Content, { kind: 'slice' }>): Uint8Array {
    const { bytes } = this.#window;
    const at = file === this.#window.file ? offset - this.#window.offset : -1;
    if (at >= 0 && at + size <= bytes.length) return bytes.subarray(at, at + size);
    const isNext = at >= 0 && at <= bytes.length + GAP_BYTES;
    const ahead = this.#readAt(file, offset, size, isNext ? Math.max(size, this.#aheadBytes) : size);
    this.#aheadBytes = isNext ? Math.min(2 * this.#aheadBytes, MOST_AHEAD_BYTES) : FIRST_AHEAD_BYTES;
    this.#window = { file, offset, bytes: ahead };
    return ahead.subarray(0, size);
  }

  /** As many bytes as the file has there, up to `mostBytes`, but not fewer than `size`. */
  #readAt(file: string, offset: number, size: number, mostBytes: number): Uint8Array {
    const bytes = Buffer.allocUnsafe(mostBytes);
    const descriptor = this.#open(file);
    let done = 0;
    while (done < size) {
      const count = readSync(descriptor, bytes, done, mostBytes - done, offset + done);
      if (count === 0) throw changed(file);
      done += count;
    }
    return bytes.subarray(0, done);
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
