import { existsSync, type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';

/** What conmon leaves when the kernel has killed a process of its container for lack of memory. */
export const OOM_FILE = 'oom';

/** Tells when a running container ran out of memory, without a timer. */
export class OomWatch {
  readonly #watchers = new Map<string, FSWatcher>();

  /**
   * Calls `seen` once conmon has left its word in this folder, soon if it has already, and not after `release`. Where
   * nothing can be watched, the container's end tells.
   */
  watch(id: string, folder: string, seen: () => void): void {
    this.release(id);
    const look = (): void => {
      if (!existsSync(join(folder, OOM_FILE)) || !this.#watchers.has(id)) return;
      this.release(id);
      seen();
    };
    try {
      const watcher = watch(folder, { persistent: false }, look);
      watcher.on('error', () => this.release(id));
      this.#watchers.set(id, watcher);
    } catch {
      return;
    }
    look();
  }

  release(id: string): void {
    this.#watchers.get(id)?.close();
    this.#watchers.delete(id);
  }

  releaseAll(): void {
    for (const id of [...this.#watchers.keys()]) this.release(id);
  }
}
