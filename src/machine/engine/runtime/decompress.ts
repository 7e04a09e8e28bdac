import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { decompressZstd } from '../../../shared/archive/zstd.ts';
import { passingBytes } from '../../host/passing-bytes.ts';
import { PROGRAM_PATH } from '../../host/run-program.ts';
import { startProgram } from '../../host/start-program.ts';
import { invalidParameter } from '../docker-errors.ts';

/** How an archive from outside may be compressed, by its first bytes. */
const MAGIC: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

type Compression = 'gzip' | 'zstd' | 'xz' | 'bzip2';

const MAGIC_BYTES = 6;

/**
 * The bytes of an archive, uncompressed if it begins as gzip, bzip2, xz or zstd do. Throws
 * ENGINE_INVALID_PARAMETER when they are damaged.
 */
export async function* decompressArchive(
  source: AsyncIterable<Uint8Array>,
  busybox: string,
): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array();
  for (let next = await iterator.next(); ; next = await iterator.next()) {
    if (next.done !== true) head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
    if (next.done === true || head.length >= MAGIC_BYTES) break;
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    try {
      if (head.length > 0) yield head;
      const passing = passingBytes();
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
        yield next.value;
        passing(next.value.length);
      }
    } finally {
      await iterator.return?.();
    }
  }
  const kind = MAGIC.find(([, magic]) => magic.every((byte, index) => head[index] === byte))?.[0];
  if (kind === undefined) yield* whole();
  else yield* decode(kind, whole(), busybox);
}

async function* decode(
  kind: Compression,
  source: AsyncIterable<Uint8Array>,
  busybox: string,
): AsyncGenerator<Uint8Array> {
  if (kind === 'gzip' || kind === 'zstd') {
    try {
      yield* kind === 'gzip' ? gunzip(source) : decompressZstd(source);
    } catch (error) {
      throw isDamage(error) ? damaged(kind) : error;
    }
    return;
  }
  const input = Readable.from(source, { objectMode: false });
  const child = startProgram(busybox, [kind === 'xz' ? 'unxz' : 'bunzip2', '-c'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: PROGRAM_PATH },
    cwd: '/',
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  ended.catch(() => undefined);
  const fed = pipeline(input, child.stdin);
  fed.catch(() => undefined);
  try {
    for await (const piece of child.stdout as AsyncIterable<Uint8Array>) yield piece;
    if ((await ended) !== 0) throw damaged(kind);
    await fed;
  } finally {
    child.kill('SIGKILL');
    input.destroy();
  }
}

async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = createGunzip();
  const fed = pipeline(Readable.from(source, { objectMode: false }), decoder);
  fed.catch(() => undefined);
  try {
    for await (const piece of decoder as AsyncIterable<Uint8Array>) yield piece;
    await fed;
  } finally {
    decoder.destroy();
  }
}

function damaged(kind: Compression): Error {
  return invalidParameter(`the archive's ${kind} stream is damaged`);
}

function isDamage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(Z_|ZSTD_|ERR_ZLIB)/.test(String(error.code));
}
