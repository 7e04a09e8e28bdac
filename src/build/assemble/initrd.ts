import { formatFileSystemTable } from '../../shared/file-system-table.ts';
import { MEDIUM } from '../../shared/paths.ts';
import { Tree } from '../tree/tree.ts';
import type { AssembledInitrd, IdentityInput, InitrdInput } from './inputs.ts';
import { INITRD_INIT_FILES, putInitFiles } from './steps/init-files.ts';
import { putMergedUsr } from './steps/layout.ts';
import { putSelected } from './steps/select.ts';

const PROGRAMS: readonly string[] = ['usr/bin/busybox', 'usr/sbin/dmsetup'];

/**
 * Makes the initrd's programs: busybox, dmsetup, the modules that find the medium, the early script. They are
 * the same from one build to the next. Equal inputs give equal trees. Errors as `assembleCore`.
 */
export async function assembleInitrd(input: InitrdInput): Promise<AssembledInitrd> {
  const tree = new Tree(input.epoch);
  putMergedUsr(tree, input.arch);
  for (const folder of ['dev', 'proc', 'run', 'sys']) tree.directory(folder);
  const packages = putSelected(tree, input.packages, PROGRAMS, input.arch);
  // The kernel starts the one for /init and calls the other; busybox's shell finds the rest itself.
  tree.symlink('usr/bin/sh', 'busybox');
  tree.symlink('usr/sbin/modprobe', '../bin/busybox');
  await putInitFiles(tree, input.initFolder, INITRD_INIT_FILES);
  tree.graft(input.kernel.initrdModules);
  tree.file('slipway/modules', `${input.kernel.initrdLoad.join(' ')}\n`);
  return { programs: tree, packages };
}

/** What ties an initrd to one build: unpacked over its programs. */
export function assembleIdentity(input: IdentityInput): Tree {
  const tree = new Tree(input.epoch);
  tree.file(MEDIUM.table, formatFileSystemTable(input.table));
  tree.file('slipway/build-id', `${input.buildId}\n`);
  tree.file('slipway/rescue', `${input.rescue}\n`);
  return tree;
}

/**
 * The file systems themselves as a tree that is unpacked over the initrd (`kernel+initrd`, "run from
 * memory"): the early script takes them from there.
 *
 * @param fileSystems by name: path on the build host and length in bytes
 * @param epoch seconds since 1970
 */
export function assembleFileSystemsInMemory(
  fileSystems: ReadonlyMap<string, { readonly file: string; readonly sizeBytes: number }>,
  epoch: number,
): Tree {
  const tree = new Tree(epoch);
  for (const [name, { file, sizeBytes }] of fileSystems) {
    tree.file(`${MEDIUM.inInitrd}/${name}.sqfs`, { kind: 'slice', file, offset: 0, size: sizeBytes });
  }
  return tree;
}
