import { createZstdCompress, createZstdDecompress, constants } from 'node:zlib';
import { Readable, pipeline } from 'node:stream';
import type { RandomAccess } from '../archive/byte-source.ts';
import { contentSize } from '../archive/entry.ts';
import { BLOCK_BYTES } from '../archive/tar-header.ts';
import { readTar } from '../archive/tar.ts';
import { ToolError, invariant } from '../errors.ts';
import { ContentReader } from '../fs/content-reader.ts';

/**
 * What an unpacked layer keeps of its tar so that save and push give the same bytes again: everything
 * that is not the content of a kept file (header blocks, padding, the end marker, contents that a later
 * entry replaced), with references to the contents by path.
 *
 * The record is zstd (its output does not depend on the processor, unlike zlib's) over a sequence:
 *
 *     slipway-tar-headers 1\n
 *     B <length>\n <length bytes>            bytes of the tar
 *     F <length> <path as JSON>\n            the whole content of that file of the layer, of that length
 *     E\n                                    the end
 */
export type TarPart =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly path: string; readonly sizeBytes: number };

const MAGIC = 'slipway-tar-headers 1\n';
const LEVEL = 12;
const GATHER_BYTES = 64 * 1024;
const MAX_LINE = 32 * 1024;

/**
 * The parts of a layer's tar. Throws what `readTar` throws.
 * @param kept which entries (counted from 0) gave contents that the unpacked layer has, and at which path
 */
export async function* readTarParts(
  source: RandomAccess,
  options: { readonly name: string; readonly file: string; readonly kept: ReadonlyMap<number, string> },
): AsyncGenerator<TarPart> {
  let raw: Uint8Array[] = [];
  let rawBytes = 0;
  let position = 0;
  const contents = { file: options.file };
  const onRaw = (bytes: Uint8Array): void => {
    raw.push(bytes);
    rawBytes += bytes.length;
    position += bytes.length;
  };
  const take = (): Uint8Array => {
    const bytes = Buffer.concat(raw, rawBytes);
    raw = [];
    rawBytes = 0;
    return bytes;
  };
  using reader = new ContentReader();
  let index = -1;
  for await (const entry of readTar(source, { name: options.name, contents, onRaw })) {
    index++;
    const size = entry.kind === 'file' ? contentSize(entry.content) : 0;
    if (entry.kind !== 'file' || size === 0) {
      if (rawBytes >= GATHER_BYTES) yield { kind: 'bytes', bytes: take() };
      continue;
    }
    position += size;
    // The reader has gone past the content, whose padding is the last of the raw bytes.
    const before = take();
    const padding = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
    raw = [before.subarray(before.length - padding)];
    rawBytes = padding;
    yield { kind: 'bytes', bytes: before.subarray(0, before.length - padding) };
    const path = options.kept.get(index);
    if (path !== undefined) yield { kind: 'file', path, sizeBytes: size };
    else for await (const bytes of reader.read(entry.content)) yield { kind: 'bytes', bytes };
  }
  yield { kind: 'bytes', bytes: take() };
  // Nothing but zeros follows the end, as many as the archive's writer pleased.
  const zeros = new Uint8Array(GATHER_BYTES);
  for (let left = source.sizeBytes - position; left > 0; left -= zeros.length) {
    yield { kind: 'bytes', bytes: zeros.subarray(0, left) };
  }
}

/**
 * The record of a tar's parts, compressed, as it is made. The same parts give the same bytes.
 * @param level zstd's
 */
export async function* formatTarHeaders(
  parts: Iterable<TarPart> | AsyncIterable<TarPart>,
  level = LEVEL,
): AsyncGenerator<Uint8Array> {
  const compress = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: level } });
  pipeline(Readable.from(encode(parts), { objectMode: false }), compress, () => undefined);
  yield* compress as AsyncIterable<Uint8Array>;
}

