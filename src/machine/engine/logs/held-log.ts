import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isSystemError } from '../../../shared/errors.ts';
import { CURRENT, type LogFile, listLogFiles } from './log-files.ts';

/** A place in a log: the file that was written then, and how long it was. */
export interface LogPosition {
  readonly inode: bigint;
  readonly offsetBytes: number;
}

/** One file of a log, held open by its reader. */
export interface HeldFile {
  readonly fd: number;
  readonly inode: bigint;
  number: number | undefined;
  /** How much of it is read. */
  offsetBytes: number;
  /** It is wanted up to here; undefined while it may grow. */
  endBytes: number | undefined;
}

/** Where the log ends now; undefined when there is none yet. */
export function endOfLog(folder: string): LogPosition | undefined {
  try {
    const { ino, size } = statSync(join(folder, CURRENT), { bigint: true });
    return { inode: ino, offsetBytes: Number(size) };
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/**
 * The files of a log that a reader has not read to their end. They are held open, so that neither
 * rotation nor removal of the container takes them away from it.
 *
 * INVARIANTS
 * 1. `files` is in the order of writing, each file once; only the last one can grow.
 * 2. What is held is bounded: whoever calls `look` compares `unreadBytes` with its limit.
 * 3. All of it is synchronous, so that a caller who learns of a container's end can take hold of the
 *    log before the next step, which may be its removal.
 */
export class HeldLog implements Disposable {
  readonly files: HeldFile[] = [];
  readonly #folder: string;
  /** The newest file that was seen. It stays open, so that its inode is not given to another. */
  #newest: HeldFile | undefined;
  /** No file up to this number is new. */
  #oldNumber = 0;
  #opened = 0;
  #hasGap = false;
  #isEnded = false;

  /** Opens the log from a place on, or all of it. */
  constructor(folder: string, from?: LogPosition) {
    this.#folder = folder;
    this.look();
    const index = this.files.findIndex(file => file.inode === from?.inode);
    const first = this.files[index];
    if (from === undefined || first === undefined) return;
    for (const file of this.files.splice(0, index)) closeSync(file.fd);
    first.offsetBytes = from.offsetBytes;
  }

  /** How many files were taken hold of, those at the beginning included. */
  get opened(): number {
    return this.#opened;
  }

  /** True when numbered files were deleted before this reader could take hold of them. */
  get hasGap(): boolean {
    return this.#hasGap;
  }

  /** What the reader has still to read, up to now. */
  get unreadBytes(): number {
    return this.files.reduce(
      (sum, { fd, endBytes, offsetBytes }) => sum + (endBytes ?? fstatSync(fd).size) - offsetBytes,
      0,
    );
  }

  /** True once `end` was called: what is held is all that is wanted. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Takes hold of files that are new. */
  look(): void {
    if (this.#isEnded) return;
    for (const found of this.#newFiles()) {
      const file = openFile(found);
      if (file === undefined) continue;
      const before = this.#newest?.number;
      if (before !== undefined && file.number !== undefined && file.number > before + 1) this.#hasGap = true;
      this.#newest = file;
      this.#opened += 1;
      this.files.push(file);
    }
  }

  /** What is written from now on is not wanted. */
  end(): void {
    this.look();
    this.#isEnded = true;
    for (const file of this.files) file.endBytes = fstatSync(file.fd).size;
  }

  /** The first file has been read. */
  drop(): void {
    const file = this.files.shift();
    if (file !== undefined) closeSync(file.fd);
  }

  [Symbol.dispose](): void {
    while (this.files.length > 0) this.drop();
  }

  /** Files that are newer than the newest seen, in order. */
  #newFiles(): LogFile[] {
    const files = listLogFiles(this.#folder);
    const oldNumber = this.#oldNumber;
    this.#oldNumber = Math.max(oldNumber, ...files.map(file => file.number ?? 0));
    const index = files.findIndex(file => file.inode === this.#newest?.inode);
    if (index < 0) return files.filter(file => file.number === undefined || file.number > oldNumber);
    // It may have got its number since.
    if (this.#newest !== undefined) this.#newest.number = files[index]?.number;
    return files.slice(index + 1);
  }
}

/** Undefined when the file has been deleted. */
function openFile({ path, inode, number }: LogFile): HeldFile | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
  const opened = fstatSync(fd, { bigint: true }).ino;
  return {
    fd,
    inode: opened,
    // `current` may have become another file since it was listed.
    number: opened === inode ? number : undefined,
    offsetBytes: 0,
    endBytes: undefined,
  };
}
