import { messageOf } from '../../../shared/errors.ts';
import type { EngineContext } from '../context.ts';

/** A disk that is full may have room again. */
const RETRY_MS = 1000;
/** Among the timers of containers; no id of one. */
const KEY = 'unwritten';

/** Tries again, until it succeeds, to write what could not be written of containers (ContainerTable.note). */
export function writeLater(context: EngineContext): void {
  // One that fails again and again must not put the others off for ever.
  if (context.timers.isScheduled(KEY)) return;
  context.timers.schedule(KEY, RETRY_MS, () => {
    for (const id of context.table.unwritten) {
      context.queue
        .run(id, async () => {
          // What fails again comes back here.
          if (context.table.unwritten.has(id)) await context.table.note(id, {});
        })
        .catch((error: unknown) => {
          context.log.error('a change of a container was lost', { container: id, reason: messageOf(error) });
        });
    }
  });
}
