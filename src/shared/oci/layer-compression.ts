import { Readable, pipeline } from 'node:stream';
import { constants, createGunzip } from 'node:zlib';
import { decompressZstd } from '../archive/zstd.ts';
import { ToolError, messageOf } from '../errors.ts';
import { type LayerCompression, layerCompression } from './media-types.ts';
import { DEFAULT_LAYER_LIMITS } from './layer.ts';

/** Bytes that `sniffCompression` wants to see. */
export const SNIFF_BYTES = 4;

/** What the first bytes of a blob say about its compression. */
export function sniffCompression(head: Uint8Array): LayerCompression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  const isZstd = head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd;
  // zstd:chunked may begin with a skippable frame.
  const isSkippable =
    ((head[0] ?? 0) & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18;
  return isZstd || isSkippable ? 'zstd' : 'none';
}

/**
 * The uncompressed tar of a layer. Throws LAYER_MEDIA_TYPE (the bytes are not what the media type says,
 * or it is no layer's), LAYER_TOO_LARGE (before more than `maxBytes` came out), LAYER_DAMAGED.
 * @param name for messages
 */
export async function* decompressLayer(
  blob: AsyncIterable<Uint8Array>,
  mediaType: string,
  name: string,
  maxBytes: number = DEFAULT_LAYER_LIMITS.maxBytes,
): AsyncGenerator<Uint8Array> {
  const compression = layerCompression(mediaType);
  if (compression === undefined) throw mediaTypeError(name, `"${mediaType}" is not a layer`);
  let total = 0;
  for await (const piece of decode(checkHead(blob, compression, mediaType, name), compression, name)) {
    total += piece.length;
    if (total > maxBytes) {
      throw new ToolError(`reading ${name}: it unpacks to more than ${maxBytes} bytes`, {
        code: 'LAYER_TOO_LARGE',
        kind: 'invalid-input',
      });
    }
    yield piece;
  }
}

async function* decode(
  source: AsyncIterable<Uint8Array>,
  compression: LayerCompression,
  name: string,
): AsyncGenerator<Uint8Array> {
  if (compression === 'none') {
    yield* source;
    return;
  }
  try {
    // A frame can ask for a window of gigabytes; 128 MiB is what `zstd` itself accepts.
    const params = { [constants.ZSTD_d_windowLogMax]: 27 };
    yield* compression === 'gzip' ? gunzip(source) : decompressZstd(source, { params });
  } catch (cause) {
    if (cause instanceof ToolError || isAbort(cause)) throw cause;
    throw new ToolError(`reading ${name}: its ${compression} stream is damaged (${messageOf(cause)})`, {
      code: 'LAYER_DAMAGED',
      kind: 'integrity',
      cause,
    });
  }
}

async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = createGunzip({ chunkSize: 256 * 1024 });
  const input = Readable.from(source, { objectMode: false });
  // Errors of the input destroy the decoder, and so reach the loop below.
  pipeline(input, decoder, () => undefined);
  try {
    for await (const piece of decoder) yield piece as Uint8Array;
  } finally {
    decoder.destroy();
  }
}

async function* checkHead(
  source: AsyncIterable<Uint8Array>,
  expected: LayerCompression,
  mediaType: string,
  name: string,
): AsyncGenerator<Uint8Array> {
  let head: Uint8Array | undefined = new Uint8Array();
  for await (const piece of source) {
    if (head === undefined) {
      yield piece;
      continue;
    }
    head = Buffer.concat([head, piece]);
    if (head.length < SNIFF_BYTES) continue;
    const found = sniffCompression(head);
    if (found !== expected)
      throw mediaTypeError(name, `"${mediaType}" was announced, but it is ${describe(found)}`);
    yield head;
    head = undefined;
  }
  if (head !== undefined) throw mediaTypeError(name, `"${mediaType}" was announced, but it is empty`);
}

function describe(compression: LayerCompression): string {
  return compression === 'none' ? 'not compressed so' : `compressed with ${compression}`;
}

function mediaTypeError(name: string, fault: string): ToolError {
  return new ToolError(`reading ${name}: wrong media type: ${fault}`, {
    code: 'LAYER_MEDIA_TYPE',
    kind: 'integrity',
  });
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}
