/**
 * The build, from a locked project to artifacts, as a table of contents:
 * fetch -> assemble (no network, root, clock or tools) -> pack (the only stage that runs tools).
 */
import { copyFile, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Content, bytesContent } from '../shared/archive/entry.ts';
import type { Arch } from '../shared/arch.ts';
import { type Digest, canonicalJson, digestOf, hexOf } from '../shared/digest.ts';
import type { EmitEvent } from '../shared/events.ts';
import type { FileSystemRecord } from '../shared/file-system-table.ts';
import { readContent } from '../shared/fs/content-reader.ts';
import { makeFolders } from '../shared/fs/make-folders.ts';
import { kernelCommandLine } from '../shared/manifest/index.ts';
import { ArtifactCache } from './artifact-cache.ts';
import { assembleCore } from './assemble/core.ts';
import { assembleImageStore } from './assemble/image-store.ts';
import type { ResultCache } from './assemble/inputs.ts';
import { assembleFileSystemsInMemory, assembleIdentity, assembleInitrd } from './assemble/initrd.ts';
import { assembleKernel } from './assemble/kernel.ts';
import { makeNodeRuntime } from './bundle/node-runtime.ts';
import { collectImages, collectInitLayers } from './collect-images.ts';
import { type BuildRecord, recordBuild } from './inspect/build-record.ts';
import type { Lock } from './lock/lock.ts';
import type { LockedInputs } from './locked-inputs.ts';
import { collectFiles, describeMachine } from './machine-description.ts';
import { artifactNames, volumeId } from './pack/artifact-names.ts';
import { hashFile, packChecksums } from './pack/checksums.ts';
import { packInitrd } from './pack/initrd.ts';
import { packIso } from './pack/iso.ts';
import { outputError, publishFile } from './pack/publish.ts';
import { packSquashfs } from './pack/squashfs.ts';
import { packVerity } from './pack/verity.ts';
import type { Project } from './project.ts';
import { digestFolder } from './recipe-folder.ts';
import { type ResultEntry, type Store, resultKey } from './store/store.ts';
import { runTargetProgram } from './tools/run-target-program.ts';
import { type Toolbox, openToolbox } from './tools/toolbox.ts';
import { digestTree } from './tree/digest-tree.ts';
import { unpackLoaders } from './tools/unpack-tools.ts';

/** Changes when what is kept of a step in the store would be made in another way. */
const FORMAT = 1;

export type Format = 'iso' | 'kernel+initrd';
export const FORMATS: readonly Format[] = ['iso', 'kernel+initrd'];

export interface BuildOptions {
  readonly project: Project;
  readonly lock: Lock;
  readonly inputs: LockedInputs;
  readonly formats: readonly Format[];
  /** Absolute path of the folder for the artifacts; made if it is not there. */
  readonly output: string;
  readonly packageRoot: string;
  readonly slipwayVersion: string;
  readonly arch: Arch;
  readonly hostArch: Arch;
  readonly store: Store;
  /** Called when everything that the lock names for these formats is in the store; may be called twice. */
  readonly onFetched: () => Promise<unknown>;
  readonly emit: EmitEvent;
  readonly signal: AbortSignal;
}

