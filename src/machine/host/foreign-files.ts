import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { isSystemError } from '../../shared/errors.ts';
import { unmountAll } from './mounts.ts';
import { runProgramOrThrow } from './run-program.ts';

const BUSYBOX = '/usr/bin/busybox';
/** One for all lives of system-docker, so that the next finds what the last one left. One caller at a time. */
const FOLDER = '/run/slipway/seed';

/** A file from a disk that anyone may have written. */
export interface ForeignFile {
  readonly bytes: Buffer;
  /** There was more than the limit; only the beginning was read. */
  readonly truncated: boolean;
}

/**
 * Reads a few files from the top folder of a disk: it is mounted read-only, nosuid, nodev, noexec for that time. Links and
 * anything but regular files count as missing. Throws PROGRAM_FAILED when it can't be mounted.
 *
 * @param limitBytes of each file
 */
export async function readForeignFiles(
  device: string,
  type: 'vfat' | 'iso9660',
  names: readonly string[],
  limitBytes: number,
): Promise<Map<string, ForeignFile>> {
  mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
  // An earlier life that was killed left the disk mounted.
  await unmountAll(BUSYBOX, FOLDER);
  await runProgramOrThrow(
    [BUSYBOX, 'mount', '-t', type, '-o', 'ro,nosuid,nodev,noexec', device, FOLDER],
    `mounting ${device}`,
    { timeoutMs: 30_000 },
  );
  try {
    const files = new Map<string, ForeignFile>();
    for (const name of names) {
      const file = readRegular(join(FOLDER, name), limitBytes);
      if (file !== undefined) files.set(name, file);
    }
    return files;
  } finally {
    await unmountAll(BUSYBOX, FOLDER);
    rmdirSync(FOLDER);
  }
}

/** Reads at most `limitBytes` of a regular file; undefined for anything else. */
export function readRegular(path: string, limitBytes: number): ForeignFile | undefined {
  let file: number;
  try {
    // A FIFO would block without O_NONBLOCK.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ELOOP', 'ENXIO', 'EIO', 'ENOTDIR')) return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return undefined;
    const bytes = Buffer.alloc(Math.min(stat.size, limitBytes));
    let done = 0;
    while (done < bytes.length) {
      const count = readSync(file, bytes, done, bytes.length - done, done);
      if (count === 0) break;
      done += count;
    }
    return { bytes: bytes.subarray(0, done), truncated: stat.size > limitBytes };
  } catch (error) {
    if (isSystemError(error, 'EIO')) return undefined;
    throw error;
  } finally {
    closeSync(file);
  }
}
