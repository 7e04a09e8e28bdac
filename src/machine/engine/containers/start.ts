import { messageOf } from '../../../shared/errors.ts';
import type { EngineContext } from '../context.ts';
import { conflict, notModified } from '../docker-errors.ts';
import { launch } from './launch.ts';
import { removeNow } from './remove.ts';

/**
 * Starts a container; resolves once its process runs. Throws CONTAINER_UNCHANGED when it does already,
 * CONTAINER_START_FAILED with the reason when it can't be started.
 */
export async function startContainer(context: EngineContext, nameOrId: string): Promise<void> {
  const { id } = context.table.resolve(nameOrId);
  await context.queue.run(id, async () => {
    const { state } = context.table.get(id);
    if (state.status === 'running') throw notModified(`container ${id} is already running`);
    if (state.status === 'paused') throw conflict('cannot start a paused container, try unpause instead');
    try {
      await launch(context, id, { stopRequested: false, streak: 0, restartCount: 0 });
    } catch (error) {
      if (context.table.get(id).request.HostConfig?.AutoRemove === true) await tryRemove(context, id);
      throw error;
    } finally {
      // A restart that was due is, where this start could not even be begun.
      if (context.table.find(id)?.state.status !== 'restarting') context.timers.cancel(id);
    }
  });
}

/** Why it could not be started is what is worth telling. */
async function tryRemove(context: EngineContext, id: string): Promise<void> {
  try {
    await removeNow(context, id, true);
  } catch (error) {
    context.log.warning('a container could not be removed', { container: id, reason: messageOf(error) });
  }
}
