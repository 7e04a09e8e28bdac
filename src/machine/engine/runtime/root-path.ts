import { lstat, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../../shared/errors.ts';

const MAX_LINKS = 40;
const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Where a path of a container lies on the host: links are followed as the container would, so that none
 * leads out of `root`. Undefined when it does not exist. Only for a root that nobody is changing.
 */
export async function resolveInRoot(root: string, path: string): Promise<string | undefined> {
  let parts = path.split('/').filter(part => part !== '' && part !== '.');
  const done: string[] = [];
  let links = 0;
  while (parts.length > 0) {
    const [part = '', ...rest] = parts;
    parts = rest;
    if (part === '..') {
      done.pop();
      continue;
    }
    const here = join(root, ...done, part);
    let isLink: boolean;
    try {
      isLink = (await lstat(here)).isSymbolicLink();
    } catch (error) {
      if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    }
    if (!isLink) {
      done.push(part);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) return undefined;
    const target = await readlink(here);
    if (target.startsWith('/')) done.length = 0;
    parts = [...target.split('/').filter(part => part !== '' && part !== '.'), ...parts];
  }
  return join(root, ...done);
}

/** The text of a small file of the container; undefined when there is none, or it is not a plain file. */
export async function readInRoot(root: string, path: string): Promise<string | undefined> {
  const file = await resolveInRoot(root, path);
  if (file === undefined) return undefined;
  const stat = await lstat(file);
  if (!stat.isFile() || stat.size > MAX_FILE_BYTES) return undefined;
  return readFile(file, 'utf8');
}
