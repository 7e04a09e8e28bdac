import { readSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { isSystemError } from '../../../shared/errors.ts';

/** The most that a pipe holds, unless root has asked for more. */
const PIPE_BYTES = 1024 * 1024;
const PIECE_BYTES = 64 * 1024;

/**
 * What comes out of a pipe, no faster than it is read, until its last writer is gone or it is cut off. Destroying it
 * closes the pipe.
 */
export class PipeOutput extends Readable {
  readonly #source: Socket;
  readonly #fd: number;
  readonly #take = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#source.pause();
  };

  /** @param fd the one that `source` reads from, which does not block */
  constructor(source: Socket, fd: number) {
    super();
    this.#source = source;
    this.#fd = fd;
    const end = (): void => void this.push(null);
    source.on('data', this.#take).once('end', end).once('close', end);
  }

  override _read(): void {
    this.#source.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#source.destroy();
    done(error);
  }

  /** Ends it with what is in the pipe now, which its reader still gets, and closes the pipe. */
  cutOff(): void {
    const source = this.#source;
    // After that the descriptor may be anyone's.
    if (source.destroyed || source.readableEnded) return;
    source.off('data', this.#take);
    let chunk: unknown;
    while ((chunk = source.read()) !== null) this.push(chunk);
    for (const piece of readAvailable(this.#fd)) this.push(piece);
    this.push(null);
    source.destroy();
  }
}

/** What is there without waiting: of one who never stops writing, no more than a pipe holds. */
function readAvailable(fd: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let length = 0; length < PIPE_BYTES;) {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    const count = readNow(fd, piece);
    if (count === 0) break;
    pieces.push(piece.subarray(0, count));
    length += count;
  }
  return pieces;
}

function readNow(fd: number, target: Buffer): number {
  try {
    return readSync(fd, target);
  } catch (error) {
    if (isSystemError(error, 'EAGAIN')) return 0;
    throw error;
  }
}
