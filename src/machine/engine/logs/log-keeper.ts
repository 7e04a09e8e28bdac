import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSystemError, messageOf } from '../../../shared/errors.ts';
import type { Log } from '../../log.ts';
import { sendControl } from '../runtime/conmon-control.ts';
import { EndedLogs } from './ended-logs.ts';
import { CURRENT, type LogFile, listLogFiles, numberCurrent, trimLog } from './log-files.ts';

export interface KeptLog {
  readonly folder: string;
  readonly bundle: string;
  /** Of a container on the state partition: limited by itself, not by the memory budget. */
  readonly onState: boolean;
  /** What the container's own log options say. */
  readonly limits?: LogLimits;
}

export interface LogLimits {
  /** A file is put aside at this size. */
  readonly maxFileBytes: number;
  /** Of all files together; the oldest go first. */
  readonly maxTotalBytes: number;
}

/** Between two looks at a log that grows as logs do. */
const CHECK_PAUSE_MS = 1000;
/** Before the first look at a log that was quiet: it may be the beginning of a flood. */
const FIRST_PAUSE_MS = 100;
const MIN_PAUSE_MS = 50;
/** A flood is looked at again before it has grown by more than this. */
const MAX_GROWTH_BYTES = 4 * 1024 * 1024;
const MIN_SHARE_BYTES = 64 * 1024;
/** Of the budget, for the logs of containers that have ended. */
const ENDED_SHARE = 0.25;
const STATE_SHARE_BYTES = 32 * 1024 * 1024;

interface Watched extends KeptLog {
  watcher: FSWatcher | undefined;
  timer: NodeJS.Timeout | undefined;
  closed: boolean;
  /** It has been said that the folder cannot be watched. */
  unwatchable: boolean;
  /** The newest file at the last look, and when that was on the clock that never jumps. */
  seen: { readonly inode: bigint; readonly sizeBytes: number; readonly atMs: number } | undefined;
  /** Its pace, which decays from look to look. */
  bytesPerMs: number;
  pauseMs: number;
}

