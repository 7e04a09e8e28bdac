import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { publishFile } from './publish.ts';

export interface FileHash {
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Hash and length of a file. */
export async function hashFile(file: string, signal?: AbortSignal): Promise<FileHash> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const pieces = createReadStream(file, { highWaterMark: 1024 * 1024, ...(signal ? { signal } : {}) });
  for await (const piece of pieces as AsyncIterable<Buffer>) {
    hash.update(piece);
    sizeBytes += piece.length;
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}

/** SHA256SUMS as sha256sum(1) reads it, sorted by name. Names hold no folder. */
export function formatChecksums(
  files: readonly { readonly name: string; readonly sha256: string }[],
): string {
  return [...files]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, sha256 }) => `${sha256}  ${name}\n`)
    .join('');
}

/** Writes SHA256SUMS at `output`. */
export async function packChecksums(
  output: string,
  files: readonly { readonly name: string; readonly sha256: string }[],
): Promise<void> {
  await publishFile(output, ({ file }) => writeFile(file, formatChecksums(files)));
}
