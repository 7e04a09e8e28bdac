import { once } from 'node:events';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Digest, hexOf } from '../../../shared/digest.ts';
import { ToolError, isSystemError, messageOf } from '../../../shared/errors.ts';
import { PROGRAM_PATH } from '../../host/run-program.ts';
import { startProgram } from '../../host/start-program.ts';

const KEEP_BYTES = 4096;
/** A disk with less than this is full: what mkfs.erofs was writing is still there. */
const FULL_BYTES = 512 * 1024;

/** What `packErofs` makes, and where. */
export interface ErofsOptions {
  /** mkfs.erofs */
  readonly program: string;
  /** The file that is made; one that is there is replaced. */
  readonly target: string;
  /** For what the program has to put aside; its own files of `/tmp` would be memory. */
  readonly scratch: string;
  /** What it is made of: the same gives the same UUID, and so the same bytes. */
  readonly identity: Digest;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes an EROFS file of a tar whose entries are those of an overlayfs layer, the root first. Throws
 * LAYER_NOT_PACKED with what the program says, and what the source throws; the target is then not whole.
 *
 * A tar that ends too early makes mkfs.erofs 1.8 spin for ever. So it is killed unless it got everything; one
 * that outlives this process is found by its arguments, which hold `target`.
 */
export async function packErofs(tar: AsyncIterable<Uint8Array>, options: ErofsOptions): Promise<void> {
  const { program, target, scratch, signal } = options;
  signal?.throwIfAborted();
  const child = startProgram(
    program,
    [
      '--tar=f',
      // The tar is in the order of paths already; sorting would copy all contents once more.
      '--sort=none',
      '--quiet',
      // The time of making; files keep theirs.
      '-T0',
      '--mkfs-time',
      '-U',
      uuidOf(options.identity),
      target,
    ],
    { stdio: ['pipe', 'ignore', 'pipe'], env: { PATH: PROGRAM_PATH, TMPDIR: scratch } },
  );
  const kill = (): void => void child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (said.length < KEEP_BYTES) said += chunk.toString('latin1');
  });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  ended.catch(() => undefined);
  let fault: unknown;
  try {
    await pipeline(Readable.from(tar, { objectMode: false }), child.stdin);
  } catch (error) {
    fault = error;
    // It refuses what it does not like by ending; what it says is worth more than the broken pipe.
    if (!isBrokenPipe(error)) kill();
  }
  try {
    const [code] = await ended.catch((cause: unknown) => {
      throw notPacked(`starting ${program}: ${messageOf(cause)}`, cause);
    });
    signal?.throwIfAborted();
    if (fault !== undefined && !isBrokenPipe(fault)) {
      throw fault instanceof Error ? fault : new Error(messageOf(fault));
    }
    if (code === 0 && fault === undefined) return;
    // On a full disk it finds fault with the tar instead.
    if (await isFull(dirname(target))) throw notPacked('no space left on device');
    throw notPacked(shown(said) || `exit code ${String(code)}`);
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

async function isFull(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize < FULL_BYTES;
}

/** It ended before it had read everything: a broken pipe, or Node's own words for it, in place of a system's code. */
function isBrokenPipe(error: unknown): boolean {
  if (isSystemError(error, 'EPIPE', 'ECONNRESET')) return true;
  return error instanceof Error && 'code' in error && String(error.code).includes('_STREAM_');
}

function notPacked(reason: string, cause?: unknown): ToolError {
  return new ToolError(`packing a layer: ${reason}`, {
    code: 'LAYER_NOT_PACKED',
    kind: 'environment',
    cause,
  });
}

function shown(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[^\x20-\x7e]/g, '?')
    .trim()
    .slice(0, 300);
}

function uuidOf(digest: Digest): string {
  const hex = hexOf(digest);
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)];
  return parts.join('-');
}
