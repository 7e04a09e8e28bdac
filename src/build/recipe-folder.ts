import { createHash } from 'node:crypto';
import { lstat, readFile, readdir, readlink } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import type { Digest } from '../shared/digest.ts';
import { ToolError, isSystemError } from '../shared/errors.ts';
import { parseRecipe } from '../shared/manifest/index.ts';
import type { LoadedRecipe } from './project.ts';

/**
 * Reads a recipe's folder: its `image.yml`, and the digest of what it is made of. Other files of the folder
 * (a README, the manifest and its lock where the recipe is at home beside them) do not count.
 *
 * @param shown the recipe as the manifest spells it, for messages
 * Errors: RECIPE_NOT_FOUND, RECIPE_INVALID with every fault.
 */
export async function loadRecipe(name: string, folder: string, shown: string): Promise<LoadedRecipe> {
  const file = join(folder, 'image.yml');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'EISDIR')) throw error;
    throw new ToolError(`reading the recipe ${shown}: ${file} can't be read`, {
      code: 'RECIPE_NOT_FOUND',
      kind: 'not-found',
      hint: 'a recipe is a folder with an image.yml; its path is relative to the manifest',
      cause: error,
    });
  }
  const recipe = parseRecipe(name, text, file);
  const sources = recipe.files.flatMap(spec =>
    spec.kind === 'source' ? [normalize(spec.source).split('/')[0]] : [],
  );
  const parts = new Set(['image.yml', 'rootfs', ...sources]);
  return { recipe, folder, digest: await digestFolder(folder, name => parts.has(name)) };
}

/**
 * Digest of a folder's names, kinds, contents and executable bits. Owners, times, other permissions and
 * the order of the disk are no part of it: a checkout by another user with another umask is the same.
 *
 * @param isPart tells which names directly in the folder count; all by default
 */
export async function digestFolder(
  folder: string,
  isPart: (name: string) => boolean = () => true,
): Promise<Digest> {
  const hash = createHash('sha256');
  const walk = async (path: string): Promise<void> => {
    for (const name of (await readdir(join(folder, path))).sort()) {
      if (path === '' && !isPart(name)) continue;
      const below = path === '' ? name : `${path}/${name}`;
      const stats = await lstat(join(folder, below));
      if (stats.isDirectory()) {
        hash.update(`d ${below}\0`);
        await walk(below);
      } else if (stats.isSymbolicLink()) {
        hash.update(`l ${below}\0${await readlink(join(folder, below))}\0`);
      } else if (stats.isFile()) {
        const content = await readFile(join(folder, below));
        hash.update(`${stats.mode & 0o100 ? 'x' : 'f'} ${below}\0${content.length}\0`).update(content);
      }
    }
  };
  await walk('');
  return `sha256:${hash.digest('hex')}`;
}
