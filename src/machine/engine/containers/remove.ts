import { type EngineContext, publish, summaryOf } from '../context.ts';
import { conflict } from '../docker-errors.ts';
import { sweepForgotten } from '../images/forgotten.ts';
import { isLive } from '../store/container-record.ts';
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
  // Whoever starts it between two of our turns has it running again.
  while (!(await removeUnlessLive(context, id, force, withVolumes))) {
    const record = context.table.find(id);
    if (record !== undefined) await killAndWait(context, record);
  }
}

/** Removes a container, or prepares one that runs for being killed: then the answer is false. */
function removeUnlessLive(
  context: EngineContext,
  id: string,
  force: boolean,
  withVolumes: boolean,
): Promise<boolean> {
  return context.queue.run(id, async () => {
    const record = context.table.find(id);
    // Removed by itself (AutoRemove) or by someone else meanwhile.
    if (record === undefined) return true;
    const { status } = record.state;
    const runs = isLive(record.state);
    if ((runs || status === 'restarting') && !force) {
      throw conflict(
        `cannot remove container "/${record.name}": container is ${status}: stop the container before removing or force remove`,
      );
    }
    context.timers.cancel(id);
    if (runs) {
      await context.table.note(id, { stopRequested: true });
      return false;
    }
    await removeNow(context, id, withVolumes);
    return true;
  });
}

/** Removes a container that does not run, inside its place in the queue. */
export async function removeNow(context: EngineContext, id: string, withVolumes: boolean): Promise<void> {
  context.timers.cancel(id);
  context.monitors.release(id);
  context.ooms.release(id);
  context.logs.forget(id);
  context.health.forget(id);
  context.roots.revoke(id);
  context.step('remove: clear away');
  await clearRuntime(context, id);
  // Of a start that was cut off. Where an end could not be written it is all that tells the next engine.
  const isWritten = !context.table.unwritten.has(id);
  if (isWritten) forgetExit(context, id);
  const summary = summaryOf(context, id);
  const record = context.table.get(id);
  // Nobody ever removes those of a service by hand.
  context.step('remove: mark volumes');
  const anonymous =
    withVolumes || record.scope === 'boot' ? await markAnonymous(context, volumesOf(record)) : [];
  context.step('remove: record');
  await context.table.delete(id);
  if (!isWritten) forgetExit(context, id);
  context.step('remove: volumes');
  await removeAnonymous(context, anonymous);
  await sweepForgotten(context);
  publish(context, 'destroy', summary);
}
