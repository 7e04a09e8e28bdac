import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Writes a small file so that a reader sees the old text or the new one, never a part. Parents are made.
 *
 * @param options.durable also survives a power cut; needless on a tmpfs
 */
export function saveFile(
  file: string,
  text: string,
  options: { readonly mode?: number; readonly durable?: boolean } = {},
): void {
  const temporary = `${file}.new`;
  mkdirSync(dirname(file), { recursive: true });
  const handle = openSync(temporary, 'w', options.mode ?? 0o600);
  try {
    try {
      writeFileSync(handle, text);
      if (options.durable === true) fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, file);
  } catch (error) {
    // What was written so far takes the room that the next try needs.
    rmSync(temporary, { force: true });
    throw error;
  }
  if (options.durable !== true) return;
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
