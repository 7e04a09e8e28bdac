import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import xzDecompress from 'xz-decompress';
import { decompressZstd } from '../../shared/archive/zstd.ts';
import { ToolError, messageOf } from '../../shared/errors.ts';

export type Compression = 'none' | 'gzip' | 'xz' | 'zstd';

export interface DecompressOptions {
  /** What is unpacked, for messages. */
  readonly name: string;
  /** An archive that grows beyond this is refused. */
  readonly maxBytes: number;
}

/** A part of a file that is unpacked into a file of its own. */
export interface DecompressJob extends DecompressOptions {
  readonly input: string;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly compression: Compression;
  /** Must not exist. */
  readonly output: string;
}

/**
 * The bytes behind a compressed stream. Errors: DECOMPRESS_FAILED when the data is damaged or cut short,
 * DECOMPRESS_TOO_LARGE. xz runs in this thread (WebAssembly), one stream at a time: a second one waits
 * until the first is read to its end or given up.
 */
export async function* decompress(
  compression: Compression,
  source: AsyncIterable<Uint8Array>,
  options: DecompressOptions,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const piece of openStream(compression, source, options.name)) {
    total += piece.length;
    if (total > options.maxBytes) {
      throw new ToolError(`unpacking ${options.name}: it grows beyond ${options.maxBytes} bytes`, {
        code: 'DECOMPRESS_TOO_LARGE',
        kind: 'invalid-input',
      });
    }
    yield piece;
  }
}

/** Runs one job in this thread; the number of bytes written. Throws what `decompress` throws. */
export async function decompressFile(job: DecompressJob): Promise<number> {
  const output = await open(job.output, 'wx', 0o644);
  let total = 0;
  try {
    const source: AsyncIterable<Uint8Array> =
      job.sizeBytes === 0
        ? Readable.from([])
        : createReadStream(job.input, {
            start: job.offset,
            end: job.offset + job.sizeBytes - 1,
            highWaterMark: 256 * 1024,
          });
    for await (const piece of decompress(job.compression, source, job)) {
      for (let done = 0; done < piece.length;) done += (await output.write(piece, done)).bytesWritten;
      total += piece.length;
    }
    await output.sync();
  } finally {
    await output.close();
  }
  return total;
}

function openStream(
  compression: Compression,
  source: AsyncIterable<Uint8Array>,
  name: string,
): AsyncIterable<Uint8Array> {
  switch (compression) {
    case 'none':
      return source;
    case 'gzip':
      return throughGzip(source, name);
    case 'zstd':
      return throughZstd(source, name);
    case 'xz':
      return throughXz(source, name);
  }
}

async function* throughZstd(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const fault: { input?: Error } = {};
  const watched = (async function* () {
    try {
      yield* source;
    } catch (error) {
      fault.input = error instanceof Error ? error : new Error(messageOf(error));
      throw error;
    }
  })();
  try {
    yield* decompressZstd(watched);
  } catch (error) {
    throw fault.input ?? damaged(name, error);
  }
}

async function* throughGzip(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const transform = createGunzip({ chunkSize: 256 * 1024 });
  const input = Readable.from(source);
  const fault: { input?: Error } = {};
  input.on('error', (error: Error) => {
    fault.input = error;
    transform.destroy(error);
  });
  input.pipe(transform);
  try {
    for await (const piece of transform) yield piece as Buffer;
  } catch (error) {
    throw fault.input ?? damaged(name, error);
  } finally {
    input.destroy();
    transform.destroy();
  }
}

async function* throughXz(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const state: { inputError?: Error; hasEnded: boolean } = { hasEnded: false };
  const iterator = source[Symbol.asyncIterator]();
  const input = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const next = await iterator.next();
        if (next.done) {
          state.hasEnded = true;
          controller.close();
        } else controller.enqueue(next.value);
      } catch (error) {
        state.inputError = error instanceof Error ? error : new Error(messageOf(error));
        controller.error(error);
      }
    },
  });
  const reader = new xzDecompress.XzReadableStream(input).getReader();
  let isDone = false;
  try {
    // The decoder asks for input for ever when that ends early: it then delivers nothing, again and again.
    for (let empty = 0; empty < 4;) {
      const next = await reader.read();
      if (next.done) {
        isDone = true;
        return;
      }
      if (next.value.length > 0) {
        empty = 0;
        yield next.value;
      } else if (state.hasEnded) empty++;
    }
    throw damaged(name, new Error('it ends too early'));
  } catch (error) {
    if (error instanceof ToolError) throw error;
    isDone = true;
    // At the end of its input the decoder fails in ways of its own (8 is its "no progress").
    const isCut = state.hasEnded && (error instanceof TypeError || messageOf(error).endsWith('code 8'));
    throw state.inputError ?? damaged(name, isCut ? new Error('it ends too early') : error);
  } finally {
    // Given up in the middle: cancelling frees the decoder for the next stream.
    if (!isDone) await reader.cancel().catch(() => undefined);
    await iterator.return?.();
  }
}

function damaged(name: string, cause: unknown): ToolError {
  return new ToolError(`unpacking ${name}: the compressed data is damaged (${messageOf(cause)})`, {
    code: 'DECOMPRESS_FAILED',
    kind: 'integrity',
    cause,
  });
}
