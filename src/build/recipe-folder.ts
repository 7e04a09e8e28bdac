import { createHash } from 'node:crypto';
import { lstat, readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, canonicalJson, digestOf } from '../shared/digest.ts';
import { ToolError, isSystemError } from '../shared/errors.ts';
import { parseRecipe } from '../shared/manifest/index.ts';
import { decodeText } from '../shared/yaml/decode.ts';
import { assembleFiles } from './assemble/steps/files.ts';
import { readRootfs } from './assemble/steps/rootfs.ts';
import type { LoadedRecipe } from './project.ts';
import { digestEntries } from './tree/digest-entries.ts';

/**
 * Reads a recipe's folder: its `image.yml`, and the digest of what an image gets of the folder. Other files
 * (a README, the manifest and its lock where the recipe is at home beside them) do not count.
 *
 * @param shown the recipe as the manifest spells it, for messages
 * @param lockPath the project's lock, which is no part of a recipe that it stands in
 * Errors: RECIPE_NOT_FOUND, TEXT_NOT_UTF8, RECIPE_INVALID with every fault, FILE_* for its `files`.
 */
export async function loadRecipe(
  name: string,
  folder: string,
  shown: string,
  lockPath?: string,
): Promise<LoadedRecipe> {
  const file = join(folder, 'image.yml');
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'EISDIR')) throw error;
    throw new ToolError(`reading the recipe ${shown}: ${file} can't be read`, {
      code: 'RECIPE_NOT_FOUND',
      kind: 'not-found',
      hint: 'a recipe is a folder with an image.yml; its path is relative to the manifest',
      cause: error,
    });
  }
  const recipe = parseRecipe(name, decodeText(file, bytes), file);
  const parts = {
    recipe: digestOf(bytes),
    rootfs: digestEntries(await readRootfs(join(folder, 'rootfs'), 0)),
    files: digestEntries(
      await assembleFiles({
        files: recipe.files,
        folder,
        ...(lockPath === undefined ? {} : { leaveOut: lockPath }),
        epoch: 0,
      }),
    ),
  };
  return { recipe, folder, digest: digestOf(canonicalJson(parts)) };
}

/**
 * Digest of a folder's names, kinds, contents and executable bits. Owners, times, other permissions and
 * the order of the disk are no part of it: a checkout by another user with another umask is the same.
 */
export async function digestFolder(folder: string): Promise<Digest> {
  const hash = createHash('sha256');
  const walk = async (path: string): Promise<void> => {
    for (const name of (await readdir(join(folder, path))).sort()) {
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
