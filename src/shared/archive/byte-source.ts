/** A file that can be read at any place; see `src/shared/fs/file-access.ts`. */
export interface RandomAccess {
  readonly sizeBytes: number;
  /** Bytes at a place; fewer than asked for only at the end of the file. */
  readAt(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Bytes read in order, by exact sizes. */
export interface ByteSource {
  /** How many bytes have been read or passed over. */
  readonly position: number;
  /** Exactly `size` bytes; an early end is an error. */
  read(size: number): Promise<Uint8Array>;
  /** Some bytes, at most 1 MiB; none at the end. */
  readSome(): Promise<Uint8Array>;
  /** Passes over `size` bytes; an early end is an error. */
  skip(size: number): Promise<void>;
  atEnd(): Promise<boolean>;
  close(): Promise<void>;
}

/** @param onEnd makes the error for an input that ends too early */
export function openBytes(
  source: AsyncIterable<Uint8Array> | RandomAccess,
  onEnd: (fault: string) => Error,
): ByteSource {
  return 'readAt' in source ? new FileBytes(source, onEnd) : new StreamBytes(source, onEnd);
}

const EARLY_END = 'it ends too early';
/** What is read at a time: much where it goes on and on, little where it jumps from header to header. */
const WINDOW_BYTES = 256 * 1024;
const FIRST_WINDOW_BYTES = 4 * 1024;
const FAR_BYTES = 64 * 1024;
const NOTHING = new Uint8Array();

class StreamBytes implements ByteSource {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #onEnd: (fault: string) => Error;
  #piece: Uint8Array = NOTHING;
  position = 0;

  constructor(source: AsyncIterable<Uint8Array>, onEnd: (fault: string) => Error) {
    this.#iterator = source[Symbol.asyncIterator]();
    this.#onEnd = onEnd;
  }

  async read(size: number): Promise<Uint8Array> {
    if (size === 0) return NOTHING;
    if (this.#piece.length >= size) return this.#take(size);
    // Grown as bytes arrive: a header's size alone must not make us allocate.
    const parts: Uint8Array[] = [];
    for (let missing = size; missing > 0;) {
      if (await this.atEnd()) throw this.#onEnd(EARLY_END);
      const part = this.#take(Math.min(missing, this.#piece.length));
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
  }

  async readSome(): Promise<Uint8Array> {
    if (await this.atEnd()) return NOTHING;
    return this.#take(this.#piece.length);
  }

  async skip(size: number): Promise<void> {
    for (let missing = size; missing > 0;) {
      if (await this.atEnd()) throw this.#onEnd(EARLY_END);
      missing -= this.#take(Math.min(missing, this.#piece.length)).length;
    }
  }

  async atEnd(): Promise<boolean> {
    while (this.#piece.length === 0) {
      const next = await this.#iterator.next();
      if (next.done) return true;
      this.#piece = next.value;
    }
    return false;
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }

  #take(size: number): Uint8Array {
    const part = this.#piece.subarray(0, size);
    this.#piece = this.#piece.subarray(size);
    this.position += size;
    return part;
  }
}

class FileBytes implements ByteSource {
  readonly #file: RandomAccess;
  readonly #onEnd: (fault: string) => Error;
  #window: Uint8Array = NOTHING;
  #windowStart = 0;
  #nextWindowBytes = WINDOW_BYTES;
  position = 0;

  constructor(file: RandomAccess, onEnd: (fault: string) => Error) {
    this.#file = file;
    this.#onEnd = onEnd;
  }

  async read(size: number): Promise<Uint8Array> {
    if (size === 0) return NOTHING;
    if (this.position + size > this.#file.sizeBytes) throw this.#onEnd(EARLY_END);
    const from = this.position - this.#windowStart;
    if (from < 0 || from + size > this.#window.length) {
      this.#window = await this.#file.readAt(this.position, Math.max(size, this.#nextWindowBytes));
      this.#windowStart = this.position;
      this.#nextWindowBytes = Math.min(this.#nextWindowBytes * 2, WINDOW_BYTES);
      if (this.#window.length < size) throw this.#onEnd(EARLY_END);
    }
    const start = this.position - this.#windowStart;
    this.position += size;
    return this.#window.subarray(start, start + size);
  }

  readSome(): Promise<Uint8Array> {
    return this.read(Math.min(WINDOW_BYTES, this.#file.sizeBytes - this.position));
  }

  skip(size: number): Promise<void> {
    if (this.position + size > this.#file.sizeBytes) return Promise.reject(this.#onEnd(EARLY_END));
    this.position += size;
    if (this.position - this.#windowStart > this.#window.length + FAR_BYTES) {
      this.#nextWindowBytes = FIRST_WINDOW_BYTES;
    }
    return Promise.resolve();
  }

  atEnd(): Promise<boolean> {
    return Promise.resolve(this.position >= this.#file.sizeBytes);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
