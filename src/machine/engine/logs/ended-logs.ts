import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { CURRENT, listLogFiles } from './log-files.ts';

interface EndedLog {
  readonly folder: string;
  readonly sizeBytes: number;
}

/** Logs in memory of containers that have ended: when they are too much together, those that ended first go. */
export class EndedLogs {
  readonly #budgetBytes: number;
  /** In the order of their ends. */
  readonly #logs = new Map<string, EndedLog>();

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  /** Counts the log of a container that has just ended, and deletes what there is no room for any more. */
  add(id: string, folder: string): void {
    this.#logs.delete(id);
    const sizeBytes = listLogFiles(folder).reduce((sum, file) => sum + file.sizeBytes, 0);
    this.#logs.set(id, { folder, sizeBytes });
    let total = [...this.#logs.values()].reduce((sum, log) => sum + log.sizeBytes, 0);
    for (const [oldest, log] of this.#logs) {
      // The last one that ended is what people look for.
      if (total <= this.#budgetBytes || oldest === id) return;
      this.#logs.delete(oldest);
      total -= log.sizeBytes;
      // At once, so that none of them begins to run again meanwhile.
      for (const file of listLogFiles(log.folder)) rmSync(file.path, { force: true });
      rmSync(join(log.folder, CURRENT), { force: true });
    }
  }

  /** It runs again, or is removed. */
  forget(id: string): void {
    this.#logs.delete(id);
  }
}