/**
 * Keeps the logs of running containers within their budget: a file that has grown to half of the
 * container's share, or to its own limit, is put aside and conmon told to open a new one, and the oldest
 * files go. Logs in memory of ended containers have a part of the budget, and those that ended first go.
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

  readonly #ended: EndedLogs;

  constructor(budgetBytes: number, log: Log) {
    this.#budgetBytes = budgetBytes * (1 - ENDED_SHARE);
    this.#ended = new EndedLogs(budgetBytes * ENDED_SHARE);
    this.#log = log;
  }

  /** Takes a running container's log in care. */
  async keep(id: string, kept: KeptLog): Promise<void> {
    this.forget(id);
    const watched: Watched = {
      ...kept,
      watcher: undefined,
      timer: undefined,
      closed: false,
      unwatchable: false,
      seen: undefined,
      bytesPerMs: 0,
      pauseMs: FIRST_PAUSE_MS,
    };
    this.#watched.set(id, watched);
    await this.#look(watched);
  }

  /** The container does not run any more: its log is trimmed once more, and then left alone while there is room. */
  release(id: string): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    const limits = this.#limitsOf(watched);
    this.forget(id);
    void this.#trim(watched, limits).then(() =>
      watched.onState ? undefined : this.noteEnded(id, watched.folder),
    );
  }

  /** Counts a log in memory of a container that had ended before. */
  noteEnded(id: string, folder: string): void {
    if (this.#watched.has(id)) return;
    try {
      this.#ended.add(id, folder);
    } catch (error) {
      this.#complain(folder, error);
    }
  }

  /** The container is removed, or about to start: nothing is done with its log for now. */
  forget(id: string): void {
    this.#ended.forget(id);
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    this.#watched.delete(id);
    watched.closed = true;
    watched.watcher?.close();
    clearTimeout(watched.timer);
  }

  releaseAll(): void {
    for (const id of [...this.#watched.keys()]) this.forget(id);
  }

  #limitsOf(watched: Watched): LogLimits {
    const { limits } = watched;
    if (watched.onState) {
      return limits ?? { maxFileBytes: STATE_SHARE_BYTES / 2, maxTotalBytes: STATE_SHARE_BYTES };
    }
    const sharers = [...this.#watched.values()].filter(other => !other.onState).length;
    const share = Math.max(MIN_SHARE_BYTES, Math.floor(this.#budgetBytes / Math.max(1, sharers)));
    return {
      maxFileBytes: Math.min(limits?.maxFileBytes ?? Infinity, share / 2),
      maxTotalBytes: Math.min(limits?.maxTotalBytes ?? Infinity, share),
    };
  }

  async #look(watched: Watched): Promise<void> {
    try {
      const { maxFileBytes } = this.#limitsOf(watched);
      const newest = (await numberCurrent(watched.folder)).at(-1);
      watched.pauseMs = planPause(watched, newest, Math.min(maxFileBytes, MAX_GROWTH_BYTES));
      if (newest?.number !== undefined && newest.sizeBytes > maxFileBytes) await rotate(watched);
    } catch (error) {
      this.#complain(watched.folder, error);
    }
    await this.#trim(watched, this.#limitsOf(watched));
    this.#listen(watched);
  }

  async #trim(watched: Watched, { maxFileBytes, maxTotalBytes }: LogLimits): Promise<void> {
    try {
      // One file is always being filled.
      await trimLog(await numberCurrent(watched.folder), maxTotalBytes - maxFileBytes);
    } catch (error) {
      this.#complain(watched.folder, error);
    }
  }

  #complain(folder: string, error: unknown): void {
    this.#log.warning('a log could not be kept in its bounds', { folder, reason: messageOf(error) });
  }

  #listen(watched: Watched): void {
    if (watched.closed) return;
    const changed = (): void => this.#changed(watched);
    try {
      watched.watcher = watch(watched.folder, { persistent: false }, changed);
      watched.watcher.on('error', changed);
      watched.unwatchable = false;
      // What was written before it listened would otherwise be found with the next line, which may never come.
      if (hasGrown(watched)) changed();
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

  /** Something was written: the log is looked at in a while. */
  #changed(watched: Watched): void {
    watched.watcher?.close();
    watched.watcher = undefined;
    if (watched.closed || watched.timer !== undefined) return;
    const quietMs = performance.now() - (watched.seen?.atMs ?? 0);
    watched.timer = setTimeout(
      () => {
        watched.timer = undefined;
        void this.#look(watched);
      },
      quietMs > CHECK_PAUSE_MS ? FIRST_PAUSE_MS : watched.pauseMs,
    );
    watched.timer.unref();
  }
}

/** Whether the newest file has grown, or is another one, since the last look. */
function hasGrown({ folder, seen }: Watched): boolean {
  const newest = listLogFiles(folder).at(-1);
  return newest !== undefined && (newest.inode !== seen?.inode || newest.sizeBytes !== seen.sizeBytes);
}

/** How long the log can be left alone: until it has grown by `maxGrowthBytes` at its present pace. */
function planPause(watched: Watched, newest: LogFile | undefined, maxGrowthBytes: number): number {
  const before = watched.seen;
  const atMs = performance.now();
  watched.seen = { inode: newest?.inode ?? 0n, sizeBytes: newest?.sizeBytes ?? 0, atMs };
  if (before === undefined) return CHECK_PAUSE_MS;
  const base = before.inode === watched.seen.inode ? before.sizeBytes : 0;
  const bytesPerMs = (watched.seen.sizeBytes - base) / Math.max(1, atMs - before.atMs);
  // Those who write in bursts are not forgotten in between.
  watched.bytesPerMs = Math.max(bytesPerMs, watched.bytesPerMs / 2);
  return Math.min(CHECK_PAUSE_MS, Math.max(MIN_PAUSE_MS, maxGrowthBytes / watched.bytesPerMs));
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
