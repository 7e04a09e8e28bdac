import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Content, FileEntry } from '../../../shared/archive/entry.ts';
import { canonicalJson } from '../../../shared/digest.ts';
import { ContentReader } from '../../../shared/fs/content-reader.ts';
import { resultKey } from '../../store/store.ts';
import type { Compression } from '../../unpack/decompress.ts';
import { DecompressPool } from '../../unpack/decompress-pool.ts';
import type { ResultCache } from '../inputs.ts';
import { type ModuleInfo, parseModuleInfo } from './modinfo.ts';
import { type ModuleCatalog, closeOverDependencies } from './select-modules.ts';

export interface UnpackedModule {
  readonly info: ModuleInfo;
  /** The module as the kernel loads it: its signature stands behind the ELF file and stays. */
  readonly content: Content;
}

export interface UnpackModulesInput {
  readonly names: ReadonlySet<string>;
  readonly catalog: ModuleCatalog;
  /** By module name: the packed file. */
  readonly files: ReadonlyMap<string, FileEntry>;
  /** sha256 of the kernel package, which with the names decides the result. */
  readonly packageSha256: string;
  readonly store: ResultCache;
  readonly signal?: AbortSignal | undefined;
}

/** Changes when what is kept of unpacked modules changes. */
const FORMAT = 1;
const MAX_MODULE_BYTES = 256 * 1024 ** 2;

/**
 * Unpacks modules and all that they depend on, once for each set of names: the result is kept in the
 * store. By module name. Errors: KERNEL_MODULE_UNKNOWN, DECOMPRESS_FAILED, ELF_MALFORMED,
 * and the signal's reason.
 */
export async function unpackModules(input: UnpackModulesInput): Promise<Map<string, UnpackedModule>> {
  const key = resultKey('kernel-modules', {
    format: FORMAT,
    kernel: input.packageSha256,
    names: [...input.names].sort(),
  });
  const { path } = await input.store.result(key, folder => unpackInto(folder, input));
  const infos = JSON.parse(await readFile(join(path, 'modinfo.json'), 'utf8')) as ModuleInfo[];
  const modules = await Promise.all(
    infos.map(async (info): Promise<[string, UnpackedModule]> => {
      const file = join(path, `${info.name}.ko`);
      const { size } = await stat(file);
      return [info.name, { info, content: { kind: 'slice', file, offset: 0, size } }];
    }),
  );
  return new Map(modules);
}

async function unpackInto(folder: string, input: UnpackModulesInput): Promise<void> {
  await mkdir(folder);
  await using pool = new DecompressPool(Math.min(4, availableParallelism()));
  using reader = new ContentReader();
  const load = async (names: readonly string[]): Promise<ReadonlyMap<string, ModuleInfo>> => {
    const loaded = await Promise.all(
      names.map(async (name): Promise<[string, ModuleInfo]> => {
        const output = join(folder, `${name}.ko`);
        const entry = input.files.get(name);
        if (!entry) throw new Error(`invariant violated: module ${name} has a file`);
        if (entry.content.kind === 'slice') {
          await pool.run(
            {
              name: entry.path,
              input: entry.content.file,
              offset: entry.content.offset,
              sizeBytes: entry.content.size,
              compression: compressionOf(entry.path),
              output,
              maxBytes: MAX_MODULE_BYTES,
            },
            input.signal,
          );
        } else await writeFile(output, reader.readAll(entry.content));
        return [name, parseModuleInfo(await readFile(output), entry.path)];
      }),
    );
    return new Map(loaded);
  };
  const infos = await closeOverDependencies(input.names, input.catalog, load);
  const sorted = [...infos.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  await writeFile(join(folder, 'modinfo.json'), canonicalJson(sorted), { flush: true });
}

function compressionOf(path: string): Compression {
  if (path.endsWith('.xz')) return 'xz';
  if (path.endsWith('.zst')) return 'zstd';
  return path.endsWith('.gz') ? 'gzip' : 'none';
}