export interface Artifact {
  readonly kind: 'iso' | 'kernel' | 'initrd' | 'cmdline' | 'record';
  readonly path: string;
  readonly sizeBytes: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

export interface BuildResult {
  readonly record: BuildRecord;
  readonly artifacts: readonly Artifact[];
  /** All artifacts stood there already. */
  readonly unchanged: boolean;
}

/** Everything of an image but its loader: a folder of the store. */
interface System {
  readonly record: BuildRecord;
  readonly table: readonly FileSystemRecord[];
  readonly kernel: string;
  readonly initrd: string;
  readonly fileSystems: readonly { readonly name: string; readonly file: string }[];
}

/**
 * Builds the artifacts of a resolved project. Each is renamed into place when it is whole. Equal
 * project, lock and Slipway give equal bytes.
 *
 * Errors: those of fetching (FETCH_*, NODE_*), of assembling and of packing (TOOL_*), and of the disk.
 */
export async function build(options: BuildOptions): Promise<BuildResult> {
  const key = await digestInputs(options);
  const system = await buildSystem(key, options);
  const result = await packArtifacts(key, system, options);
  await options.onFetched(); // where nothing had to be fetched
  return result;
}

/** What decides over the artifacts' bytes: the project, its lock, and Slipway's own code and data. */
async function digestInputs(options: BuildOptions): Promise<Digest> {
  const { project, lock, arch, hostArch, packageRoot, slipwayVersion } = options;
  const own = ['dist/build', 'dist/machine', 'init', 'iso', 'kernel'];
  const target = lock.architectures[arch];
  return digestOf(
    canonicalJson({
      slipwayVersion,
      manifest: project.manifestDigest,
      recipes: [...project.recipes].map(([name, { digest }]) => [name, digest]),
      files: (await collectFiles(project, lock.epoch)).digest,
      epoch: lock.epoch,
      target,
      tools: lock.tools[hostArch]?.sets.pack,
      slipway: await Promise.all(own.map(folder => digestFolder(join(packageRoot, folder)))),
      arch,
    }),
  );
}

/** The kernel, the initrd and the file systems, from the store if they were made before. */
async function buildSystem(key: Digest, options: BuildOptions): Promise<System> {
  const startedMs = performance.now();
  const { path, cached } = await options.store.result(resultKey('system', { key }), folder =>
    makeSystem(folder, options),
  );
  if (cached) {
    const durationMs = performance.now() - startedMs;
    options.emit({ type: 'stage-end', stage: 'assemble', durationMs, cached });
  }
  const { record, table } = JSON.parse(await readFile(join(path, 'system.json'), 'utf8')) as Pick<
    System,
    'record' | 'table'
  >;
  return {
    record,
    table,
    kernel: join(path, 'vmlinuz'),
    initrd: join(path, 'initrd'),
    fileSystems: table.map(({ name }) => ({ name, file: join(path, `${name}.sqfs`) })),
  };
}

async function makeSystem(folder: string, options: BuildOptions): Promise<void> {
  const { project, lock, inputs, arch, emit, signal } = options;
  const { manifest } = project;
  const { epoch } = lock;
  const stage = stages(emit, signal);

  const { packages, nodeArchive } = await stage('fetch', async () => {
    const sets = [
      ...['kernel', 'core', 'initrd', ...(options.formats.includes('iso') ? ['loaders'] : [])],
      ...[...project.recipes.keys()].map(name => `image:${name}`),
    ];
    await inputs.fetchPackages([...sets.flatMap(name => inputs.set(name)), ...inputs.toolSet('pack')]);
    await inputs.unpackTools('pack'); // so that unsigned ones are told before minutes of work
    await inputs.fetchImages(project);
    const node = await inputs.node();
    await options.onFetched();
    return { packages: (name: string) => inputs.read(inputs.set(name)), nodeArchive: node };
  });

  const step = steps('assemble', options);
  const parts = await stage('assemble', async () => {
    const kernel = await step('kernel', async results =>
      assembleKernel({
        packages: await packages('kernel'),
        platforms: manifest.kernel.platforms,
        modules: manifest.kernel.modules,
        moduleSets: await readFile(join(options.packageRoot, 'kernel/modules.yml'), 'utf8'),
        arch,
        epoch,
        store: results,
        signal,
      }),
    );
    const node = await step('runtime', results =>
      makeNodeRuntime({
        ...{ node: inputs.target.node, tarball: nodeArchive, arch, store: results },
        ...(arch === options.hostArch ? { run: runTargetProgram } : {}),
      }),
    );
    const images = await step('images', () => collectImages(project, inputs, { arch, epoch }));
    const machine = describeMachine(project, images, {
      arch,
      epoch,
      kernelRelease: kernel.release,
      slipwayVersion: options.slipwayVersion,
      emit,
    });
    const core = await step('core', async () =>
      assembleCore({
        packages: await packages('core'),
        node,
        bundles: await readBundles(join(options.packageRoot, 'dist/machine')),
        initFolder: join(options.packageRoot, 'init'),
        machine,
        kernel,
        imageStore: await assembleImageStore(
          images.map(image => image.input),
          { epoch },
        ),
        initLayers: await collectInitLayers(project, inputs, { arch, epoch }),
        files: (await collectFiles(project, epoch)).entries,
        arch,
        epoch,
      }),
    );
    return { kernel, machine, images, core };
  });

  const pack = steps('pack', options);
  await stage('pack', async () => {
    const { kernel, core, machine, images } = parts;
    await makeFolders(folder).catch((error: unknown) => {
      throw outputError(error, folder);
    });
    const toolbox = await openPackTools(options);
    // By what goes in, so that a change elsewhere does not compress it again.
    const tools = inputs.toolSet('pack').map(pkg => pkg.sha256);
    const { compression } = manifest;
    const bare = await pack('core file system', async results =>
      results.result(
        resultKey('squashfs', {
          format: FORMAT,
          tools,
          epoch,
          arch,
          compression,
          tree: await digestTree(core.tree),
        }),
        output => packSquashfs(toolbox, core.tree, { compression, arch, output, signal }),
      ),
    );
    const record = await pack('core hash tree', () =>
      packVerity(toolbox, {
        name: 'core',
        required: true,
        input: bare.path,
        output: join(folder, 'core.sqfs'),
        signal,
      }),
    );
    const table = [record];
    const initrd = await assembleInitrd({
      packages: await packages('initrd'),
      kernel,
      initFolder: join(options.packageRoot, 'init'),
      arch,
      epoch,
    });
    const identity = { table, rescue: manifest.rescue };
    const buildId = hexOf(
      digestOf(
        canonicalJson({
          ...identity,
          machine,
          kernel: kernel.version,
          programs: await digestTree(initrd.programs),
          commandLine: kernelCommandLine(manifest, arch),
        }),
      ),
    ).slice(0, 16);
    const programs = await pack('initrd', async results =>
      results.result(
        resultKey('initrd', { format: FORMAT, tree: await digestTree(initrd.programs) }),
        output => packInitrd({ segments: [{ tree: initrd.programs, compression: 'zstd' }], output, signal }),
      ),
    );
    await packInitrd({
      base: programs.path,
      segments: [{ tree: assembleIdentity({ ...identity, buildId, epoch }), compression: 'zstd' }],
      output: join(folder, 'initrd'),
      signal,
    });
    await writeFile(join(folder, 'vmlinuz'), readContent(kernel.vmlinuz), { flush: true });
    const system = {
      table,
      record: recordBuild({
        project,
        lock,
        machine,
        arch,
        buildId,
        kernel,
        images,
        corePackages: core.packages,
        initrdPackages: initrd.packages,
        parts: {
          kernel: (await stat(join(folder, 'vmlinuz'))).size,
          initrd: (await stat(join(folder, 'initrd'))).size,
          ...Object.fromEntries(table.map(({ name, sizeBytes }) => [name, sizeBytes])),
        },
      }),
    };
    await writeFile(join(folder, 'system.json'), canonicalJson(system), { flush: true });
  });
}

/** Puts a system on the media that were asked for; what stands there unchanged is left alone. */
async function packArtifacts(key: Digest, system: System, options: BuildOptions): Promise<BuildResult> {
  const { output, signal, arch, inputs } = options;
  const { record, fileSystems } = system;
  const names = artifactNames(record);
  const cache = new ArtifactCache(options.store.root);
  const step = steps('artifacts', options);
  let startedMs: number | undefined;
  const artifacts: Artifact[] = [];
  const put = async (
    kind: Artifact['kind'],
    name: string,
    make: (path: string) => Promise<void>,
  ): Promise<void> => {
    const path = join(output, name);
    const found = await cache.find(path, key);
    if (found) {
      artifacts.push({ kind, path, ...found });
      return;
    }
    if (startedMs === undefined) {
      startedMs = performance.now();
      options.emit({ type: 'stage-start', stage: 'artifacts' });
    }
    await step(name, () => make(path));
    const made = await hashFile(path, signal);
    await cache.save(path, key, made.sha256);
    artifacts.push({ kind, path, ...made });
  };

  if (options.formats.includes('iso')) {
    await put('iso', names.iso, async path => {
      const loaders = inputs.set('loaders');
      await inputs.fetchPackages(loaders);
      await packIso(await openPackTools(options), {
        arch,
        buildId: record.buildId,
        title: `${record.name} ${record.version}`,
        volumeId: volumeId(record),
        commandLine: record.kernel.cmdline,
        kernel: system.kernel,
        initrd: system.initrd,
        fileSystems,
        buildRecord: canonicalJson(record),
        loaders: await unpackLoaders(options.store, loaders, { signal }),
        isoFolder: join(options.packageRoot, 'iso'),
        output: path,
        signal,
      });
    });
  }
  if (options.formats.includes('kernel+initrd')) {
    await put('kernel', names.kernel, path => publishFile(path, ({ file }) => copyFile(system.kernel, file)));
    await put('initrd', names.initrd, path => packInitrdWithFileSystems(system, path, options));
    await put('cmdline', names.commandLine, path =>
      publishFile(path, ({ file }) => writeFile(file, `${record.kernel.cmdline}\n`)),
    );
    await put('record', names.record, path =>
      publishFile(path, ({ file }) => writeFile(file, canonicalJson(record))),
    );
  }
  // Of other formats too, if they stand there from an earlier build of the same.
  const sums: { name: string; sha256: string }[] = [];
  for (const name of [names.iso, names.kernel, names.initrd, names.commandLine, names.record]) {
    const found = await cache.find(join(output, name), key);
    if (found) sums.push({ name, sha256: found.sha256 });
  }
  await packChecksums(join(output, names.checksums), sums);
  if (startedMs !== undefined) {
    const durationMs = performance.now() - startedMs;
    options.emit({ type: 'stage-end', stage: 'artifacts', durationMs });
  }
  return { record, artifacts, unchanged: startedMs === undefined };
}

/** The initrd, and behind it the file systems that it would look for on a medium. */
async function packInitrdWithFileSystems(
  system: System,
  output: string,
  options: BuildOptions,
): Promise<void> {
  const files = new Map<string, { file: string; sizeBytes: number }>();
  for (const { name, file } of system.fileSystems)
    files.set(name, { file, sizeBytes: (await stat(file)).size });
  const tree = assembleFileSystemsInMemory(files, options.lock.epoch);
  await packInitrd({
    base: system.initrd,
    segments: [{ tree, compression: 'none' }],
    output,
    signal: options.signal,
  });
}

async function openPackTools({ inputs, lock, hostArch }: BuildOptions): Promise<Toolbox> {
  const root = await inputs.unpackTools('pack');
  return openToolbox({ root, epoch: lock.epoch, arch: hostArch });
}

function stages(emit: EmitEvent, signal: AbortSignal) {
  return async <T>(stage: string, run: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    emit({ type: 'stage-start', stage });
    const startedMs = performance.now();
    const value = await run();
    emit({ type: 'stage-end', stage, durationMs: performance.now() - startedMs });
    return value;
  };
}

/** Runs and reports a step; it came from the store if all results that it asked for were there. */
function steps(stage: string, { emit, signal, store }: BuildOptions) {
  return async <T>(step: string, run: (results: ResultCache) => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    emit({ type: 'step-start', stage, step });
    const startedMs = performance.now();
    const entries: ResultEntry[] = [];
    const value = await run({
      async result(key, make) {
        const entry = await store.result(key, make);
        entries.push(entry);
        return entry;
      },
    });
    const cached = entries.length > 0 && entries.every(entry => entry.cached);
    emit({ type: 'step-end', stage, step, durationMs: performance.now() - startedMs, cached });
    return value;
  };
}

/** The machine's programs as the package brings them, by file name. */
async function readBundles(folder: string): Promise<Map<string, Content>> {
  const names = (await readdir(folder)).filter(name => name.endsWith('.cjs')).sort();
  const bundles = new Map<string, Content>();
  for (const name of names) bundles.set(name, bytesContent(await readFile(join(folder, name))));
  return bundles;
}
