import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import type { ContainerCreateRequest } from '../../engine-api/wire.ts';
import { createCgroup, readTotalMemory } from '../../host/cgroups.ts';
import { identifyProcess, type ProcessIdentity, readAge } from '../../host/processes.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { StartFailure } from '../docker-errors.ts';
import { CURRENT } from '../logs/log-files.ts';
import type { LogLimits } from '../logs/log-keeper.ts';
import { attachNetworks } from '../networks/attach.ts';
import { openMonitor, type WaitingMonitor } from '../runtime/conmon.ts';
import { runtimeArguments, startInRuntime } from '../runtime/crun.ts';
import { mergeConfig } from '../runtime/merge-config.ts';
import { planHealth } from '../supervise/health-state.ts';
import { type ContainerRecord, type ContainerState, isLive } from '../store/container-record.ts';
import { isOnState } from './logs.ts';
import { readLogSettings } from './log-settings.ts';
import { refreshLinks } from '../networks/refresh-links.ts';
import { clearRuntime, tryClearRuntime } from './clear-runtime.ts';
import { endMonitor } from './end-monitor.ts';
import { keepOom } from './note-oom.ts';
import { forgetLastLife, prepareBundle } from './prepare-bundle.ts';
import { runtimeOf } from './runtime-of.ts';

const UNKEPT_LOG_BYTES = 1024 * 1024;
/** Bounds of conmon's own limit, and the part of memory that it may be. */
const MIN_BACKSTOP_BYTES = 16 * 1024 * 1024;
const MAX_BACKSTOP_BYTES = 64 * 1024 * 1024;
const BACKSTOP_SHARE = 0.02;

/**
 * Brings a container that does not run to life: bundle, conmon, crun, record, watch. On failure all of
 * it is undone, the reason is in the record, and the fault is thrown. Runs inside the container's place
 * in the queue.
 * @param change goes into the record with the first step, so that the intent outlives this process
 * @param outcome goes into it with the last one, also of a start that failed
 */
export async function launch(
  context: EngineContext,
  id: string,
  change: Partial<ContainerRecord>,
  outcome: Partial<ContainerRecord> = {},
): Promise<void> {
  const record = await context.table.update(id, { ...change, starting: true, bootId: context.bootId });
  try {
    // An earlier end that could not be cleared away: crun refuses an id it still knows.
    if (existsSync(join(runtimeOf(context, record).root, id))) await clearRuntime(context, id);
    context.step('start: connect');
    await attachNetworks(context, id);
    context.step('start: bundle');
    await forgetLastLife(context, id);
    // It has a live log from here on, and is not among those that have ended.
    context.logs.forget(id);
    context.step('start: monitor');
    await using monitor = await openMonitorOf(context, record);
    await prepareBundle(context, context.table.get(id));
    const state = await startProcesses(context, record, monitor);
    await context.table.update(id, { ...outcome, starting: false, state });
  } catch (error) {
    context.monitors.release(id);
    await tryClearRuntime(context, id);
    await endMonitor(context, id);
    if (!isOnState(context, id)) context.logs.noteEnded(id, context.table.paths(id).logs);
    const failed = failedState(context, record, error);
    await context.table.note(id, { ...outcome, starting: false, state: failed });
    throw error;
  }
  context.step('start: answer');
  await keepLog(context, record);
  keepHealth(context, id);
  keepOom(context, id);
  publish(context, 'start', summaryOf(context, id));
  await refreshLinks(context, id);
}

/** Has the health of a container that runs looked after. */
export function keepHealth(context: EngineContext, id: string): void {
  const { request, imageId, state } = context.table.get(id);
  if (!isLive(state)) return;
  const config = mergeConfig(request, context.images.byId(imageId)?.run ?? {});
  // A service's readiness is the planner's; only a check that its own request has is run.
  const check = request.Slipway === undefined ? config.healthcheck : request.Healthcheck;
  context.health.begin(id, planHealth(check, config.shell), readAge(state.process));
  if (state.status === 'paused') context.health.suspend(id);
}

/** Has the log rotated for as long as the container runs. */
export async function keepLog(context: EngineContext, record: ContainerRecord): Promise<void> {
  const paths = context.table.paths(record.id);
  const onState = isOnState(context, record.id);
  const limits = logLimitsOf(record.request);
  await context.logs.keep(record.id, {
    folder: paths.logs,
    bundle: paths.bundle,
    onState,
    ...(limits === undefined ? {} : { limits }),
  });
}

