import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import { identifyProcess, type ProcessIdentity } from '../../host/processes.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { StartFailure } from '../docker-errors.ts';
import { CURRENT } from '../logs/log-files.ts';
import { startMonitor } from '../runtime/conmon.ts';
import { runtimeArguments, startInRuntime } from '../runtime/crun.ts';
import type { ContainerRecord, ContainerState } from '../store/container-record.ts';
import { clearRuntime, tryClearRuntime } from './clear-runtime.ts';
import { prepareBundle } from './prepare-bundle.ts';

/**
 * Brings a container that does not run to life: bundle, conmon, crun, record, watch. On failure all of
 * it is undone, the reason is in the record, and the fault is thrown. Runs inside the container's place
 * in the queue.
 * @param change goes into the record with the first step, so that the intent outlives this process
 */
export async function launch(
  context: EngineContext,
  id: string,
  change: Partial<ContainerRecord>,
): Promise<void> {
  const record = await context.table.update(id, { ...change, starting: true, bootId: context.bootId });
  try {
    // An earlier end that could not be cleared away: crun refuses an id it still knows.
    if (existsSync(join(context.paths.crun, id))) await clearRuntime(context, id);
    await prepareBundle(context, record);
    const state = await startProcesses(context, record);
    await context.table.update(id, { starting: false, state });
  } catch (error) {
    context.monitors.release(id);
    await tryClearRuntime(context, id);
    await context.table.update(id, { starting: false, state: failedState(context, record, error) });
    throw error;
  }
  await keepLog(context, record);
  publish(context, 'start', summaryOf(context, id));
}

/** Has the log rotated for as long as the container runs. */
export async function keepLog(context: EngineContext, record: ContainerRecord): Promise<void> {
  const paths = context.table.paths(record.id);
  const onState = !paths.home.startsWith(context.paths.root);
  await context.logs.keep(record.id, { folder: paths.logs, bundle: paths.bundle, onState });
}

async function startProcesses(context: EngineContext, record: ContainerRecord): Promise<ContainerState> {
  const { id, request } = record;
  const { config, runtime, bootId } = context;
  const paths = context.table.paths(id);
  const pid = await startMonitor({
    conmon: config.programs.conmon,
    runtime: runtime.program,
    runtimeArguments: runtimeArguments(runtime),
    id,
    name: record.name,
    bundle: paths.bundle,
    pidFile: paths.pidFile,
    monitorPidFile: paths.monitorPidFile,
    monitorLog: paths.monitorLog,
    exitFolder: context.paths.exits,
    persistFolder: paths.persist,
    logFile: join(paths.logs, CURRENT),
    terminal: request.Tty === true,
    stdin: request.OpenStdin === true,
    ...(config.cgroups === undefined
      ? {}
      : { cgroupFolder: join(config.cgroups.root, config.cgroups.monitors) }),
  });
  const process = identifyProcess(pid, bootId);
  const monitor = await identifyMonitor(paths.monitorPidFile, bootId);
  // The container has been made and waits, so neither can be missing unless someone killed it.
  if (process === undefined || monitor === undefined) {
    throw new StartFailure(`container ${id} was killed while it was being started`, 128);
  }
  const startedAtMs = context.clock();
  await startInRuntime(runtime, id);
  context.monitors.watch(id, paths.bundle, () => context.onMonitorGone(id));
  return { status: 'running', startedAtMs, process, monitor };
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
