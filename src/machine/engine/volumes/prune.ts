import { messageOf } from '../../../shared/errors.ts';
import type { EngineContext } from '../context.ts';
import { removeVolume } from './remove.ts';
import { measureVolume } from './usage.ts';
import { publishVolumeEvent } from './volume-events.ts';
import type { Volume } from './volume-table.ts';
import { isInUse } from './volume-users.ts';

export interface PruneResult {
  readonly names: readonly string[];
  readonly reclaimedBytes: number;
}

/**
 * Removes the volumes that no container has and that `isWanted` takes. Those with options stay: what is
 * in them lies elsewhere.
 */
export async function pruneVolumes(
  context: EngineContext,
  isWanted: (volume: Volume) => boolean,
): Promise<PruneResult> {
  const names: string[] = [];
  let reclaimedBytes = 0;
  for (const volume of context.volumes.all()) {
    const { name, options } = volume.record;
    if (Object.keys(options).length > 0 || isInUse(context, name) || !isWanted(volume)) continue;
    try {
      const sizeBytes = await measureVolume(volume);
      await removeVolume(context, name, false);
      names.push(name);
      reclaimedBytes += sizeBytes;
    } catch (error) {
      // Somebody else has removed it meanwhile, or come to use it.
      if (context.volumes.find(name) === undefined || isInUse(context, name)) continue;
      context.log.warning('a volume could not be removed', { volume: name, reason: messageOf(error) });
    }
  }
  publishVolumeEvent(context, 'prune', '', { reclaimed: String(reclaimedBytes) });
  return { names, reclaimedBytes };
}
