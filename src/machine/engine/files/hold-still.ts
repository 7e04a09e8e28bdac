import { isRunning } from '../../host/processes.ts';
import { runtimeOf } from '../containers/runtime-of.ts';
import type { EngineContext } from '../context.ts';
import { freezeInRuntime } from '../runtime/crun.ts';

/**
 * Runs an operation while a running container's processes are frozen; one that does not run needs none of
 * it. For the API it goes on running.
 */
export async function whileHeldStill<T>(
  context: EngineContext,
  id: string,
  operation: () => Promise<T>,
): Promise<T> {
  await context.queue.run(id, () => freeze(context, id));
  try {
    return await operation();
  } finally {
    await context.queue.run(id, () => thaw(context, id));
  }
}

async function freeze(context: EngineContext, id: string): Promise<void> {
  const record = context.table.get(id);
  if (record.state.status !== 'running') return;
  // Written first: an engine that takes over has to know whom to thaw.
  await context.table.update(id, { heldStill: true });
  try {
    await freezeInRuntime(runtimeOf(context, record), id, true);
  } catch (error) {
    await context.table.note(id, { heldStill: false });
    // It has ended just now, and moves no more.
    if (isRunning(record.state.process, context.bootId)) throw error;
  }
}

/**
 * Lets a container go on that an engine held still, this one or an earlier one; one that was paused
 * meanwhile stays so. Runs inside the container's place in the queue.
 */
export async function thaw(context: EngineContext, id: string): Promise<void> {
  const record = context.table.find(id);
  if (record?.heldStill !== true) return;
  if (record.state.status === 'running') {
    try {
      await freezeInRuntime(runtimeOf(context, record), id, false);
    } catch (error) {
      if (isRunning(record.state.process, context.bootId)) throw error;
    }
  }
  await context.table.note(id, { heldStill: false });
}
