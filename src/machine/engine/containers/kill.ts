import { signalProcess } from '../../host/processes.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { notRunning } from '../docker-errors.ts';
import { type ContainerRecord, isLive } from '../store/container-record.ts';
import { thaw } from './pause.ts';
import { parseSignal, stopSignalOf } from './signals.ts';
import { cancelRestart, killAndWait } from './stop.ts';

const SIGKILL = 9;

/**
 * Sends a signal to a container's first process; with SIGKILL it resolves when the container has ended. SIGKILL and
 * the stop signal count as stopping it, as in Docker, so that no restart follows.
 * Throws CONTAINER_NOT_RUNNING, CONTAINER_WONT_DIE, ENGINE_INVALID_PARAMETER.
 */
export async function killContainer(context: EngineContext, nameOrId: string, signal: string): Promise<void> {
  const number = parseSignal(signal === '' ? 'SIGKILL' : signal);
  const { id } = context.table.resolve(nameOrId);
  const record = await context.queue.run(id, () => sendUnlessKill(context, id, number));
  // Its end has to have its own turn in the queue.
  if (record !== undefined) await killAndWait(context, record);
}

/** Sends a signal, or returns the record of one that has to be killed. */
async function sendUnlessKill(
  context: EngineContext,
  id: string,
  number: number,
): Promise<ContainerRecord | undefined> {
  const record = context.table.get(id);
  const { state } = record;
  const ends =
    number === SIGKILL || number === stopSignalOf(record.request, context.images.byId(record.imageId)?.run);
  if (state.status === 'restarting') {
    // Nobody is there to hear it.
    if (ends) await cancelRestart(context, id, state);
    return undefined;
  }
  if (!isLive(state)) throw notRunning(id);
  if (ends) await context.table.note(id, { stopRequested: true });
  if (ends && state.status === 'paused') await thaw(context, record, state);
  if (number === SIGKILL) return context.table.get(id);
  signalProcess(state.process, number, context.bootId);
  publish(context, 'kill', summaryOf(context, id), { signal: String(number) });
  return undefined;
}
