import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError, messageOf } from '../../../shared/errors.ts';
import { countOomKills } from '../../host/cgroups.ts';
import { isRunning, readAge, signalProcess } from '../../host/processes.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { type FinishedLife, type RunningLife, isLive, lastLifeOf } from '../store/container-record.ts';
import { OOM_FILE } from '../supervise/oom-watch.ts';
import { planRestart, type RestartDecision } from '../supervise/restart-policy.ts';
import { cgroupFolderOf } from './cgroup-path.ts';
import { tryClearRuntime } from './clear-runtime.ts';
import { forgetExit } from './forget-exit.ts';
import { launch } from './launch.ts';
import { removeNow } from './remove.ts';
import { restartSettings } from './restart-settings.ts';

const SIGKILL = 9;
/** Between looks at a conmon that lives and cannot be watched. */
const RECHECK_MS = 200;

/** The exit code of a container whose conmon died: it was killed. */
const KILLED = 128 + SIGKILL;

/**
 * Handles the end of a container, once: reads the exit code, clears away what it used, and lets the
 * restart policy decide. A conmon that left no exit code takes its container with it.
 */
export async function handleExit(context: EngineContext, id: string): Promise<void> {
  await context.queue.run(id, () => handleExitNow(context, id));
}

/** The same, inside the container's place in the queue. */
export async function handleExitNow(context: EngineContext, id: string): Promise<void> {
  const record = context.table.find(id);
  if (record === undefined) return;
  const { state } = record;
  const mustGo = record.request.HostConfig?.AutoRemove === true && !context.restarting.has(id);
  // One whose removal failed when it ended is tried again.
  if (mustGo && state.status === 'exited' && !record.starting) await removeNow(context, id, true);
  if (!isLive(state)) return;
  // A watch can end early only when the FIFO is disturbed; a conmon that lives is still in charge.
  const exitFile = join(context.paths.exits, id);
  const left = await readExit(exitFile);
  if (left === undefined && isRunning(state.monitor, context.bootId)) {
    const { bundle } = context.table.paths(id);
    context.monitors.watch(id, bundle, () => context.onMonitorGone(id), RECHECK_MS);
    return;
  }
  context.monitors.release(id);
  context.ooms.release(id);
  context.logs.release(id);
  context.health.end(id);
  const oomKilled = state.oomKilled === true || (await wasOomKilled(context, id));
  if (left === undefined) {
    context.log.error('conmon died without leaving an exit code; killing its container', {
      container: record.name,
    });
    signalProcess(state.process, SIGKILL, context.bootId);
  }
  context.step('exit: clear away');
  await tryClearRuntime(context, id);
  const life: FinishedLife = {
    exitCode: left?.exitCode ?? KILLED,
    startedAtMs: state.startedAtMs,
    finishedAtMs: left?.atMs ?? context.clock(),
    oomKilled,
    ...(left === undefined ? { error: 'its monitor (conmon) died, so it was killed' } : {}),
  };
  context.step('exit: record');
  await settle(context, id, life, state);
  if (mustGo && context.table.get(id).state.status === 'exited') await removeNow(context, id, true);
}

/** Writes what became of the container, tells everyone, and starts it again if the policy says so. */
async function settle(
  context: EngineContext,
  id: string,
  life: FinishedLife,
  running: RunningLife,
): Promise<void> {
  const ranMs = durationOf(life, running);
  const decision = decide(context, id, life.exitCode, ranMs);
  const recorded = (isWritten: boolean): void => {
    if (life.oomKilled && running.oomKilled !== true) publish(context, 'oom', summaryOf(context, id));
    publish(context, 'die', summaryOf(context, id), {
      exitCode: String(life.exitCode),
      execDuration: String(Math.floor(ranMs / 1000)),
    });
    // Else the exit file is all that tells the next engine.
    if (isWritten) forgetExit(context, id);
  };
  if (decision.kind === 'restart') {
    recorded(await noteRestart(context, id, life, decision));
    scheduleRestart(context, id, decision.delayMs);
    return;
  }
  recorded(await context.table.note(id, { state: { status: 'exited', ...life } }));
  if (decision.kind === 'give-up') giveUp(context, id);
}

/** How long it ran. The clock may have jumped meanwhile, but it cannot have run for longer than its process is old. */
function durationOf({ startedAtMs, finishedAtMs }: FinishedLife, running: RunningLife): number {
  const ranMs = finishedAtMs - startedAtMs;
  const mostMs = readAge(running.process);
  return ranMs < 0 ? mostMs : Math.min(ranMs, mostMs);
}

/**
 * Starts a container whose pause is over; a start that fails counts as one more failure. Throws where it could not even
 * be begun: then it is still due.
 * @param restartCount what it is then; one more than before unless given
 */
export async function restartNow(context: EngineContext, id: string, restartCount?: number): Promise<void> {
  const record = context.table.get(id);
  const { state } = record;
  if (state.status !== 'restarting') return;
  try {
    // One that is cut off does not count: it is done again.
    await launch(context, id, {}, { restartCount: restartCount ?? record.restartCount + 1 });
  } catch (error) {
    context.log.warning('a restart failed', { container: record.name, reason: messageOf(error) });
    const failed = context.table.get(id).state;
    if (failed.status === 'restarting') throw error;
    if (failed.status !== 'exited') return;
    const decision = decide(context, id, failed.exitCode, 0);
    if (decision.kind === 'give-up') giveUp(context, id);
    if (decision.kind !== 'restart') return;
    await noteRestart(context, id, lastLifeOf(failed), decision);
    scheduleRestart(context, id, decision.delayMs);
  }
}

function decide(context: EngineContext, id: string, exitCode: number, ranMs: number): RestartDecision {
  const { request, restartCount, streak, stopRequested } = context.table.get(id);
  return planRestart({ ...restartSettings(request), exitCode, ranMs, restartCount, streak, stopRequested });
}

/** Writes that it is to be started again; false when that could not be written. */
function noteRestart(
  context: EngineContext,
  id: string,
  life: FinishedLife,
  { streak, delayMs }: Extract<RestartDecision, { kind: 'restart' }>,
): Promise<boolean> {
  const retryAtMs = context.clock() + delayMs;
  return context.table.note(id, { streak, state: { status: 'restarting', retryAtMs, ...life } });
}

function scheduleRestart(context: EngineContext, id: string, delayMs: number): void {
  publish(context, 'restart-scheduled', summaryOf(context, id));
  // Also without a pause: whoever wants to stop or remove it gets a turn.
  context.timers.schedule(id, delayMs, () => context.onRestartDue(id));
}

function giveUp(context: EngineContext, id: string): void {
  const summary = summaryOf(context, id);
  context.log.error('restarting it has been given up', {
    container: summary.name,
    exitCode: summary.exitCode,
  });
  publish(context, 'gave-up', summary);
}

/** The exit code that conmon left, and when; undefined when it left none. */
export async function readExit(file: string): Promise<{ exitCode: number; atMs: number } | undefined> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    if (!/^-?\d{1,5}$/.test(text)) return undefined;
    return { exitCode: Number(text), atMs: Math.round((await stat(file)).mtimeMs) };
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function wasOomKilled(context: EngineContext, id: string): Promise<boolean> {
  const file = join(context.table.paths(id).persist, OOM_FILE);
  if (existsSync(file)) return true;
  const cgroup = cgroupFolderOf(context.config, context.table.get(id));
  if (cgroup === undefined || (await countOomKills(cgroup)) === 0) return false;
  // Its cgroup is gone where the rest has to be tried again.
  await writeFile(file, '').catch(() => undefined);
  return true;
}
