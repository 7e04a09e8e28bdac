import { messageOf } from '../../../shared/errors.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { isLive } from '../store/container-record.ts';

/** Has it noted when the kernel kills a process of a container that runs for lack of memory, which may go on. */
export function keepOom(context: EngineContext, id: string): void {
  context.ooms.watch(id, context.table.paths(id).persist, () => {
    context.queue
      .run(id, () => noteOom(context, id))
      .catch((error: unknown) => {
        // Its end tells again.
        context.log.warning('a lack of memory could not be noted', {
          container: id,
          reason: messageOf(error),
        });
      });
  });
}

async function noteOom(context: EngineContext, id: string): Promise<void> {
  const state = context.table.find(id)?.state;
  if (state === undefined || !isLive(state) || state.oomKilled === true) return;
  await context.table.note(id, { state: { ...state, oomKilled: true } });
  publish(context, 'oom', summaryOf(context, id));
}
