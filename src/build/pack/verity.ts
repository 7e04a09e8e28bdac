import { copyFile, open, stat, truncate } from 'node:fs/promises';
import type { FileSystemRecord } from '../../shared/file-system-table.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import { VERITY_BLOCK_BYTES, appendVerityTree } from '../tools/veritysetup.ts';
import { hashFile } from './checksums.ts';
import { derivedHex, derivedUuid } from './derived-id.ts';
import { publishFile } from './publish.ts';

export interface PackVerityOptions {
  readonly name: string;
  readonly required: boolean;
  /** The file system's file without hash tree; it is left as it is. */
  readonly input: string;
  /** The file to make: data, then the hash tree. */
  readonly output: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Appends a dm-verity hash tree to a file system. Salt and UUID are derived from the content, so that
 * equal file systems give equal bytes, and different ones give trees that share no hashes.
 */
export async function packVerity(toolbox: Toolbox, options: PackVerityOptions): Promise<FileSystemRecord> {
  const { name, required, input, output, signal } = options;
  const content = await hashFile(input, signal);
  const salt = derivedHex(32, 'verity-salt', content.sha256);
  const uuid = derivedUuid('verity', content.sha256);
  const dataBlocks = Math.ceil(content.sizeBytes / VERITY_BLOCK_BYTES);
  return publishFile(output, async ({ file }) => {
    await copyFile(input, file);
    await truncate(file, dataBlocks * VERITY_BLOCK_BYTES);
    const { rootHash } = await appendVerityTree(toolbox, file, { dataBlocks, salt, uuid }, { signal });
    await padToBlock(file);
    const { sha256, sizeBytes } = await hashFile(file, signal);
    return { name, required, sizeBytes, sha256, rootHash, salt, dataBlocks };
  });
}

/** A loop device of the file must not lose its last block. */
async function padToBlock(file: string): Promise<void> {
  const { size } = await stat(file);
  const handle = await open(file, 'r+');
  try {
    await handle.truncate(Math.ceil(size / VERITY_BLOCK_BYTES) * VERITY_BLOCK_BYTES);
  } finally {
    await handle.close();
  }
}
