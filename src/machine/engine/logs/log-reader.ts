import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { isSystemError } from '../../../shared/errors.ts';
import { type LogRecord, LogParser } from './k8s-log.ts';
import { type LogFile, listLogFiles } from './log-files.ts';

export interface ReadLogOptions {
  /** Stay and read what is written, until `isOver` says that nothing will be, or abort. */
  readonly follow: boolean;
  /** Only the last so many lines of what is there; undefined is all. */
  readonly tail?: number;
  /** Asked when everything there is has been read; a final read follows once it answers true. */
  readonly isOver?: () => boolean;
  /** Called with a function that makes a follower look again; returns how to take it back. */
  readonly onWake?: (wake: () => void) => () => void;
  readonly signal?: AbortSignal;
}

const CHUNK_BYTES = 64 * 1024;

/**
 * Reads a container's log across its files. Without `follow` it ends where the log ended when it was
 * asked for, also if the container writes faster than it is read. A follower holds the file it reads
 * open, so a file that is put aside or deleted meanwhile is read to its end first.
 */
export async function* readLog(folder: string, options: ReadLogOptions): AsyncGenerator<LogRecord> {
  const { signal } = options;
  const waiter = new ChangeWaiter();
  const takeBack = options.onWake?.(waiter.wake);
  signal?.addEventListener('abort', waiter.wake, { once: true });
  const parts: LogPart[] = [];
  try {
    // Watched before the first look, so that no change falls between the two.
    if (options.follow) waiter.watch(folder);
    parts.push(...(await openParts(folder)));
    await planTail(parts, options.tail);
    let last: LogFile | undefined;
    for (const part of parts) {
      last = part.file;
      const isGrowing = options.follow && part === parts.at(-1);
      const records = isGrowing ? followFile(part, folder, options, waiter) : readPart(part);
      yield* skipLines(records, part.skip, signal);
      if (signal?.aborted === true) return;
    }
    while (options.follow && signal?.aborted !== true) {
      const file = nextFile(await listLogFiles(folder), last);
      if (file !== undefined) {
        last = file;
        await using part = await openPart(file);
        if (part !== undefined) yield* skipLines(followFile(part, folder, options, waiter), 0, signal);
      } else if (options.isOver?.() === true) return;
      else await waiter.wait();
    }
  } finally {
    waiter.close();
    takeBack?.();
    signal?.removeEventListener('abort', waiter.wake);
    for (const part of parts) await part[Symbol.asyncDispose]();
  }
}

/** A file that is held open, how much of it is read, and how many of its lines are not wanted. */
interface LogPart extends AsyncDisposable {
  readonly file: LogFile;
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  skip: number;
}

/** Opens every file that is there, so that none is deleted before its turn. */
async function openParts(folder: string): Promise<LogPart[]> {
  const parts: LogPart[] = [];
  for (const file of await listLogFiles(folder)) {
    const part = await openPart(file);
    if (part !== undefined) parts.push(part);
  }
  return parts;
}

/** Undefined when the file has been deleted. */
async function openPart(file: LogFile): Promise<LogPart | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file.path, 'r');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
  const { size, ino } = await handle.stat({ bigint: true });
  return {
    // `current` may have become another file since it was listed.
    file: ino === file.inode ? file : { ...file, inode: ino, number: undefined },
    handle,
    sizeBytes: Number(size),
    skip: 0,
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** Decides how many lines of each part come before the wanted last ones. */
async function planTail(parts: readonly LogPart[], tail: number | undefined): Promise<void> {
  let wanted = tail ?? Infinity;
  if (wanted === Infinity) return;
  for (const part of parts.toReversed()) {
    const lines = await countLines(part);
    part.skip = Math.max(0, lines - wanted);
    wanted -= lines - part.skip;
  }
}

async function* skipLines(
  records: AsyncIterable<LogRecord>,
  skip: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<LogRecord> {
  let left = skip;
  for await (const record of records) {
    if (signal?.aborted === true) return;
    if (left === 0) yield record;
    else if (!record.partial) left -= 1;
  }
}

/** What a file held when it was opened. */
async function* readPart({ handle, sizeBytes }: LogPart): AsyncGenerator<LogRecord> {
  const parser = new LogParser();
  for (let at = 0; at < sizeBytes;) {
    const chunk = await readChunk(handle, at, sizeBytes - at);
    if (chunk.length === 0) return;
    at += chunk.length;
    yield* parser.push(chunk);
  }
}

/** A file to its end, which comes when another has taken its place or the container is over. */
async function* followFile(
  { file, handle }: LogPart,
  folder: string,
  options: ReadLogOptions,
  waiter: ChangeWaiter,
): AsyncGenerator<LogRecord> {
  const parser = new LogParser();
  // Whether the file can't grow any more: then the next empty read is its end.
  let isFinal = false;
  for (let at = 0; options.signal?.aborted !== true;) {
    const chunk = await readChunk(handle, at, CHUNK_BYTES);
    if (chunk.length > 0) {
      at += chunk.length;
      yield* parser.push(chunk);
      continue;
    }
    if (isFinal) return;
    isFinal = options.isOver?.() === true || nextFile(await listLogFiles(folder), file) !== undefined;
    if (!isFinal) await waiter.wait();
  }
}

async function readChunk(handle: FileHandle, position: number, maxBytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, maxBytes));
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
  return buffer.subarray(0, bytesRead);
}

/** The file after `last`; the oldest one that is left when `last` itself has been deleted. */
function nextFile(files: readonly LogFile[], last: LogFile | undefined): LogFile | undefined {
  if (last === undefined) return files[0];
  const index = files.findIndex(file => file.inode === last.inode);
  if (index >= 0) return files[index + 1];
  const { number } = last;
  return files.find(file => file.number === undefined || number === undefined || file.number > number);
}

/** Lines of a file; one that is unfinished counts. */
async function countLines(part: LogPart): Promise<number> {
  let lines = 0;
  let isOpen = false;
  for await (const record of readPart(part)) {
    isOpen = record.partial;
    if (!isOpen) lines += 1;
  }
  return isOpen ? lines + 1 : lines;
}

/** Sleeps until the folder changes or someone wakes it; a change between two waits is not lost. */
class ChangeWaiter {
  #watcher: FSWatcher | undefined;
  #changed = false;
  #resolve: (() => void) | undefined;

  readonly wake = (): void => {
    this.#changed = true;
    this.#resolve?.();
  };

  watch(folder: string): void {
    try {
      this.#watcher = watch(folder, { persistent: false }, this.wake);
      this.#watcher.on('error', this.wake);
    } catch (error) {
      if (!isSystemError(error, 'ENOENT')) throw error;
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
  }
}
