import { access, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError, messageOf } from '../../../shared/errors.ts';
import { countOomKills } from '../../host/cgroups.ts';
import { isRunning, readAge, signalProcess } from '../../host/processes.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import type { FinishedLife, RunningLife } from '../store/container-record.ts';
import { planRestart, type RestartDecision } from '../supervise/restart-policy.ts';
import { cgroupFolderOf } from './cgroup-path.ts';
import { tryClearRuntime } from './clear-runtime.ts';
import { forgetExit } from './forget-exit.ts';
import { launch } from './launch.ts';
import { removeNow } from './remove.ts';
import { restartSettings } from './restart-settings.ts';

const SIGKILL = 9;

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
  const mustGo = record.request.HostConfig?.AutoRemove === true;
  // One whose removal failed when it ended is tried again.
  if (mustGo && state.status === 'exited' && !record.starting) await removeNow(context, id, true);
  if (state.status !== 'running' && state.status !== 'paused') return;
  // A watch can end early only when the FIFO is disturbed; a conmon that lives is still in charge.
  const exitFile = join(context.paths.exits, id);
  const left = await readExit(exitFile);
  if (left === undefined && isRunning(state.monitor, context.bootId)) {
    context.monitors.watch(id, context.table.paths(id).bundle, () => context.onMonitorGone(id));
    return;
  }
  context.monitors.release(id);
  context.logs.release(id);
  context.health.end(id);
  const oomKilled = await wasOomKilled(context, id);
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
  const recorded = async (isWritten: boolean): Promise<void> => {
    if (life.oomKilled) publish(context, 'oom', summaryOf(context, id));
    publish(context, 'die', summaryOf(context, id), {
      exitCode: String(life.exitCode),
      execDuration: String(Math.floor(ranMs / 1000)),
    });
    // Else the exit file is all that tells the next engine.
    if (isWritten) await forgetExit(context, id);
  };
  if (decision.kind === 'restart') {
    await awaitRestart(context, id, life, decision, recorded);
    return;
  }
  await recorded(await context.table.note(id, { state: { status: 'exited', ...life } }));
  if (decision.kind === 'give-up') giveUp(context, id);
}

/** How long it ran. The clock may have jumped meanwhile, but it cannot have run for longer than its process is old. */
function durationOf({ startedAtMs, finishedAtMs }: FinishedLife, running: RunningLife): number {
  const ranMs = finishedAtMs - startedAtMs;
  const mostMs = readAge(running.process);
  return ranMs < 0 ? mostMs : Math.min(ranMs, mostMs);
}

/** Starts a container whose pause is over; a start that fails counts as one more failure. */
export async function restartNow(context: EngineContext, id: string): Promise<void> {
  const record = context.table.get(id);
  const { state } = record;
  if (state.status !== 'restarting') return;
  try {
    await launch(context, id, { restartCount: record.restartCount + 1 });
  } catch (error) {
    context.log.warning('a restart failed', { container: record.name, reason: messageOf(error) });
    const failed = context.table.get(id).state;
    // Not begun at all, where its record could not be written.
    if (failed.status !== 'exited' && failed.status !== 'restarting') return;
    const decision = decide(context, id, failed.exitCode, 0);
    if (decision.kind === 'restart') await awaitRestart(context, id, failed, decision);
    else if (decision.kind === 'give-up') giveUp(context, id);
  }
}

function decide(context: EngineContext, id: string, exitCode: number, ranMs: number): RestartDecision {
  const { request, streak, stopRequested } = context.table.get(id);
  return planRestart({ ...restartSettings(request), exitCode, ranMs, streak, stopRequested });
}

async function awaitRestart(
  context: EngineContext,
  id: string,
  life: FinishedLife,
  decision: Extract<RestartDecision, { kind: 'restart' }>,
  recorded?: (isWritten: boolean) => Promise<void>,
): Promise<void> {
  const { exitCode, startedAtMs, finishedAtMs, oomKilled, error } = life;
  const isWritten = await context.table.note(id, {
    streak: decision.streak,
    state: {
      status: 'restarting',
      retryAtMs: context.clock() + decision.delayMs,
      ...{ exitCode, startedAtMs, finishedAtMs, oomKilled },
      ...(error === undefined ? {} : { error }),
    },
  });
  // Before the next life, which may begin below.
  await recorded?.(isWritten);
  publish(context, 'restart-scheduled', summaryOf(context, id));
  if (decision.delayMs === 0) await restartNow(context, id);
  else context.timers.schedule(id, decision.delayMs, () => context.onRestartDue(id));
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
  const cgroup = cgroupFolderOf(context.config, context.table.get(id));
  if (cgroup !== undefined && (await countOomKills(cgroup)) > 0) return true;
  try {
    await access(join(context.table.paths(id).persist, 'oom'));
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}
