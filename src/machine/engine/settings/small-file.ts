import { open } from 'node:fs/promises';
import { ToolError, isSystemError } from '../../../shared/errors.ts';

/** What a person writes by hand is far below this. */
const MAX_BYTES = 1024 * 1024;

/** A file that a person wrote and its permissions. */
export interface SmallFile {
  readonly text: string;
  readonly mode: number;
}

/** A whole small file; undefined where there is none. Throws ENGINE_SETTINGS_INVALID for one that is none, I/O errors. */
export async function readSmallFile(path: string): Promise<SmallFile | undefined> {
  try {
    await using file = await open(path, 'r');
    const { mode, size } = await file.stat();
    if (size > MAX_BYTES) {
      throw new ToolError(`${path}: is larger than 1 MiB`, {
        code: 'ENGINE_SETTINGS_INVALID',
        kind: 'invalid-input',
      });
    }
    return { text: await file.readFile('utf8'), mode };
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
