import { posix } from 'node:path';
import { MULTIARCH } from '../../shared/arch.ts';
import { canonicalJson } from '../../shared/digest.ts';
import type { MachineImage } from '../../shared/machine-image.ts';
import { CORE } from '../../shared/paths.ts';
import { Tree, comparePaths } from '../tree/tree.ts';
import type { AssembledCore, CoreInput } from './inputs.ts';
import { coreFiles } from './package-sets.ts';
import { putAccounts } from './steps/accounts.ts';
import { putBusyboxLinks } from './steps/busybox.ts';
import { checkHooks } from './steps/check-hooks.ts';
import { CORE_INIT_FILES, putInitFiles } from './steps/init-files.ts';
import { layOver } from './steps/lay-over.ts';
import { putBaseFiles, putBaseFolders, putMergedUsr } from './steps/layout.ts';
import { closeOverLibraries } from './steps/libraries.ts';
import { putSelected } from './steps/select.ts';

/** Links to programs under names that others call them by. */
const LINKS: Readonly<Record<string, string>> = {
  'etc/mtab': '/proc/self/mounts',
  'usr/sbin/fsck.ext4': 'e2fsck',
  'usr/sbin/mkfs.ext4': 'mke2fs',
};

const RUNTIME = CORE.runtime.slice(1);
const PROGRAM_FOLDER = posix.dirname(CORE.bundle).slice(1);

/**
 * Makes the core: the root file system of the machine, read-only on the medium. In this order, later
 * things replacing earlier ones: `init:` images, busybox and the few native programs with their
 * libraries, the scripts of init/, Node with libraries of its own folder, the bundle and what it reads,
 * modules, the image store, the manifest's files. Equal inputs give equal trees.
 *
 * Errors: those of the steps; OCI_HOOK_INVALID; PROGRAM_MISSING and LIBRARY_MISSING when packages do not hold what is used.
 */
export async function assembleCore(input: CoreInput): Promise<AssembledCore> {
  const { arch, epoch, machine } = input;
  const tree = new Tree(epoch);
  putMergedUsr(tree, arch);
  putBaseFolders(tree);
  for (const folder of ['images', 'layers', 'state']) tree.directory(folder);
  const packages = putSelected(
    tree,
    input.packages,
    [...coreFiles(machine.engine), ...runtimeLibraries(arch)],
    arch,
  );
  putBusyboxLinks(tree);
  putHardLink(tree, 'usr/bin/busybox', 'usr/lib/slipway/busybox');
  for (const [path, target] of Object.entries(LINKS)) tree.symlink(path, target);
  putAccounts(tree, { users: [{ name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/sh' }] }, epoch);
  await putInitFiles(tree, input.initFolder, CORE_INIT_FILES);

  tree.file(`${RUNTIME}/node`, input.node, { mode: 0o755 });
  putRuntimeLibraries(tree, MULTIARCH[arch]);
  for (const [name, content] of input.bundles) tree.file(`${PROGRAM_FOLDER}/${name}`, content);
  putIdentity(tree, machine);
  putBaseFiles(tree);
  tree.graft(input.kernel.coreModules);
  tree.graft(input.imageStore);
  const whole = putOverLayers(tree, input);
  for (const entry of input.files) whole.put(entry);
  checkHooks(whole);
  return { tree: whole, packages };
}

/** `init:` images with the core laid over them, so that nothing of theirs stands for a program of ours. */
function putOverLayers(core: Tree, { initLayers, arch, epoch }: CoreInput): Tree {
  if (initLayers.length === 0) return core;
  const whole = new Tree(epoch);
  putMergedUsr(whole, arch);
  for (const layer of initLayers) layOver(whole, layer);
  whole.graft(core);
  return whole;
}

function runtimeLibraries(arch: CoreInput['arch']): string[] {
  const names = ['libstdc++.so.6', 'libgcc_s.so.1', 'libm.so.6', 'libdl.so.2', 'libpthread.so.0'];
  return names.map(name => `usr/lib/${MULTIARCH[arch]}/${name}`);
}

/**
 * Node's libraries a second time, in the runtime's own folder: any container that this folder is mounted
 * into can start Node through the loader in it. Hard links, so that their pages are in memory once.
 */
function putRuntimeLibraries(tree: Tree, multiarch: string): void {
  for (const path of closeOverLibraries(tree, [`${RUNTIME}/node`], multiarch)) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const real = tree.resolve(path);
    const entry = tree.get(real);
    if (name === 'node' || entry?.kind !== 'file' || !real.startsWith('usr/lib/')) continue;
    // A link under the soname and one under the file's own name lead to the same file: the soname counts.
    if (tree.get(path)?.kind === 'file' && !/\.so(\.\d+)?$/.test(name)) continue;
    putHardLink(tree, real, `${RUNTIME}/lib/${name}`);
  }
}

/** Makes two names for one file; the first in the order of writing is the file, the other the link. */
function putHardLink(tree: Tree, existing: string, added: string): void {
  const entry = tree.get(existing);
  if (entry?.kind !== 'file') return;
  const { mode, uid, gid, mtime, xattrs } = entry;
  const common = { mode, uid, gid, mtime, ...(xattrs ? { xattrs } : {}) };
  const [first, second] = comparePaths(existing, added) < 0 ? [existing, added] : [added, existing];
  tree.put({ ...entry, path: first });
  tree.put({ ...common, kind: 'hardlink', path: second, target: first });
}

/** What the machine is: read by system-docker, by the scripts and by people. */
function putIdentity(tree: Tree, machine: MachineImage): void {
  tree.file(CORE.machineImage, `${canonicalJson(machine)}\n`);
  tree.file('usr/lib/slipway/built-at', `${machine.builtAt}\n`);
  tree.file('usr/lib/slipway/rescue', `${machine.rescue}\n`);
  tree.file('etc/hostname', `${machine.hostname}\n`);
  const quote = (text: string): string => `"${text.replace(/["$`\\]/g, '\\$&')}"`;
  tree.file(
    'usr/lib/os-release',
    [
      `NAME=${quote(machine.name)}`,
      'ID=slipway',
      `VERSION_ID=${quote(machine.version)}`,
      `PRETTY_NAME=${quote(`${machine.name} ${machine.version}`)}`,
      `SLIPWAY_VERSION=${quote(machine.slipwayVersion)}`,
      '',
    ].join('\n'),
  );
  tree.symlink('etc/os-release', '../usr/lib/os-release');
}
