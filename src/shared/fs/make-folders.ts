import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isSystemError } from '../errors.ts';

/**
 * Makes a folder and its parents at a path that somebody else has chosen; no error when it is there. Throws I/O errors.
 * Node's own way never ends where a file system refuses new folders with ENOENT, as /proc does; that is EROFS here.
 * @param path absolute
 */
export async function makeFolders(path: string): Promise<void> {
  const makeOne = async (): Promise<void> => {
    try {
      await mkdir(path);
    } catch (error) {
      if (!isSystemError(error, 'EEXIST') || !(await isFolder(path, error))) throw error;
    }
  };
  try {
    await makeOne();
  } catch (error) {
    const parent = dirname(path);
    if (!isSystemError(error, 'ENOENT') || parent === path) throw error;
    await makeFolders(parent);
    await makeOne().catch((cause: unknown) => {
      if (!isSystemError(cause, 'ENOENT')) throw cause;
      const message = `mkdir ${path}: no such file or directory, and its file system takes no new ones`;
      throw Object.assign(new Error(message, { cause }), { code: 'EROFS' });
    });
  }
}

/** Links are followed; one that leads nowhere is in the way, as the kernel and Docker put it. */
async function isFolder(path: string, fault: unknown): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ELOOP')) throw error;
    throw Object.assign(new Error(`mkdir ${path}: file exists`, { cause: fault }), { code: 'EEXIST' });
  }
}
