import { type Entry, type FileEntry, contentSize } from '../../shared/archive/entry.ts';
import { ToolError, invariant } from '../../shared/errors.ts';
import { ContentReader } from '../../shared/fs/content-reader.ts';
import { Tree } from '../tree/tree.ts';
import type { AssembledKernel, KernelInput, PackageInput } from './inputs.ts';
import { chooseFirmware } from './kernel/firmware.ts';
import { moduleName, parseBuiltinModinfo } from './kernel/modinfo.ts';
import { type IndexedModule, type ModuleIndexInput, putModuleIndexes } from './kernel/module-index.ts';
import { type ModuleSet, parseModuleSets } from './kernel/module-sets.ts';
import { type ModuleCatalog, expandEntries } from './kernel/select-modules.ts';
import { type UnpackedModule, unpackModules } from './kernel/unpack-modules.ts';
import { sortPackages } from './steps/packages.ts';
import { skippedScripts } from './steps/scripts.ts';

/**
 * Takes the kernel, its modules for the platforms asked for and the firmware these name out of packages.
 * The core gets all chosen modules, the initrd those that find the medium; each with what it depends on
 * and with its own indexes. Modules are stored unpacked (the file system packs them, and pages of them
 * need no second unpacking) and are never stripped: under lockdown the kernel would refuse them.
 *
 * Errors: KERNEL_PACKAGE_MISSING, KERNEL_PLATFORM_UNKNOWN, KERNEL_MODULE_UNKNOWN, MODULE_SETS_MALFORMED.
 */
export async function assembleKernel(input: KernelInput): Promise<AssembledKernel> {
  using reader = new ContentReader();
  const kernel = findKernel(input.packages);
  const { deb, release, vmlinuz } = kernel;
  const folder = `usr/lib/modules/${release}`;
  const catalogEntries = new Map<string, Entry>();
  for (const entry of deb.entries) {
    const below = modulePath(entry.path, release);
    if (below !== undefined) catalogEntries.set(below, entry);
  }
  const text = (name: string): Uint8Array => {
    const entry = catalogEntries.get(name);
    return entry?.kind === 'file' ? reader.readAll(entry.content) : new Uint8Array();
  };
  const builtin = Buffer.from(text('modules.builtin')).toString('latin1');
  const files = new Map<string, FileEntry>();
  const paths = new Map<string, string>();
  for (const [path, entry] of catalogEntries) {
    if (entry.kind !== 'file' || !/\.ko(\.(xz|zst|gz))?$/.test(path)) continue;
    files.set(moduleName(path), entry);
    paths.set(moduleName(path), path);
  }
  const catalog: ModuleCatalog = {
    paths,
    builtin: new Set(builtin.split('\n').filter(Boolean).map(moduleName)),
  };

  const sets = chooseSets(input);
  const load = [
    ...expandEntries(
      sets.flatMap(set => set.load),
      catalog,
    ),
  ];
  const initrdNames = new Set([
    ...load,
    ...expandEntries(
      sets.flatMap(set => set.initrd),
      catalog,
    ),
  ]);
  const coreEntries = [...sets.flatMap(set => set.core), ...input.modules];
  const coreNames = new Set([...initrdNames, ...expandEntries(coreEntries, catalog)]);
  const unpack = (names: ReadonlySet<string>): Promise<Map<string, UnpackedModule>> =>
    unpackModules({
      ...{ names, catalog, files, store: input.store, signal: input.signal },
      packageSha256: deb.package.sha256,
    });
  const core = await unpack(coreNames);
  const initrd = closeWithin(initrdNames, core);

  const order = Buffer.from(text('modules.order')).toString('latin1').split('\n').filter(Boolean);
  const rank = new Map(order.map((path, index) => [moduleName(path), index]));
  const sorted = (modules: ReadonlyMap<string, UnpackedModule>): [IndexedModule, UnpackedModule][] =>
    [...modules]
      .sort(([a], [b]) => (rank.get(a) ?? Infinity) - (rank.get(b) ?? Infinity) || (a < b ? -1 : 1))
      .map(([name, module]) => [
        { path: (paths.get(name) ?? '').replace(/\.ko\..*$/, '.ko'), info: module.info },
        module,
      ]);
  const builtinModinfo = text('modules.builtin.modinfo');
  const builtinInfo = parseBuiltinModinfo(builtinModinfo);
  const makeTree = (modules: ReadonlyMap<string, UnpackedModule>): Tree => {
    const tree = new Tree(input.epoch);
    const list = sorted(modules);
    for (const [{ path }, module] of list) tree.file(`${folder}/${path}`, module.content);
    const index: ModuleIndexInput = {
      folder,
      modules: list.map(([module]) => module),
      builtin,
      builtinModinfo,
      builtinInfo,
    };
    putModuleIndexes(tree, index);
    return tree;
  };
  const coreModules = makeTree(core);
  const firmware = chooseFirmware(
    [...core.values()].map(module => module.info),
    input.packages,
  );
  for (const entry of firmware.entries) coreModules.put(entry);
  return {
    release,
    version: deb.package.version,
    packageName: deb.package.name,
    vmlinuz: vmlinuz.content,
    coreModules,
    initrdModules: makeTree(initrd),
    initrdLoad: load,
    moduleCount: core.size,
    missingFirmware: firmware.missing,
    packages: describe(input.packages, deb, coreModules, contentSize(vmlinuz.content)),
  };
}

