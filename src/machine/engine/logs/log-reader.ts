import { type FSWatcher, existsSync, read, watch } from 'node:fs';
import { promisify } from 'node:util';
import { ToolError, isSystemError } from '../../../shared/errors.ts';
import { CURRENT } from './log-files.ts';
import { type HeldFile, HeldLog, type LogPosition } from './held-log.ts';
import { type LogRecord, LogParser } from './k8s-log.ts';

export interface ReadLogOptions {
  /** Stay and read what is written, until `isOver` says that nothing will be, or abort. */
  readonly follow: boolean;
  /** Where to begin, as `endOfLog` answered it; from the beginning unless given. */
  readonly from?: LogPosition;
  /** Only the last so many lines of what is there; undefined is all. */
  readonly tail?: number;
  /** True once what stands in the log is all that is wanted; asked at every wake. */
  readonly isOver?: () => boolean;
  /** Called with a function that makes a follower look again, at once; returns how to take it back. */
  readonly onWake?: (wake: () => void) => () => void;
  /** How far a follower may fall behind; 64 MiB unless given. */
  readonly maxBehindBytes?: number;
  readonly signal?: AbortSignal;
}

/** Read at a time: little while there is little, more while the reader is behind. */
const MIN_CHUNK_BYTES = 16 * 1024;
const MAX_CHUNK_BYTES = 256 * 1024;
const MAX_BEHIND_BYTES = 64 * 1024 * 1024;
const readFile = promisify(read);

/** A container's log being read across its files; disposing of it lets go of them. */
export interface LogReading extends Disposable {
  /** Records as they were read, many at a time. Throws LOG_READER_TOO_SLOW. */
  readonly batches: AsyncIterable<readonly LogRecord[]>;
  /** Aborted with LOG_READER_TOO_SLOW once the reader has fallen too far behind, also while it does not read. */
  readonly cutOff: AbortSignal;
}

/**
 * Begins to read a log: takes hold of its files now. Without `follow` it ends where the log ended when
 * it was asked for. A follower takes hold of each file as it appears, so nothing is lost to rotation or
 * removal, until it is `maxBehindBytes` behind: then it is cut off.
 */
export function openLog(folder: string, options: ReadLogOptions): LogReading {
  const waiter = new ChangeWaiter();
  const cutOff = new AbortController();
  const maxBehindBytes = options.maxBehindBytes ?? MAX_BEHIND_BYTES;
  const held = new HeldLog(folder, options.from);
  let replaced = 0;
  if (options.follow) {
    waiter.watch(folder, name => {
      if (name === CURRENT) replaced += 1;
      look();
    });
  }
  const atFirst = held.opened;
  // What came before the watch; whether a file that came meanwhile is told of again is not known.
  if (options.follow) held.look();
  const untold = held.opened - atFirst;

  // Called by whoever changes the log or the container: a fault is the reader's alone.
  function look(): void {
    try {
      held.look();
      if (options.isOver?.() === true && !held.isEnded) held.end();
      // More files than were found: conmon put two in place between two looks. Removal is told of as well.
      const found = held.opened - atFirst + untold + (held.isEnded && !existsSync(folder) ? 1 : 0);
      const hasGap = held.hasGap || replaced > found;
      if (hasGap || held.unreadBytes > maxBehindBytes) throw tooSlow(maxBehindBytes);
    } catch (error) {
      if (!cutOff.signal.aborted) cutOff.abort(error);
    }
    waiter.wake();
  }

  // Who wants only what is there cannot fall behind, however much is written meanwhile.
  const takeBack = options.follow ? options.onWake?.(look) : undefined;
  options.signal?.addEventListener('abort', waiter.wake, { once: true });
  if (!options.follow || options.isOver?.() === true) held.end();
  return {
    batches: readBatches(held, waiter, options, cutOff.signal),
    cutOff: cutOff.signal,
    [Symbol.dispose]() {
      waiter.close();
      takeBack?.();
      options.signal?.removeEventListener('abort', waiter.wake);
      held[Symbol.dispose]();
    },
  };
}

/** The same, one record after the other; the files are opened when the first one is asked for. */
export async function* readLog(folder: string, options: ReadLogOptions): AsyncGenerator<LogRecord> {
  using reading = openLog(folder, options);
  for await (const batch of reading.batches) {
    for (const record of batch) {
      if (options.signal?.aborted === true) return;
      yield record;
    }
  }
}

