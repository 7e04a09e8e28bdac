import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, hexOf } from '../../../shared/digest.ts';
import { isSystemError } from '../../../shared/errors.ts';
import { countMounts, mountErofs, unmountAll } from '../../host/mounts.ts';
import { KeyedQueue } from '../keyed-queue.ts';

/**
 * Layers of one store as folders: each is mounted when it is first wanted and unmounted when nobody wants it
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

  constructor(busybox: string, folder: string) {
    this.#busybox = busybox;
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

  /** Gives back everything that a holder has; unmounts what nobody else has. */
  async release(holder: string): Promise<void> {
    const given = [...this.#holders].filter(([, holders]) => holders.delete(holder)).map(([hex]) => hex);
    await Promise.all(given.map(hex => this.#unmountUnheld(hex)));
  }

  /** Unmounts what nobody has: left by an engine that was killed. */
  async sweep(): Promise<void> {
    const names = await readdir(this.#folder).catch((error: unknown) => {
      if (isSystemError(error, 'ENOENT')) return [];
      throw error;
    });
    for (const name of names) await this.#unmountUnheld(name);
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
