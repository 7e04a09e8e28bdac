import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ToolError, isSystemError, messageOf } from '../../../shared/errors.ts';

/** Records are small; anything larger did not come from here. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Writes a value as JSON so that a reader sees the old text or the new one, never a part.
 * @param durable also survives a power cut; needless on a tmpfs
 * @param onWritten called when the new text is written, before it takes the old one's place
 */
export async function saveJson(
  file: string,
  value: unknown,
  durable: boolean,
  onWritten: () => void = () => undefined,
): Promise<void> {
  const temporary = `${file}.new`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(value)}\n`);
    if (durable) await handle.sync();
  } finally {
    await handle.close();
  }
  onWritten();
  await rename(temporary, file);
  if (durable) await syncFolder(dirname(file));
}

/** Reads a JSON file; undefined when there is none. Throws RECORD_MALFORMED (kind integrity). */
export async function loadJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
  try {
    if (text.length > MAX_BYTES) throw new Error('it is larger than 4 MiB');
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ToolError(`reading ${file}: ${messageOf(cause)}`, {
      code: 'RECORD_MALFORMED',
      kind: 'integrity',
      cause,
    });
  }
}

/** Makes renames in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
