import { ToolError, isSystemError, messageOf } from '../../../shared/errors.ts';
import { unmountAll } from '../../host/mounts.ts';
import type { EngineContext } from '../context.ts';
import { volumeInUse } from '../docker-errors.ts';
import { publishVolumeEvent } from './volume-events.ts';
import { isInUse, usersOf, volumeKey } from './volume-users.ts';

/**
 * Removes a volume that no container has, with everything in it. Throws VOLUME_IN_USE, and
 * VOLUME_NOT_FOUND unless it is forced.
 */
export async function removeVolume(context: EngineContext, name: string, force: boolean): Promise<void> {
  try {
    await context.queue.run(volumeKey(name), () => deleteVolume(context, name));
  } catch (error) {
    if (!(force && error instanceof ToolError && error.code === 'VOLUME_NOT_FOUND')) throw error;
  }
}

/** Removes a volume that was made for a container which never came to be, unless somebody else has it by now. */
export async function removePending(context: EngineContext, name: string): Promise<void> {
  await context.queue.run(volumeKey(name), async () => {
    const isPending = context.volumes.find(name)?.record.pending === true;
    if (isPending && !isInUse(context, name)) await deleteVolume(context, name);
  });
}

/**
 * Prepares the removal of a container's anonymous volumes together with it: whatever happens next, they do
 * not outlast it. Answers their names for `removeAnonymous`.
 */
export async function markAnonymous(context: EngineContext, names: readonly string[]): Promise<string[]> {
  const anonymous = names.filter(name => context.volumes.find(name)?.record.anonymous === true);
  for (const name of anonymous) {
    try {
      await context.queue.run(volumeKey(name), () => context.volumes.update(name, { pending: true }));
    } catch (error) {
      // Removing makes the room that the mark would need.
      if (!isSystemError(error, 'ENOSPC', 'EDQUOT')) throw error;
    }
  }
  return anonymous;
}

/** Removes marked volumes of a container that is gone, as far as no other container has them. */
export async function removeAnonymous(context: EngineContext, names: readonly string[]): Promise<void> {
  for (const name of names) {
    try {
      await context.queue.run(volumeKey(name), async () => {
        if (context.volumes.find(name) === undefined) return;
        if (isInUse(context, name)) await context.volumes.update(name, { pending: false });
        else await deleteVolume(context, name);
      });
    } catch (error) {
      // The container is gone all the same; the next start of the engine tries again.
      context.log.warning('an anonymous volume could not be removed', {
        volume: name,
        reason: messageOf(error),
      });
    }
  }
}

async function deleteVolume(context: EngineContext, name: string): Promise<void> {
  const { data } = context.volumes.get(name);
  if (isInUse(context, name)) throw volumeInUse(name, usersOf(context, name));
  // Of a container that was killed together with the engine.
  await unmountAll(context.config.programs.busybox, data);
  await context.volumes.delete(name);
  publishVolumeEvent(context, 'destroy', name, { driver: 'local' });
}
