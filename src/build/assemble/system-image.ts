import { join } from 'node:path';
import { MULTIARCH } from '../../shared/arch.ts';
import { ToolError } from '../../shared/errors.ts';
import { Tree } from '../tree/tree.ts';
import { compileGlobs } from './glob.ts';
import type { AssembledSystemImage, SystemImageInput } from './inputs.ts';
import { putAccounts } from './steps/accounts.ts';
import { putAlternatives } from './steps/alternatives.ts';
import { putBusyboxLinks } from './steps/busybox.ts';
import { putCertificates } from './steps/certificates.ts';
import { assembleFiles } from './steps/files.ts';
import { putBaseFiles, putBaseFolders, putMergedUsr } from './steps/layout.ts';
import { putMountPoints } from './steps/mount-points.ts';
import { putPackages } from './steps/packages.ts';
import { putPamProfile } from './steps/pam.ts';
import { readRootfs } from './steps/rootfs.ts';
import { removeUnusedLibraries } from './steps/unused-libraries.ts';

/**
 * Makes the root file system of a system image: the packages' files, then what their maintainer scripts
 * would have done (one step each), then the recipe's own accounts, `rootfs/`, files and links.
 *
 * There is no /etc/ld.so.cache: Debian's loader has the multiarch folders compiled in, and libraries
 * elsewhere are found by the run path of their programs. Equal inputs give equal trees.
 *
 * Errors: RECIPE_ARCH_UNSUPPORTED, and those of the steps.
 */
export async function assembleSystemImage(input: SystemImageInput): Promise<AssembledSystemImage> {
  const { recipe, arch, epoch } = input;
  if (!recipe.architectures.includes(arch)) {
    throw new ToolError(`assembling ${input.recipeFolder}: the recipe is not made for ${arch}`, {
      code: 'RECIPE_ARCH_UNSUPPORTED',
      kind: 'unsupported',
      hint: `it names ${recipe.architectures.join(', ')} under "architectures"`,
    });
  }
  const tree = new Tree(epoch);
  putMergedUsr(tree, arch);
  putBaseFolders(tree);
  const isLeftOut = compileGlobs(recipe.remove);
  const packages = putPackages(tree, input.packages, { isLeftOut });
  putAccounts(tree, recipe, epoch);
  putAlternatives(tree);
  if (tree.has('usr/bin/busybox')) putBusyboxLinks(tree);
  putPamProfile(tree, MULTIARCH[arch]);
  putCertificates(tree);
  putBaseFiles(tree);
  for (const entry of await readRootfs(join(input.recipeFolder, 'rootfs'), epoch)) tree.put(entry);
  const files = await assembleFiles({
    files: recipe.files,
    folder: input.recipeFolder,
    ...(input.leaveOut === undefined ? {} : { leaveOut: input.leaveOut }),
    epoch,
  });
  for (const entry of files) tree.put(entry);
  for (const [path, target] of Object.entries(recipe.links)) tree.symlink(path, target);
  removeUnusedLibraries(tree, MULTIARCH[arch]);
  putMountPoints(tree, recipe.config);
  return { tree, packages };
}
