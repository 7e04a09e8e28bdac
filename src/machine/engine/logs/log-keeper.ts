import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSystemError, messageOf } from '../../../shared/errors.ts';
import type { Log } from '../../log.ts';
import { sendControl } from '../runtime/conmon-control.ts';
import { CURRENT, numberCurrent, trimLog } from './log-files.ts';

export interface KeptLog {
  readonly folder: string;
  readonly bundle: string;
  /** Of a container on the state partition: limited by itself, not by the memory budget. */
  readonly onState: boolean;
}

const CHECK_PAUSE_MS = 1000;
const MIN_SHARE_BYTES = 64 * 1024;
const STATE_SHARE_BYTES = 32 * 1024 * 1024;

interface Watched extends KeptLog {
  watcher: FSWatcher | undefined;
  timer: NodeJS.Timeout | undefined;
  closed: boolean;
  /** It has been said that the folder cannot be watched. */
  unwatchable: boolean;
}

/**
 * Keeps the logs of running containers within their budget: a file that has grown to half of the
 * container's share is put aside and conmon told to open a new one, and the oldest files go.
 *
 * INVARIANTS
 * 1. Nothing runs while nothing is written: a change arms one timer, which looks once and listens again.
 *    Only where the kernel has no watch left, the timer runs on until it has one.
 * 2. conmon is told to open a new file only once the old one has a number, so its content stays until
 *    it is trimmed. The same number keeps it when conmon's own limit (--log-size-max) comes first.
 * 3. Per log one look at a time.
 */
export class LogKeeper {
  readonly #budgetBytes: number;
  readonly #log: Log;
  readonly #watched = new Map<string, Watched>();

  constructor(budgetBytes: number, log: Log) {
    this.#budgetBytes = budgetBytes;
    this.#log = log;
  }

  /** Takes a running container's log in care. */
  async keep(id: string, kept: KeptLog): Promise<void> {
    this.release(id);
    const watched: Watched = {
      ...kept,
      watcher: undefined,
      timer: undefined,
      closed: false,
      unwatchable: false,
    };
    this.#watched.set(id, watched);
    await this.#look(watched);
  }

  /** The container does not run any more. */
  release(id: string): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    this.#watched.delete(id);
    watched.closed = true;
    watched.watcher?.close();
    clearTimeout(watched.timer);
  }

  releaseAll(): void {
    for (const id of [...this.#watched.keys()]) this.release(id);
  }

  #shareOf(watched: Watched): number {
    if (watched.onState) return STATE_SHARE_BYTES;
    const sharers = [...this.#watched.values()].filter(other => !other.onState).length;
    return Math.max(MIN_SHARE_BYTES, Math.floor(this.#budgetBytes / Math.max(1, sharers)));
  }

  async #look(watched: Watched): Promise<void> {
    try {
      const share = this.#shareOf(watched);
      const files = await numberCurrent(watched.folder);
      const newest = files.at(-1);
      if (newest?.number !== undefined && newest.sizeBytes > share / 2) {
        await rotate(watched);
      }
      await trimLog(await numberCurrent(watched.folder), share);
    } catch (error) {
      this.#log.warning('a log could not be kept in its bounds', {
        folder: watched.folder,
        reason: messageOf(error),
      });
    }
    this.#listen(watched);
  }

  #listen(watched: Watched): void {
    if (watched.closed) return;
    const changed = (): void => {
      watched.watcher?.close();
      watched.watcher = undefined;
      if (watched.closed || watched.timer !== undefined) return;
      watched.timer = setTimeout(() => {
        watched.timer = undefined;
        void this.#look(watched);
      }, CHECK_PAUSE_MS);
      watched.timer.unref();
    };
    try {
      watched.watcher = watch(watched.folder, { persistent: false }, changed);
      watched.watcher.on('error', changed);
      watched.unwatchable = false;
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return;
      if (!watched.unwatchable) {
        this.#log.warning('a log cannot be watched; it is looked at every second instead', {
          folder: watched.folder,
          reason: messageOf(error),
        });
      }
      watched.unwatchable = true;
      changed();
    }
  }
}

/** Puts the file aside, which has a number, and has conmon open a new `current`. */
async function rotate(kept: KeptLog): Promise<void> {
  const current = join(kept.folder, CURRENT);
  const before = await stat(current, { bigint: true });
  // Until conmon has read the command it writes on to the old file, which keeps its number.
  if (!(await sendControl(kept.bundle, '2 0 0\n'))) return;
  for (let waited = 0; waited < 1000; waited += 5) {
    // conmon makes the new file under another name and renames it over the old one.
    if ((await stat(current, { bigint: true })).ino !== before.ino) return;
    await sleep(5);
  }
}