/** The package with `boot/vmlinuz-RELEASE`. */
function findKernel(packages: readonly PackageInput[]): {
  readonly deb: PackageInput;
  readonly release: string;
  readonly vmlinuz: FileEntry;
} {
  const found = packages.flatMap(deb =>
    deb.entries.flatMap(entry => {
      const release = /^boot\/vmlinuz-([A-Za-z0-9.+_~-]+)$/.exec(entry.path)?.[1];
      return release !== undefined && entry.kind === 'file' ? [{ deb, release, vmlinuz: entry }] : [];
    }),
  );
  const [kernel, second] = found;
  if (!kernel || second) {
    throw new ToolError(
      second
        ? `assembling the kernel: the packages hold two, ${kernel?.release} and ${second.release}`
        : 'assembling the kernel: none of the packages holds /boot/vmlinuz-*',
      {
        code: 'KERNEL_PACKAGE_MISSING',
        kind: 'invalid-input',
        hint: 'name one kernel package, such as linux-image-amd64, under "kernel.package"',
      },
    );
  }
  return kernel;
}

function modulePath(path: string, release: string): string | undefined {
  for (const prefix of [`usr/lib/modules/${release}/`, `lib/modules/${release}/`]) {
    if (path.startsWith(prefix)) return path.slice(prefix.length);
  }
  return undefined;
}

function chooseSets(input: KernelInput): ModuleSet[] {
  const { always, platforms } = parseModuleSets(input.moduleSets, input.arch);
  return [
    always,
    ...[...input.platforms].sort().map(name => {
      const set = platforms.get(name);
      if (set) return set;
      throw new ToolError(`choosing kernel modules: there is no platform "${name}"`, {
        code: 'KERNEL_PLATFORM_UNKNOWN',
        kind: 'invalid-input',
        hint: `platforms are ${[...platforms.keys()].sort().join(', ')}`,
      });
    }),
  ];
}

/** The modules with what they depend on, out of modules that are complete in this respect. */
function closeWithin(
  names: ReadonlySet<string>,
  all: ReadonlyMap<string, UnpackedModule>,
): Map<string, UnpackedModule> {
  const chosen = new Map<string, UnpackedModule>();
  const visit = (name: string): void => {
    const module = all.get(name);
    if (!module || chosen.has(name)) return;
    chosen.set(name, module);
    const soft = module.info.softdeps.flatMap(text => text.split(/\s+/).map(moduleName));
    [...module.info.depends, ...soft].forEach(visit);
  };
  names.forEach(visit);
  invariant(chosen.size >= names.size, 'the initrd has no module that the core does not have');
  return chosen;
}

function describe(
  packages: readonly PackageInput[],
  kernel: PackageInput,
  tree: Tree,
  vmlinuzBytes: number,
): AssembledKernel['packages'] {
  const sizes = { kernel: vmlinuzBytes, firmware: 0 };
  for (const entry of tree.entries()) {
    if (entry.kind !== 'file') continue;
    sizes[entry.path.startsWith('usr/lib/firmware/') ? 'firmware' : 'kernel'] += contentSize(entry.content);
  }
  const firmwareOf = new Map<PackageInput, number>();
  for (const deb of packages) {
    const bytes = deb.entries.flatMap(entry => {
      const path = entry.path.replace(/^lib\//, 'usr/lib/');
      const inTree = entry.kind === 'file' && path.startsWith('usr/lib/firmware/') && tree.has(path);
      return inTree ? [contentSize(entry.content)] : [];
    });
    firmwareOf.set(
      deb,
      bytes.reduce((sum, size) => sum + size, 0),
    );
  }
  return sortPackages(packages).map(deb => ({
    name: deb.package.name,
    version: deb.package.version,
    sizeBytes: deb === kernel ? sizes.kernel : (firmwareOf.get(deb) ?? 0),
    skippedScripts: skippedScripts(deb.package.name, deb.scripts),
  }));
}
