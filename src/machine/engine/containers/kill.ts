import { signalProcess } from '../../host/processes.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { notRunning } from '../docker-errors.ts';
import { isLive } from '../store/container-record.ts';
import { thaw } from './pause.ts';
import { parseSignal, stopSignalOf } from './signals.ts';

const SIGKILL = 9;

/**
 * Sends a signal to a container's first process. SIGKILL and the stop signal count as stopping it, as in
 * Docker, so that no restart follows. Throws CONTAINER_NOT_RUNNING, ENGINE_INVALID_PARAMETER.
 */
export async function killContainer(context: EngineContext, nameOrId: string, signal: string): Promise<void> {
  const number = parseSignal(signal === '' ? 'SIGKILL' : signal);
  const { id } = context.table.resolve(nameOrId);
  await context.queue.run(id, async () => {
    const record = context.table.get(id);
    const { state } = record;
    if (!isLive(state)) {
      throw notRunning(id);
    }
    const ends =
      number === SIGKILL || number === stopSignalOf(record.request, context.images.byId(record.imageId)?.run);
    if (ends) await context.table.note(id, { stopRequested: true });
    if (ends && state.status === 'paused') await thaw(context, record, state);
    signalProcess(state.process, number, context.bootId);
    publish(context, 'kill', summaryOf(context, id), { signal: String(number) });
  });
}
