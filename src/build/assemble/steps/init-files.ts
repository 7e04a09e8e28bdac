import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError, isSystemError } from '../../../shared/errors.ts';
import type { Tree } from '../../tree/tree.ts';

interface InitFile {
  readonly source: string;
  readonly path: string;
  readonly mode: number;
}

/** Places of the files of init/ in the core, as init/README.md has them. */
export const CORE_INIT_FILES: readonly InitFile[] = [
  { source: 'inittab', path: 'etc/inittab', mode: 0o644 },
  ...['rc', 'supervise', 'rescue-console', 'shutdown', 'run-node', 'notify-listener'].map(source => ({
    source,
    path: `usr/lib/slipway/${source}`,
    mode: 0o755,
  })),
  { source: 'system-docker', path: 'usr/bin/system-docker', mode: 0o755 },
  { source: 'ros', path: 'usr/bin/ros', mode: 0o755 },
  { source: 'power', path: 'usr/bin/poweroff', mode: 0o755 },
  { source: 'power', path: 'usr/bin/reboot', mode: 0o755 },
  { source: 'power', path: 'usr/bin/halt', mode: 0o755 },
  { source: 'acpi-power', path: 'etc/acpi/PWRF/00000080', mode: 0o755 },
];

/** Places of the files of init/ in the initrd. */
export const INITRD_INIT_FILES: readonly InitFile[] = [
  { source: 'early', path: 'init', mode: 0o755 },
  { source: 'find', path: 'slipway/find', mode: 0o644 },
];

/** Puts scripts of init/ into a tree. Throws INIT_FILE_MISSING. */
export async function putInitFiles(tree: Tree, folder: string, files: readonly InitFile[]): Promise<void> {
  for (const { source, path, mode } of files) {
    try {
      tree.file(path, await readFile(join(folder, source)), { mode });
    } catch (error) {
      if (!isSystemError(error, 'ENOENT')) throw error;
      throw new ToolError(`reading ${join(folder, source)}: there is no such file`, {
        code: 'INIT_FILE_MISSING',
        kind: 'environment',
        hint: 'this installation of Slipway is incomplete: install it again',
        cause: error,
      });
    }
  }
}
