import { DEFAULT_LAYER_LIMITS } from './layer.ts';
import { SNIFF_BYTES, decompressLayer, sniffCompression } from './layer-compression.ts';
import { type LayerCompression, MEDIA_TYPES } from './media-types.ts';

/** Docker's media type of a layer by its compression. */
export const LAYER_TYPES: Readonly<Record<LayerCompression, string>> = {
  none: MEDIA_TYPES.dockerLayer,
  gzip: MEDIA_TYPES.dockerLayerGzip,
  zstd: MEDIA_TYPES.dockerLayerZstd,
};

/**
 * A tar whose first bytes say how it is compressed: not at all, with gzip or with zstd. Throws as
 * `decompressLayer`.
 */
export async function* decompressAny(
  source: AsyncIterable<Uint8Array>,
  name: string,
  maxBytes: number = DEFAULT_LAYER_LIMITS.maxBytes,
): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array();
  let isOver = false;
  while (head.length < SNIFF_BYTES && !isOver) {
    const next = await iterator.next();
    isOver = next.done === true;
    if (!next.done) head = Buffer.concat([head, next.value]);
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    if (head.length > 0) yield head;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  try {
    yield* decompressLayer(whole(), LAYER_TYPES[sniffCompression(head)], name, maxBytes);
  } finally {
    await iterator.return?.();
  }
}
