import { ToolError, messageOf } from '../../../shared/errors.ts';
import { isRunning } from '../../host/processes.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { conflict, notPaused, notRunning } from '../docker-errors.ts';
import { freezeInRuntime } from '../runtime/crun.ts';
import type { ContainerRecord, RunningLife } from '../store/container-record.ts';
import { runtimeOf } from './runtime-of.ts';

/** Freezes every process of a running container. Throws CONTAINER_NOT_RUNNING, CONTAINER_STATE_CONFLICT. */
export async function pauseContainer(context: EngineContext, nameOrId: string): Promise<void> {
  const { id } = context.table.resolve(nameOrId);
  await context.queue.run(id, async () => {
    const record = context.table.get(id);
    const { state } = record;
    if (state.status === 'paused') throw conflict(`Container ${id} is already paused`);
    if (state.status === 'restarting') {
      throw conflict(`Container ${id} is restarting, wait until the container is running`);
    }
    if (state.status !== 'running') throw notRunning(id);
    // Written first: a container that is frozen and not known to be would never be thawed again.
    await context.table.update(id, { state: { ...state, status: 'paused' } });
    try {
      await freezeInRuntime(runtimeOf(context, record), id, true);
    } catch (cause) {
      await context.table.note(id, { state });
      if (!isRunning(state.process, context.bootId)) throw notRunning(id);
      throw cannot('pause', id, cause);
    }
    context.health.suspend(id);
    publish(context, 'pause', summaryOf(context, id));
  });
}

/** Lets a paused container go on. Throws CONTAINER_NOT_PAUSED. */
export async function unpauseContainer(context: EngineContext, nameOrId: string): Promise<void> {
  const { id } = context.table.resolve(nameOrId);
  await context.queue.run(id, async () => {
    const record = context.table.get(id);
    const { state } = record;
    if (state.status !== 'paused') throw notPaused(id);
    try {
      await thaw(context, record, state);
    } catch (cause) {
      throw cannot('unpause', id, cause);
    }
    publish(context, 'unpause', summaryOf(context, id));
  });
}

/** Lets a paused container go on, also one that is to be stopped, inside its place in the queue. Throws the runtime's fault. */
export async function thaw(
  context: EngineContext,
  record: ContainerRecord,
  state: RunningLife,
): Promise<void> {
  await freezeInRuntime(runtimeOf(context, record), record.id, false);
  await context.table.note(record.id, { state: { ...state, status: 'running' } });
  context.health.resume(record.id);
}

function cannot(verb: string, id: string, cause: unknown): ToolError {
  return new ToolError(`cannot ${verb} container ${id}: ${messageOf(cause)}`, {
    code: 'CONTAINER_FREEZE_FAILED',
    kind: 'environment',
    cause,
  });
}
