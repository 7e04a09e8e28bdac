import { ContentReader } from '../../../shared/fs/content-reader.ts';
import { hookFault, parseHookFile } from '../../../shared/oci-hooks/hook-file.ts';
import { CORE } from '../../../shared/paths.ts';
import type { Tree } from '../../tree/tree.ts';

/** Where a machine may get programs from that are not in its image. */
const ELSEWHERE = /^\/(run|state|tmp|var)\//;

/**
 * Throws OCI_HOOK_INVALID for a file of an OCI hook that is faulty, or whose program the image does not have: on the
 * machine it would keep every container from its start.
 */
export function checkHooks(tree: Tree): void {
  using reader = new ContentReader();
  for (const folder of CORE.hooks) {
    for (const { path } of tree.below(folder.slice(1))) {
      const entry = tree.lookup(path);
      const isDirect = !path.slice(folder.length).includes('/');
      if (!isDirect || !path.endsWith('.json') || entry?.kind !== 'file') continue;
      const file = parseHookFile(Buffer.from(reader.readAll(entry.content)).toString(), `/${path}`);
      const program = file.hook.path;
      const isOurs = file.stages.some(stage => stage !== 'startContainer') && !ELSEWHERE.test(program);
      const found = tree.lookup(program.slice(1));
      if (isOurs && found === undefined)
        throw hookFault(
          `/${path}`,
          `there is no ${program} in the image: add it with "files:" of the manifest`,
        );
      if (isOurs && found?.kind === 'file' && (found.mode & 0o111) === 0)
        throw hookFault(`/${path}`, `${program} is not executable: give it the mode "0755"`);
    }
  }
}
