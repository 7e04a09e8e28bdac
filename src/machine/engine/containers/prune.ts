import { messageOf } from '../../../shared/errors.ts';
import type { EngineContext } from '../context.ts';
import { Place } from '../../host/place.ts';
import { measureFolder } from '../volumes/usage.ts';
import { type ContainerRecord, isAtRest } from '../store/container-record.ts';
import { removeNow } from './remove.ts';

export interface PrunedContainers {
  readonly ids: readonly string[];
  readonly reclaimedBytes: number;
}

/**
 * Removes the containers that do not run and that `isWanted` takes. Services stay: they belong to the image,
 * and one that has done its work is known by its container.
 */
export async function pruneContainers(
  context: EngineContext,
  isWanted: (record: ContainerRecord) => boolean,
): Promise<PrunedContainers> {
  const ids: string[] = [];
  let reclaimedBytes = 0;
  for (const { id } of context.table.all()) {
    await context.queue.run(id, async () => {
      const record = context.table.find(id);
      if (record === undefined || record.request.Slipway !== undefined) return;
      if (!isAtRest(record) || !isWanted(record)) return;
      try {
        const bytes = await measureUpper(context, record);
        await removeNow(context, id, false);
        ids.push(id);
        reclaimedBytes += bytes;
      } catch (error) {
        context.log.warning('a container could not be removed', {
          container: record.name,
          reason: messageOf(error),
        });
      }
    });
  }
  context.history.publish({
    type: 'container',
    action: 'prune',
    id: '',
    attributes: { reclaimed: String(reclaimedBytes) },
    timeMs: context.clock(),
  });
  return { ids, reclaimedBytes };
}

/** Bytes of what a container has written into its own layer. */
export async function measureUpper(context: EngineContext, record: ContainerRecord): Promise<number> {
  try {
    await using folder = await Place.open(context.table.paths(record.id).upper);
    return await measureFolder(folder, new Set());
  } catch {
    // It has none before it is first started.
    return 0;
  }
}
