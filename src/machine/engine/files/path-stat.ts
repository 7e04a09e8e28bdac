import { basename, normalize } from 'node:path';
import type { Stats } from 'node:fs';
import type { PathStatBody } from '../../engine-api/bodies.ts';
import type { FileView, Found } from './file-view.ts';

/** Describes a file that was found under a path. */
export async function statFound(view: FileView, path: string, found: Found): Promise<PathStatBody> {
  const { stat } = found.place;
  return {
    name: basename(absolutePath(path)) || '/',
    size: stat.size,
    mode: goMode(stat),
    mtime: new Date(stat.mtimeMs).toISOString(),
    linkTarget: stat.isSymbolicLink() ? await view.targetOf(path) : '',
  };
}

/** A path as it was asked for, absolute and clean but for a `/` or `/.` at its end. */
export function absolutePath(path: string): string {
  const clean = normalize(`/${path}`).replace(/(.)\/+$/, '$1');
  if (path.endsWith('/.') || path === '.') return clean === '/' ? '/.' : `${clean}/.`;
  return path.endsWith('/') && clean !== '/' ? `${clean}/` : clean;
}

/** Whether a link at a path's end stands for what it names: a slash or dot behind it says so. */
export function followsLast(path: string): boolean {
  return /\/\.?$/.test(absolutePath(path));
}

const GO_BITS: readonly (readonly [(stat: Stats) => boolean, number])[] = [
  [stat => stat.isDirectory(), 2 ** 31],
  [stat => stat.isSymbolicLink(), 2 ** 27],
  [stat => stat.isBlockDevice() || stat.isCharacterDevice(), 2 ** 26],
  [stat => stat.isFIFO(), 2 ** 25],
  [stat => stat.isSocket(), 2 ** 24],
  [stat => (stat.mode & 0o4000) !== 0, 2 ** 23],
  [stat => (stat.mode & 0o2000) !== 0, 2 ** 22],
  [stat => stat.isCharacterDevice(), 2 ** 21],
  [stat => (stat.mode & 0o1000) !== 0, 2 ** 20],
];

/** Kind and permissions in the bits of Go's os.FileMode, which Docker's clients read. */
export function goMode(stat: Stats): number {
  return GO_BITS.reduce((mode, [has, bit]) => mode + (has(stat) ? bit : 0), stat.mode & 0o777);
}
