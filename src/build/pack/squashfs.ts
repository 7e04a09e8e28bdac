import type { Arch } from '../../shared/arch.ts';
import { writeTar } from '../../shared/archive/tar.ts';
import { runSqfstar } from '../tools/sqfstar.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import type { Tree } from '../tree/tree.ts';
import { publishFile } from './publish.ts';

export interface PackSquashfsOptions {
  readonly compression: 'zstd' | 'xz';
  /** The file to make. */
  readonly output: string;
  /** Of the programs in the tree; lets xz filter their instructions. */
  readonly arch?: Arch;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Settings by measurement (iso/README.md has the table). zstd builds fast and reads fast at boot: larger
 * blocks or a higher level cost a multiple of the time for a few percent. xz is for the smallest image,
 * with the filter for the architecture's instructions; its blocks are no larger, because a machine with little memory
 * unpacks a whole one again and again for a single page.
 */
const ZSTD = { compression: 'zstd', blockBytes: 256 * 1024, level: 15 } as const;
const XZ = { compression: 'xz', blockBytes: 256 * 1024 } as const;

/**
 * Packs a tree as a squashfs file: owners, devices, hard links and extended attributes as they stand in
 * the tree. The length is a multiple of 4096 bytes.
 */
export async function packSquashfs(
  toolbox: Toolbox,
  tree: Tree,
  { compression, output, arch, signal }: PackSquashfsOptions,
): Promise<void> {
  const root = tree.get('') ?? { mode: 0o755, uid: 0, gid: 0 };
  const settings =
    compression === 'zstd' ? ZSTD : { ...XZ, ...(arch === 'amd64' ? { filter: 'x86' as const } : {}) };
  // sqfstar skips an entry for the root with a warning; its attributes go by options.
  const entries = tree.entries().filter(entry => entry.path !== '');
  await publishFile(output, ({ file }) =>
    runSqfstar(toolbox, writeTar(entries), file, { ...settings, root }, { signal }),
  );
}
