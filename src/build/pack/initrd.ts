import { createWriteStream } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import type { Tree } from '../tree/tree.ts';
import { writeCpio } from './cpio.ts';
import { publishFile } from './publish.ts';

/** One cpio archive of an initrd. The kernel unpacks them one after another into the same root. */
export interface InitrdSegment {
  readonly tree: Tree;
  /** `none` for what is compressed already, such as the file systems of `kernel+initrd`. */
  readonly compression: 'zstd' | 'none';
}

/** Level 19: a third of a second per megabyte once at build time, and no cost when unpacked. */
const ZSTD_LEVEL = 19;

export interface PackInitrdOptions {
  /** An initrd that was packed before; the segments come behind it. */
  readonly base?: string;
  readonly segments: readonly InitrdSegment[];
  readonly output: string;
  readonly signal?: AbortSignal | undefined;
}

/** Packs trees as an initrd for Linux: cpio archives, each compressed as it says, end to end. */
export async function packInitrd({ base, segments, output, signal }: PackInitrdOptions): Promise<void> {
  await publishFile(output, async ({ file }) => {
    if (base !== undefined) await copyFile(base, file);
    const added = createWriteStream(file, { flags: 'a' });
    await pipeline(Readable.from(initrdBytes(segments), { objectMode: false }), added, {
      ...(signal ? { signal } : {}),
    });
  });
}

async function* initrdBytes(segments: readonly InitrdSegment[]): AsyncGenerator<Uint8Array> {
  for (const { tree, compression } of segments) {
    let length = 0;
    for await (const piece of compression === 'zstd' ? compress(writeCpio(tree)) : writeCpio(tree)) {
      length += piece.length;
      yield piece;
    }
    if (length % 4 !== 0) yield Buffer.alloc(4 - (length % 4));
  }
}

async function* compress(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const compressor = createZstdCompress({
    params: {
      [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL,
      // The kernel checks this when it unpacks.
      [constants.ZSTD_c_checksumFlag]: 1,
      // The kernel's decoder refuses a window over 8 MiB, which level 19 may take.
      [constants.ZSTD_c_windowLog]: 23,
    },
  });
  const fed = pipeline(Readable.from(pieces, { objectMode: false }), compressor);
  fed.catch(() => undefined);
  yield* compressor as AsyncIterable<Uint8Array>;
  await fed;
}
