import { Readable } from 'node:stream';
import { type ZstdOptions, createZstdDecompress } from 'node:zlib';

/**
 * The bytes behind a zstd stream of any number of frames, skippable ones among them (zlib's decoder ends
 * with the first). Errors are the source's own and zlib's.
 */
export async function* decompressZstd(
  source: AsyncIterable<Uint8Array>,
  options: ZstdOptions = {},
): AsyncGenerator<Uint8Array> {
  const input = source[Symbol.asyncIterator]();
  // What was handed to a decoder and may not have been taken by it.
  let handed: Uint8Array[] = [];
  const state = { hasEnded: false };
  try {
    for (;;) {
      const again = handed;
      handed = [];
      let takenBytes = 0;
      const decoder = createZstdDecompress({ chunkSize: 256 * 1024, ...options });
      const hand = (piece: Uint8Array): Uint8Array => {
        while (handed[0] && takenBytes + handed[0].length <= decoder.bytesWritten) {
          takenBytes += handed.shift()?.length ?? 0;
        }
        handed.push(piece);
        return piece;
      };
      const pieces = (async function* () {
        for (const piece of again) yield hand(piece);
        for (let next = await input.next(); !next.done; next = await input.next()) {
          if (next.value.length > 0) yield hand(next.value);
        }
        state.hasEnded = true;
      })();
      const feed = Readable.from(pieces);
      feed.on('error', error => decoder.destroy(error));
      feed.pipe(decoder);
      try {
        for await (const piece of decoder) yield piece as Uint8Array;
      } finally {
        feed.destroy();
        decoder.destroy();
      }
      // A piece may be on its way; it belongs to the next decoder.
      await pieces.return();
      const rest = Buffer.concat(handed).subarray(decoder.bytesWritten - takenBytes);
      if (rest.length === 0 && state.hasEnded) return;
      handed = rest.length === 0 ? [] : [rest];
    }
  } finally {
    await input.return?.();
  }
}