/**
 * conmon's own limit of a log file. The engine puts files aside long before; this one bounds what a
 * container writes in a burst, or while no engine is there. Two such files in a row between two looks
 * cost a reader the first of them.
 */
function maxLogBytes(context: EngineContext, id: string): number {
  if (isOnState(context, id)) return MAX_BACKSTOP_BYTES;
  const share = Math.floor(readTotalMemory() * BACKSTOP_SHARE);
  return Math.min(MAX_BACKSTOP_BYTES, Math.max(MIN_BACKSTOP_BYTES, share));
}

/** What the log options ask for; undefined leaves it to the engine. */
function logLimitsOf(request: ContainerCreateRequest): LogLimits | undefined {
  const { off, maxFileBytes, maxFiles = 1 } = readLogSettings(request.HostConfig?.LogConfig);
  // Attached clients read the log too, so there is one that nobody else can read.
  if (off) return { maxFileBytes: UNKEPT_LOG_BYTES, maxTotalBytes: UNKEPT_LOG_BYTES };
  return maxFileBytes === undefined ? undefined : { maxFileBytes, maxTotalBytes: maxFileBytes * maxFiles };
}

async function openMonitorOf(context: EngineContext, record: ContainerRecord): Promise<WaitingMonitor> {
  const { id, request } = record;
  const { config } = context;
  const runtime = runtimeOf(context, record);
  const paths = context.table.paths(id);
  const cgroupFolder = config.cgroups && join(config.cgroups.root, config.cgroups.monitors);
  // Whoever tidies up cgroups may have taken one that was empty.
  if (cgroupFolder !== undefined) await createCgroup(cgroupFolder);
  return openMonitor({
    conmon: config.programs.conmon,
    runtime: runtime.program,
    runtimeArguments: runtimeArguments(runtime),
    patienceMs: runtime.patienceMs ?? 0,
    id,
    name: record.name,
    bundle: paths.bundle,
    pidFile: paths.pidFile,
    monitorPidFile: paths.monitorPidFile,
    monitorLog: paths.monitorLog,
    exitFolder: context.paths.exits,
    persistFolder: paths.persist,
    logFile: join(paths.logs, CURRENT),
    maxLogBytes: maxLogBytes(context, id),
    terminal: request.Tty === true,
    stdin: request.OpenStdin === true,
    // A terminal stays when whoever looked at it leaves.
    stdinOnce: request.StdinOnce === true && request.Tty !== true,
    ...(cgroupFolder === undefined ? {} : { cgroupFolder }),
  });
}

/** Makes the container and starts its program. */
async function startProcesses(
  context: EngineContext,
  record: ContainerRecord,
  monitor: WaitingMonitor,
): Promise<ContainerState> {
  const { id } = record;
  const { bootId } = context;
  const paths = context.table.paths(id);
  context.step('start: make');
  const pid = await monitor.makeContainer();
  const process = identifyProcess(pid, bootId);
  const itsMonitor = await identifyMonitor(paths.monitorPidFile, bootId);
  // The container has been made and waits, so neither can be missing unless someone killed it.
  if (process === undefined || itsMonitor === undefined) {
    throw new StartFailure(`container ${id} was killed while it was being started`, 128);
  }
  const startedAtMs = context.clock();
  context.step('start: run');
  await startInRuntime(runtimeOf(context, record), id);
  context.monitors.watch(id, paths.bundle, () => context.onMonitorGone(id));
  const { state } = record;
  const last = 'finishedAtMs' in state ? { lastFinishedAtMs: state.finishedAtMs } : {};
  return { status: 'running', startedAtMs, process, monitor: itsMonitor, ...last };
}

async function identifyMonitor(file: string, bootId: string): Promise<ProcessIdentity | undefined> {
  return identifyProcess(Number((await readFile(file, 'utf8')).trim()), bootId);
}

function failedState(context: EngineContext, record: ContainerRecord, error: unknown): ContainerState {
  const exitCode = error instanceof StartFailure ? error.exitCode : 128;
  const { state } = record;
  const message = messageOf(error);
  if (state.status === 'created') return { status: 'created', exitCode, error: message };
  const nowMs = context.clock();
  return {
    status: 'exited',
    exitCode,
    startedAtMs: state.startedAtMs,
    finishedAtMs: nowMs,
    oomKilled: false,
    error: message,
  };
}
