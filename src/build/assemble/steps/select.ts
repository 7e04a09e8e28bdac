import type { Arch } from '../../../shared/arch.ts';
import { MULTIARCH } from '../../../shared/arch.ts';
import { Tree } from '../../tree/tree.ts';
import type { AssembledPackage, PackageInput } from '../inputs.ts';
import { putMergedUsr } from './layout.ts';
import { closeOverLibraries } from './libraries.ts';
import { putPackages } from './packages.ts';

/**
 * Puts only the named files of packages into a tree, with the libraries that they need: the core and the
 * initrd hold single programs of large packages. Errors as `closeOverLibraries` and `putPackages`.
 *
 * @param files paths of programs and other files, without leading `/`
 */
export function putSelected(
  tree: Tree,
  packages: readonly PackageInput[],
  files: readonly string[],
  arch: Arch,
): AssembledPackage[] {
  const everything = new Tree(tree.mtime);
  putMergedUsr(everything, arch);
  putPackages(everything, packages);
  const kept = closeOverLibraries(everything, files, MULTIARCH[arch]);
  const folders = new Set<string>();
  for (const path of kept) {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
      folders.add(path.slice(0, at));
  }
  const isLeftOut = (path: string): boolean => {
    const real = everything.resolve(path, false);
    return !kept.has(real) && !folders.has(real);
  };
  return putPackages(tree, packages, { isLeftOut });
}
