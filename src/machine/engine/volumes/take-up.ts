import { messageOf } from '../../../shared/errors.ts';
import type { EngineContext } from '../context.ts';
import { releaseVolume, settleVolume } from './mount.ts';
import { removePending } from './remove.ts';
import type { Volume } from './volume-table.ts';
import { usersOf } from './volume-users.ts';

/**
 * Takes up volumes of an earlier engine or boot, after the containers' records have been read: those that
 * were made for a container that never came to be are taken away, and mounts that no running container
 * needs are undone. A fault of one volume is logged.
 */
export async function takeUpVolumes(context: EngineContext, volumes: readonly Volume[]): Promise<void> {
  for (const { record } of volumes) {
    try {
      await removePending(context, record.name);
      if (usersOf(context, record.name).length > 0) await settleVolume(context, record.name);
      await releaseVolume(context, record.name);
    } catch (error) {
      context.log.error('a volume could not be taken up again', {
        volume: record.name,
        reason: messageOf(error),
      });
    }
  }
}