/** Reads a record back. Throws TAR_HEADERS_MALFORMED. */
export async function* parseTarHeaders(
  record: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<TarPart> {
  const decompress = createZstdDecompress();
  pipeline(Readable.from(record, { objectMode: false }), decompress, () => undefined);
  const reader = new LineReader(decompress as AsyncIterable<Uint8Array>, name);
  try {
    if (`${await reader.line()}\n` !== MAGIC) throw malformed(name, 'it does not begin as one');
    for (;;) {
      const line = await reader.line();
      if (line === 'E') return;
      const [, kind, length, path] = /^([BF]) (\d{1,15})(?: (".*"))?$/.exec(line) ?? [];
      if (kind === 'B' && path === undefined) yield* reader.bytes(Number(length));
      else if (kind === 'F' && path !== undefined) {
        yield { kind: 'file', path: parsePath(path, name), sizeBytes: Number(length) };
      } else throw malformed(name, 'a line is neither bytes nor a file');
    }
  } catch (cause) {
    if (cause instanceof ToolError) throw cause;
    throw malformed(name, 'it is damaged', cause);
  } finally {
    decompress.destroy();
  }
}

/**
 * The original tar, byte for byte.
 * @param readFile content of a file of the unpacked layer
 * @throws TAR_HEADERS_MALFORMED, also where a file's length differs from the record
 */
export async function* restoreTar(
  record: AsyncIterable<Uint8Array>,
  readFile: (path: string) => AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  for await (const part of parseTarHeaders(record, name)) {
    if (part.kind === 'bytes') {
      yield part.bytes;
      continue;
    }
    let size = 0;
    for await (const piece of readFile(part.path)) {
      size += piece.length;
      yield piece;
    }
    if (size !== part.sizeBytes)
      throw malformed(name, `${part.path} has ${size} bytes, not ${part.sizeBytes}`);
  }
}

async function* encode(parts: Iterable<TarPart> | AsyncIterable<TarPart>): AsyncGenerator<Uint8Array> {
  let gathered: Uint8Array[] = [Buffer.from(MAGIC)];
  let size = 0;
  let pending: Uint8Array[] = [];
  let pendingSize = 0;
  const flushBytes = (): void => {
    if (pendingSize > 0) gathered.push(Buffer.from(`B ${pendingSize}\n`), ...pending);
    size += pendingSize;
    pending = [];
    pendingSize = 0;
  };
  for await (const part of parts) {
    if (part.kind === 'bytes') {
      pending.push(part.bytes);
      pendingSize += part.bytes.length;
      if (pendingSize >= GATHER_BYTES) flushBytes();
    } else {
      flushBytes();
      const line = `F ${part.sizeBytes} ${JSON.stringify(part.path)}\n`;
      invariant(Buffer.byteLength(line) < MAX_LINE, 'paths in a layer are short');
      gathered.push(Buffer.from(line));
    }
    if (size >= GATHER_BYTES) {
      yield Buffer.concat(gathered);
      gathered = [];
      size = 0;
    }
  }
  flushBytes();
  yield Buffer.concat([...gathered, Buffer.from('E\n')]);
}

class LineReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #name: string;
  #rest: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>, name: string) {
    this.#iterator = source[Symbol.asyncIterator]();
    this.#name = name;
  }

  async line(): Promise<string> {
    let end = this.#rest.indexOf(0x0a);
    while (end < 0) {
      if (this.#rest.length > MAX_LINE) throw malformed(this.#name, 'a line is too long');
      await this.#fill();
      end = this.#rest.indexOf(0x0a);
    }
    const line = Buffer.from(this.#rest.subarray(0, end)).toString();
    this.#rest = this.#rest.subarray(end + 1);
    return line;
  }

  async *bytes(size: number): AsyncGenerator<TarPart> {
    for (let missing = size; missing > 0;) {
      if (this.#rest.length === 0) await this.#fill();
      const bytes = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(bytes.length);
      missing -= bytes.length;
      if (bytes.length > 0) yield { kind: 'bytes', bytes };
    }
  }

  async #fill(): Promise<void> {
    const next = await this.#iterator.next();
    if (next.done) throw malformed(this.#name, 'it ends too early');
    this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
  }
}

function parsePath(json: string, name: string): string {
  let path: unknown;
  try {
    path = JSON.parse(json);
  } catch {
    path = undefined;
  }
  const isSafe = typeof path === 'string' && path.split('/').every(part => !['', '.', '..'].includes(part));
  if (!isSafe || typeof path !== 'string') throw malformed(name, 'a path is malformed');
  return path;
}

function malformed(name: string, fault: string, cause?: unknown): ToolError {
  return new ToolError(`reading the tar headers of ${name}: ${fault}`, {
    code: 'TAR_HEADERS_MALFORMED',
    kind: 'integrity',
    cause,
  });
}
