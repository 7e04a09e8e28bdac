import { closeSync, constants, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { isSystemError } from '../../../shared/errors.ts';

/** A conmon whose files are closed may still be on its way out. */
const RECHECK_MS = 5;

/**
 * Tells when a conmon is gone, without a timer. conmon is the only writer of its `winsz` FIFO and holds
 * it open for as long as it lives, so reading it ends with conmon; it ends after writing the exit file.
 * aardvark-dns is watched in the same way.
 *
 * INVARIANTS
 * 1. Nothing is ever written to `winsz`: terminals are resized directly (see terminal-size.ts).
 * 2. The callback comes once, and not at all after `release`.
 */
export class MonitorWatch {
  readonly #sockets = new Map<string, Socket>();
  readonly #timers = new Map<string, NodeJS.Timeout>();

  /**
   * Calls `gone` once the conmon of this bundle has ended, soon if it has already.
   * @param recheckMs how soon that is, and how often a conmon is looked after whose FIFO is lost
   */
  watch(id: string, bundle: string, gone: () => void, recheckMs = RECHECK_MS): void {
    this.watchFifo(id, join(bundle, 'winsz'), gone, recheckMs);
  }

  /** Whether something is watched. */
  has(id: string): boolean {
    return this.#sockets.has(id) || this.#timers.has(id);
  }

  /** The same for any process that is the only one to hold a FIFO open. @param id of whoever asks */
  watchFifo(id: string, fifo: string, gone: () => void, recheckMs = RECHECK_MS): void {
    this.release(id);
    const isGone = (): void => {
      const timer = setTimeout(() => {
        this.#timers.delete(id);
        gone();
      }, recheckMs);
      this.#timers.set(id, timer);
    };
    let fd: number;
    try {
      fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (!isSystemError(error, 'ENOENT')) throw error;
      isGone();
      return;
    }
    // epoll(7) says nothing of a FIFO whose writers were gone before it was opened; reading does.
    if (hasNoWriter(fd)) {
      closeSync(fd);
      isGone();
      return;
    }
    let socket: Socket;
    try {
      socket = new Socket({ fd, readable: true, writable: false });
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.#sockets.set(id, socket);
    const over = (): void => {
      socket.destroy();
      if (this.#sockets.get(id) !== socket) return;
      this.#sockets.delete(id);
      gone();
    };
    socket.once('end', over);
    socket.once('error', over);
    socket.resume();
  }

  release(id: string): void {
    const socket = this.#sockets.get(id);
    this.#sockets.delete(id);
    socket?.destroy();
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  releaseAll(): void {
    for (const id of [...this.#sockets.keys(), ...this.#timers.keys()]) this.release(id);
  }
}

function hasNoWriter(fd: number): boolean {
  try {
    return readSync(fd, Buffer.alloc(1)) === 0;
  } catch (error) {
    if (isSystemError(error, 'EAGAIN')) return false;
    throw error;
  }
}
