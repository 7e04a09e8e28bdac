import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../../shared/errors.ts';
import { readSmallFile } from '../settings/small-file.ts';
import { type HookFile, hookFault, parseHookFile } from '../../../shared/oci-hooks/hook-file.ts';

/**
 * Reads the hooks of the machine, in the order in which they are run: by the names of their files, in lower case. Of
 * files of one name that in the last folder counts. Throws OCI_HOOK_INVALID for a file that is faulty, or names a program that is not there.
 */
export async function loadHooks(folders: readonly string[]): Promise<HookFile[]> {
  const paths = new Map<string, string>();
  for (const folder of folders) {
    for (const name of await list(folder)) if (name.endsWith('.json')) paths.set(name, join(folder, name));
  }
  const names = [...paths.keys()].sort((a, b) => {
    const [first, second] = [a.toLowerCase(), b.toLowerCase()];
    return first < second ? -1 : first > second ? 1 : a < b ? -1 : 1;
  });
  const files: HookFile[] = [];
  for (const name of names) {
    const path = paths.get(name) ?? '';
    const read = await readSmallFile(path);
    if (read === undefined) continue;
    const file = parseHookFile(read.text, path);
    // What is run in the container's start is looked for in the container.
    if (file.stages.some(stage => stage !== 'startContainer')) {
      await stat(file.hook.path).catch((cause: unknown) => {
        throw hookFault(path, `there is no ${file.hook.path}`, cause);
      });
    }
    files.push(file);
  }
  return files;
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}
