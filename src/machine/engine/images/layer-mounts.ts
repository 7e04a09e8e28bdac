import { existsSync } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, hexOf } from '../../../shared/digest.ts';
import { isSystemError, messageOf } from '../../../shared/errors.ts';
import { countMounts, mountErofs, unmountAll } from '../../host/mounts.ts';
import type { Log } from '../../log.ts';
import { KeyedQueue } from '../keyed-queue.ts';

/** How long a layer that nobody wants stays mounted: often the next container of the same image comes soon. */
const IDLE_MS = 10_000;

/**
 * Layers of one store as folders: each is mounted when it is first wanted and unmounted a while after nobody wants it
 * any more, so that containers of an image share its pages.
 *
 * INVARIANTS
 * 1. A layer's mount point is `FOLDER/HEX`; the kernel's table says what is mounted, this class only who wants it.
 * 2. Whoever wants a layer is registered before it is mounted, and it is unmounted only while nobody is. An
 *    overlay keeps its lower layers by itself, so that even a mount point that went too early harms no container.
 */
export class LayerMounts {
  readonly #busybox: string;
  readonly #folder: string;
  readonly #holders = new Map<string, Set<string>>();
  readonly #queue = new KeyedQueue();
  readonly #idle = new Map<string, NodeJS.Timeout>();
  readonly #log: Log;

  constructor(busybox: string, folder: string, log: Log) {
    this.#busybox = busybox;
    this.#log = log;
    this.#folder = folder;
  }

  /**
   * The folder of a layer for as long as `holder` has it; mounted if it is not yet. Throws PROGRAM_FAILED.
   * @param file the layer's EROFS file
   */
  async open(diffId: Digest, file: string, holder: string): Promise<string> {
    const hex = hexOf(diffId);
    const target = join(this.#folder, hex);
    this.adopt(diffId, holder);
    await this.#queue.run(hex, async () => {
      if (countMounts(target) === 0) await mountErofs(this.#busybox, file, target);
    });
    return target;
  }

  /** Registers a holder whose mounts an earlier engine made. */
  adopt(diffId: Digest, holder: string): void {
    const hex = hexOf(diffId);
    const holders = this.#holders.get(hex) ?? new Set<string>();
    this.#holders.set(hex, holders.add(holder));
  }

  /** Gives back everything that a holder has; what nobody else has is unmounted after a while. */
  release(holder: string): void {
    for (const [hex, holders] of this.#holders) {
      if (!holders.delete(holder) || holders.size > 0) continue;
      clearTimeout(this.#idle.get(hex));
      const timer = setTimeout(() => {
        this.#idle.delete(hex);
        void this.#tryToUnmount(hex);
      }, IDLE_MS);
      this.#idle.set(hex, timer.unref());
    }
  }

  /** Unmounts at once what nobody has, also what an engine that was killed has left; a fault is logged. */
  async sweep(): Promise<void> {
    for (const timer of this.#idle.values()) clearTimeout(timer);
    this.#idle.clear();
    const names = existsSync(this.#folder) ? await readdir(this.#folder) : [];
    for (const name of names) await this.#tryToUnmount(name);
  }

  async #tryToUnmount(hex: string): Promise<void> {
    try {
      await this.#unmountUnheld(hex);
    } catch (error) {
      this.#log.warning('a layer could not be unmounted', { layer: hex, reason: messageOf(error) });
    }
  }

  async #unmountUnheld(hex: string): Promise<void> {
    await this.#queue.run(hex, async () => {
      if ((this.#holders.get(hex)?.size ?? 0) > 0) return;
      this.#holders.delete(hex);
      const target = join(this.#folder, hex);
      await unmountAll(this.#busybox, target);
      await rmdir(target).catch((error: unknown) => {
        if (!isSystemError(error, 'ENOENT')) throw error;
      });
    });
  }
}
