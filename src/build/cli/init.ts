import { writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ToolError, isSystemError } from '../../shared/errors.ts';
import { makeFolders } from '../../shared/fs/make-folders.ts';
import { quoteShellWord } from '../../shared/shell-word.ts';
import type { CommandContext } from './context.ts';
import { starterManifest } from './starter-manifest.ts';

/** A word as a POSIX shell reads it. */
function shellWord(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : quoteShellWord(word);
}

/** `slipway init`: writes slipway.yml into a folder; one that is there is left alone. */
export async function initCommand(context: CommandContext, { dir }: { dir: string }): Promise<number> {
  const folder = resolve(context.workingDirectory, dir);
  const path = join(folder, 'slipway.yml');
  await makeFolders(folder);
  try {
    await writeFile(path, starterManifest(basename(folder)), { flag: 'wx' });
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
    throw new ToolError(`writing ${path}: there is one already`, {
      code: 'MANIFEST_EXISTS',
      kind: 'conflict',
      hint: 'edit it, or name another folder',
    });
  }
  context.endReport();
  context.stdout.write(`${path}\n`);
  context.stderr.write(`next: ${dir === '.' ? '' : `cd ${shellWord(dir)} && `}slipway run\n`);
  return 0;
}
