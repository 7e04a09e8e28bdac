import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ToolError, isSystemError } from '../../shared/errors.ts';
import { makeFolders } from '../../shared/fs/make-folders.ts';

/** What `make` gets: where to write the file, and a folder for anything it needs on the way. */
export interface Scratch {
  readonly folder: string;
  /** The file to make; inside the folder, on the output's file system. */
  readonly file: string;
}

/**
 * Lets `make` write a file beside `output`, then puts it in place by rename: at `output` stands the old
 * file or the whole new one. Nothing is left behind when `make` fails or is interrupted. Throws
 * OUTPUT_NOT_WRITABLE and OUTPUT_DISK_FULL besides what `make` throws.
 */
export async function publishFile<T>(output: string, make: (scratch: Scratch) => Promise<T>): Promise<T> {
  const parent = dirname(output);
  const folder = join(parent, `.${basename(output)}.tmp-${randomBytes(6).toString('hex')}`);
  try {
    await makeFolders(parent);
    await mkdir(folder);
    const file = join(folder, 'out');
    const result = await make({ folder, file });
    const handle = await open(file, 'r+');
    try {
      // Tools make their files with modes of their own; the umask is not an input of a build.
      await handle.chmod(0o644);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(file, output);
    return result;
  } catch (error) {
    throw outputError(error, output);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A system error while writing what was asked for, as the reader should see it; other errors unchanged. */
export function outputError(error: unknown, output: string): unknown {
  const isToolFull = error instanceof ToolError && error.code === 'TOOL_DISK_FULL';
  if (isToolFull || isSystemError(error, 'ENOSPC', 'EDQUOT', 'EFBIG')) {
    return new ToolError(`writing ${output}: the disk is full`, {
      code: 'OUTPUT_DISK_FULL',
      kind: 'io',
      hint: 'make room, or choose another folder with --output',
      cause: error,
    });
  }
  if (isSystemError(error, 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENOTEMPTY')) {
    return new ToolError(`writing ${output}: ${error.message}`, {
      code: 'OUTPUT_NOT_WRITABLE',
      kind: 'io',
      hint: 'choose a folder you may write to with --output',
      cause: error,
    });
  }
  return error;
}
