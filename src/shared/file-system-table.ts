import { ToolError } from './errors.ts';

/**
 * One read-only file system that the early script mounts through dm-verity. The hash tree stands behind
 * the data in the same file: hash superblock at `dataBlocks`, tree from the block after it.
 */
export interface FileSystemRecord {
  readonly name: string;
  readonly required: boolean;
  /** Length of the whole file, hash tree included. */
  readonly sizeBytes: number;
  /** Of the whole file, 64 hexadecimal digits. */
  readonly sha256: string;
  /** dm-verity root hash, 64 hexadecimal digits. */
  readonly rootHash: string;
  readonly salt: string;
  /** Data blocks of 4096 bytes. */
  readonly dataBlocks: number;
}

const LINE =
  /^([a-z0-9][a-z0-9-]*) (required|optional) (\d+) ([0-9a-f]{64}) ([0-9a-f]{64}) ([0-9a-f]{64}) (\d+)$/;

/** The table as the early script reads it with `read`: one line a file system, fields split by one blank. */
export function formatFileSystemTable(records: readonly FileSystemRecord[]): string {
  return records
    .map(
      r =>
        `${r.name} ${r.required ? 'required' : 'optional'} ${r.sizeBytes} ${r.sha256} ${r.rootHash} ${r.salt} ${r.dataBlocks}\n`,
    )
    .join('');
}

/** Reads a table back; throws FS_TABLE_MALFORMED. */
export function parseFileSystemTable(text: string): FileSystemRecord[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const [, name, need, size, sha256, rootHash, salt, blocks] = LINE.exec(line) ?? [];
      if (!name || !sha256 || !rootHash || !salt) {
        throw new ToolError(`malformed line in the file system table: "${line.slice(0, 80)}"`, {
          code: 'FS_TABLE_MALFORMED',
          kind: 'integrity',
        });
      }
      return {
        name,
        required: need === 'required',
        sizeBytes: Number(size),
        sha256,
        rootHash,
        salt,
        dataBlocks: Number(blocks),
      };
    });
}
