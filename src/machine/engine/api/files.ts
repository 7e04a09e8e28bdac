import type { EngineContext } from '../context.ts';
import { openArchive, openExport, statContainerPath } from '../files/archive.ts';
import { type Change, listChanges } from '../files/changes.ts';
import { commitContainer } from '../files/commit.ts';
import { extractToContainer } from '../files/extract.ts';
import type { FileBackend } from '../http/file-handlers.ts';
import { decompressArchive } from '../runtime/decompress.ts';

/** Docker's numbers. */
const KINDS: Readonly<Record<Change['kind'], number>> = { modified: 0, added: 1, deleted: 2 };

/** Files of containers in Docker's words. */
export function fileBackend(context: EngineContext): FileBackend {
  return {
    stat: (nameOrId, path) => statContainerPath(context, nameOrId, path),
    archive: (nameOrId, path) => openArchive(context, nameOrId, path),
    extract: (nameOrId, path, options, archive) =>
      extractToContainer(
        context,
        nameOrId,
        path,
        options,
        decompressArchive(archive, context.config.programs.busybox),
      ),
    changes: async nameOrId =>
      (await listChanges(context, nameOrId)).map(({ kind, path }) => ({ Path: path, Kind: KINDS[kind] })),
    export: nameOrId => openExport(context, nameOrId),
    commit: (nameOrId, options, signal) => commitContainer(context, nameOrId, options, signal),
  };
}
