import { type EngineContext, publish, summaryOf } from '../context.ts';
import { conflict } from '../docker-errors.ts';
import { clearRuntime } from './clear-runtime.ts';
import { forgetExit } from './forget-exit.ts';
import { killAndWait } from './stop.ts';
import { markAnonymous, removeAnonymous } from '../volumes/remove.ts';
import { volumesOf } from '../volumes/volume-users.ts';

/**
 * Removes a container with its upper layer and log, and on request the volumes that were made for it without a
 * name. One that runs has to be forced.
 * Throws CONTAINER_STATE_CONFLICT, CONTAINER_WONT_DIE.
 */
export async function removeContainer(
  context: EngineContext,
  nameOrId: string,
  force: boolean,
  withVolumes = false,
): Promise<void> {
  const { id } = context.table.resolve(nameOrId);
  const record = await context.queue.run(id, async () => {
    const record = context.table.get(id);
    const { status } = record.state;
    if (status === 'created' || status === 'exited') return record;
    if (!force) {
      throw conflict(
        `cannot remove container "/${record.name}": container is ${status}: stop the container before removing or force remove`,
      );
    }
    context.timers.cancel(id);
    return context.table.update(id, { stopRequested: true });
  });
  await killAndWait(context, record);
  await context.queue.run(id, async () => {
    // Removed by itself (AutoRemove) or by someone else meanwhile.
    if (context.table.all().every(other => other.id !== id)) return;
    await removeNow(context, id, withVolumes);
  });
}

/** Removes a container that does not run, inside its place in the queue. */
export async function removeNow(context: EngineContext, id: string, withVolumes: boolean): Promise<void> {
  context.timers.cancel(id);
  context.monitors.release(id);
  context.logs.release(id);
  context.health.forget(id);
  context.roots.revoke(id);
  context.step('remove: clear away');
  await clearRuntime(context, id);
  // Of a start that was cut off.
  await forgetExit(context, id);
  const summary = summaryOf(context, id);
  const record = context.table.get(id);
  // Nobody ever removes those of a service by hand.
  context.step('remove: mark volumes');
  const anonymous =
    withVolumes || record.scope === 'boot' ? await markAnonymous(context, volumesOf(record)) : [];
  context.step('remove: record');
  await context.table.delete(id);
  context.step('remove: volumes');
  await removeAnonymous(context, anonymous);
  publish(context, 'destroy', summary);
}