async function* readBatches(
  held: HeldLog,
  waiter: ChangeWaiter,
  { tail, signal }: ReadLogOptions,
  cutOff: AbortSignal,
): AsyncGenerator<readonly LogRecord[]> {
  const lines = new LineSkipper(tail === undefined ? 0 : await skipToTail(held, tail));
  let file: HeldFile | undefined;
  let parser = new LogParser();
  let maxBytes = MIN_CHUNK_BYTES;
  while (signal?.aborted !== true) {
    cutOff.throwIfAborted();
    const [current] = held.files;
    if (current === undefined) {
      if (held.isEnded) return;
      await waiter.wait();
      continue;
    }
    if (current !== file) {
      file = current;
      // No record goes on in the next file.
      parser = new LogParser();
    }
    // Asked before reading: what was written before the next file came is read then.
    const isOver = held.files.length > 1 || held.isEnded;
    const chunk = await readChunk(current, maxBytes);
    maxBytes = chunk.length < maxBytes ? MIN_CHUNK_BYTES : Math.min(maxBytes * 4, MAX_CHUNK_BYTES);
    if (chunk.length > 0) {
      const wanted = lines.pass(parser.push(chunk));
      if (wanted.length > 0) yield wanted;
    } else if (!isOver) await waiter.wait();
    else if (held.files.length > 1) held.drop();
    else return;
  }
}

/** Holds the first so many lines back. */
class LineSkipper {
  #left: number;

  constructor(lines: number) {
    this.#left = lines;
  }

  pass(records: readonly LogRecord[]): readonly LogRecord[] {
    if (this.#left === 0) return records;
    const first = records.findIndex(record => {
      if (this.#left === 0) return true;
      if (!record.partial) this.#left -= 1;
      return false;
    });
    return first < 0 ? [] : records.slice(first);
  }
}

/**
 * Lets go of files that hold nothing of the last `tail` lines of what is there; answers how many lines
 * come before those in the first file that is left.
 */
async function skipToTail(held: HeldLog, tail: number): Promise<number> {
  let wanted = tail;
  for (let index = held.files.length - 1; index >= 0; index -= 1) {
    const file = held.files[index];
    if (file === undefined) continue;
    const lines = await countLines(file, index === held.files.length - 1);
    if (lines >= wanted) {
      for (let drop = index; drop > 0; drop -= 1) held.drop();
      return lines - wanted;
    }
    wanted -= lines;
  }
  return 0;
}

/** Lines of a file from where its reader stands; one that is unfinished counts at the log's end. */
async function countLines(file: HeldFile, isLast: boolean): Promise<number> {
  const parser = new LogParser();
  // A copy: counting is not reading.
  const reading = { ...file };
  let lines = 0;
  let isOpen = false;
  for (;;) {
    const chunk = await readChunk(reading, MAX_CHUNK_BYTES);
    if (chunk.length === 0) return isOpen && isLast ? lines + 1 : lines;
    for (const { partial } of parser.push(chunk)) {
      isOpen = partial;
      if (!partial) lines += 1;
    }
  }
}

/** The next bytes of a file; nothing at its end. */
async function readChunk(file: HeldFile, maxBytes: number): Promise<Buffer> {
  const { fd, offsetBytes, endBytes = Infinity } = file;
  const buffer = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(0, endBytes - offsetBytes)));
  if (buffer.length === 0) return buffer;
  const { bytesRead } = await readFile(fd, buffer, 0, buffer.length, offsetBytes);
  file.offsetBytes += bytesRead;
  return buffer.subarray(0, bytesRead);
}

function tooSlow(maxBehindBytes: number): ToolError {
  return new ToolError(
    `reading a log: the reader fell behind by more than ${Math.floor(maxBehindBytes / 1024)} KiB`,
    { code: 'LOG_READER_TOO_SLOW', kind: 'unavailable' },
  );
}

/** Looked at this often where the kernel has no watch left. */
const UNWATCHED_PAUSE_MS = 500;

/** Sleeps until the folder changes or someone wakes it; a change between two waits is not lost. */
class ChangeWaiter {
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #changed = false;
  #resolve: (() => void) | undefined;

  readonly wake = (): void => {
    this.#changed = true;
    this.#resolve?.();
  };

  /** @param onName called when a file of the folder comes or goes, not when it grows */
  watch(folder: string, onName: (name: string) => void): void {
    try {
      this.#watcher = watch(folder, { persistent: false }, (event, name) => {
        if (event === 'rename') onName(name ?? '');
        this.wake();
      });
      this.#watcher.on('error', this.wake);
    } catch (error) {
      if (!isSystemError(error, 'ENOENT', 'ENOSPC', 'EMFILE')) throw error;
      this.#timer = setInterval(() => {
        onName('');
        this.wake();
      }, UNWATCHED_PAUSE_MS);
      this.#timer.unref();
    }
  }

  async wait(): Promise<void> {
    if (!this.#changed) {
      await new Promise<void>(resolve => {
        this.#resolve = resolve;
      });
    }
    this.#changed = false;
    this.#resolve = undefined;
  }

  close(): void {
    this.#watcher?.close();
    clearInterval(this.#timer);
  }
}
