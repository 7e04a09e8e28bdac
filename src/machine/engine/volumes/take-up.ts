import { messageOf } from '../../../shared/errors.ts';
import type { EngineContext } from '../context.ts';
import { releaseVolume } from './mount.ts';
import { removeVolume } from './remove.ts';
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
      if (record.pending && usersOf(context, record.name).length === 0) {
        await removeVolume(context, record.name, true);
        continue;
      }
      if (record.pending) await context.volumes.update(record.name, { pending: false });
      await releaseVolume(context, record.name);
    } catch (error) {
      context.log.error('a volume could not be taken up again', {
        volume: record.name,
        reason: messageOf(error),
      });
    }
  }
}
