import { killCgroup } from '../../host/cgroups.ts';
import { isRunning, signalProcess } from '../../host/processes.ts';
import { ToolError } from '../../../shared/errors.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { notModified } from '../docker-errors.ts';
import { type ContainerRecord, type FinishedLife, isLive } from '../store/container-record.ts';
import { LONGEST_TIMER_MS } from '../supervise/restart-timers.ts';
import { cgroupFolderOf } from './cgroup-path.ts';
import { thaw } from './pause.ts';
import { parseSignal, stopSignalOf } from './signals.ts';

const DEFAULT_GRACE_MS = 10_000;
const KILL_WAIT_MS = 10_000;
/** For the networks and mounts of one that runs no more to be taken away; that takes programs, which may have to wait. */
const CLEAR_WAIT_MS = 120_000;
const SIGKILL = 9;

/**
 * Asks a container to end and kills it after the grace; resolves when it has ended. No restart follows.
 * A negative grace waits for ever; `signal` takes the place of the container's own. Throws CONTAINER_UNCHANGED when it does not run, CONTAINER_WONT_DIE.
 */
export async function stopContainer(
  context: EngineContext,
  nameOrId: string,
  graceMs?: number,
  signal?: string,
): Promise<void> {
  const number = signal === undefined || signal === '' ? undefined : parseSignal(signal);
  const { id } = context.table.resolve(nameOrId);
  const record = await context.queue.run(id, () => requestStop(context, id));
  if (record !== undefined) await endWithin(context, record, graceMs ?? graceOf(record), number);
  publish(context, 'stop', summaryOf(context, id));
}

/** Kills a container at once and waits for its end; no restart follows. */
export async function killAndWait(context: EngineContext, record: ContainerRecord): Promise<void> {
  const { state } = record;
  if (!isLive(state)) return;
  context.step('stop: kill');
  signalProcess(state.process, SIGKILL, context.bootId);
  publish(context, 'kill', summaryOf(context, record.id), { signal: String(SIGKILL) });
  const cgroup = cgroupFolderOf(context.config, record);
  if (cgroup !== undefined) await killCgroup(cgroup);
  if (await hasEnded(context, record, KILL_WAIT_MS)) return;
  if (!isRunning(state.process, context.bootId) && (await hasEnded(context, record, CLEAR_WAIT_MS))) return;
  throw new ToolError(`container ${record.id} does not end: it was killed ${KILL_WAIT_MS / 1000} s ago`, {
    code: 'CONTAINER_WONT_DIE',
    kind: 'unavailable',
    hint: 'a process waits inside the kernel, usually for a disk or a network file system',
  });
}

/** Remembers that it is to stop; returns the record if it has to be signalled. */
async function requestStop(context: EngineContext, id: string): Promise<ContainerRecord | undefined> {
  const { state } = context.table.get(id);
  if (isLive(state)) {
    await context.table.note(id, { stopRequested: true });
    const record = context.table.get(id);
    if (state.status === 'paused') await thaw(context, record, state);
    return context.table.get(id);
  }
  if (state.status !== 'restarting') throw notModified(`container ${id} is not running`);
  await cancelRestart(context, id, state);
  return undefined;
}

/** Leaves a container that waits for its restart ended, inside its place in the queue. */
export async function cancelRestart(
  context: EngineContext,
  id: string,
  { exitCode, startedAtMs, finishedAtMs, oomKilled }: FinishedLife,
): Promise<void> {
  context.timers.cancel(id);
  await context.table.note(id, {
    stopRequested: true,
    state: { status: 'exited', exitCode, startedAtMs, finishedAtMs, oomKilled },
  });
}

async function endWithin(
  context: EngineContext,
  record: ContainerRecord,
  graceMs: number,
  asked: number | undefined,
): Promise<void> {
  const { state } = record;
  if (!isLive(state)) return;
  const signal = asked ?? stopSignalOf(record.request, context.images.byId(record.imageId)?.run);
  context.step('stop: signal');
  signalProcess(state.process, signal, context.bootId);
  publish(context, 'kill', summaryOf(context, record.id), { signal: String(signal) });
  if (await hasEnded(context, record, graceMs)) return;
  context.log.warning('a container did not end within its grace; killing it', {
    container: record.name,
    graceMs,
  });
  await killAndWait(context, record);
}

/** Waits for the end of exactly this life; false when the time is over. */
async function hasEnded(
  context: EngineContext,
  record: ContainerRecord,
  timeoutMs: number,
): Promise<boolean> {
  const startedAtMs = 'startedAtMs' in record.state ? record.state.startedAtMs : 0;
  const timeout = timeoutMs < 0 ? undefined : AbortSignal.timeout(Math.min(timeoutMs, LONGEST_TIMER_MS));
  try {
    await context.table.waitFor(
      record.id,
      now =>
        now === undefined ||
        !isLive(now.state) ||
        ('startedAtMs' in now.state && now.state.startedAtMs !== startedAtMs)
          ? true
          : undefined,
      timeout,
    );
    return true;
  } catch (error) {
    if (timeout?.aborted === true) return false;
    throw error;
  }
}

function graceOf(record: ContainerRecord): number {
  const seconds = record.request.StopTimeout;
  return seconds === undefined ? DEFAULT_GRACE_MS : seconds * 1000;
}
