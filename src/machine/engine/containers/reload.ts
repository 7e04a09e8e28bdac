import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, isSystemError } from '../../../shared/errors.ts';
import { isFrozen } from '../../host/cgroups.ts';
import { isRunning, killByArgument } from '../../host/processes.ts';
import type { EngineContext } from '../context.ts';
import { sweepRoot } from '../files/container-root.ts';
import { isOnState } from './logs.ts';
import { releaseNetworks } from '../networks/release.ts';
import { settleEndpoints } from '../networks/take-up.ts';
import {
  type ContainerRecord,
  type ContainerState,
  type FinishedLife,
  isLive,
  lastLifeOf,
} from '../store/container-record.ts';
import { planReconcile } from '../supervise/reconcile.ts';
import { cgroupFolderOf } from './cgroup-path.ts';
import { clearRuntime } from './clear-runtime.ts';
import { forgetExit } from './forget-exit.ts';
import { handleExitNow, restartNow } from './handle-exit.ts';
import { keepHealth, keepLog } from './launch.ts';
import { keepOom } from './note-oom.ts';
import { removeNow } from './remove.ts';
import { restartSettings } from './restart-settings.ts';

/** Longer than a fork takes to become another program, also on a busy machine. */
const BETWEEN_LOOKS_MS = 50;

/**
 * Takes up containers of an earlier engine or boot: what runs is adopted, what ended meanwhile is
 * handled, what was half done is undone. Each one's part is in the queue when this returns, before what anyone asks for
 * it next; it begins once what containers need is `prepared`.
 */
export function reconcile(
  context: EngineContext,
  records: readonly ContainerRecord[],
  prepared: Promise<unknown>,
): void {
  for (const { id, name } of records) {
    context.queue
      .run(id, async () => {
        await prepared;
        await reconcileOne(context, id);
      })
      .catch((error: unknown) => {
        context.log.error('a container could not be taken up again', {
          container: name,
          reason: messageOf(error),
        });
        goOn(context, id);
      });
  }
}

/** An end that has to be handled, and a restart that is due, must not be lost over a fault. */
function goOn(context: EngineContext, id: string): void {
  const record = context.table.find(id);
  if (record?.bootId !== context.bootId) return;
  if (isLive(record.state)) context.onMonitorGone(id);
  else keepWaiting(context, record);
}

async function reconcileOne(context: EngineContext, id: string): Promise<void> {
  await sweepRoot(context, id);
  // Whoever was quicker than its place in the queue may have changed it.
  const record = context.table.find(id);
  if (record === undefined) return;
  const { state } = record;
  const action = planReconcile({
    status: state.status,
    starting: record.starting,
    sameBoot: record.bootId === context.bootId,
    monitorAlive: 'monitor' in state && isRunning(state.monitor, context.bootId),
    hasExitFile: await exists(join(context.paths.exits, id)),
    policy: restartSettings(record.request).policy,
    stopRequested: record.stopRequested,
  });
  if (action !== 'nothing') context.log.info('taking up a container', { container: record.name, action });
  switch (action) {
    case 'nothing':
      // An end that could not be cleared away.
      await releaseNetworks(context, id);
      if (!isOnState(context, id)) context.logs.noteEnded(id, context.table.paths(id).logs);
      if (state.status === 'exited') await removeIfOver(context, record);
      return;
    case 'adopt':
      await noteFreezer(context, record);
      await settleEndpoints(context, id);
      context.monitors.watch(id, context.table.paths(id).bundle, () => context.onMonitorGone(id));
      await keepLog(context, record);
      keepHealth(context, id);
      keepOom(context, id);
      return;
    case 'handle-exit':
    case 'kill-and-handle-exit':
      await handleExitNow(context, id);
      return;
    case 'undo-start':
    case 'undo-and-retry':
      await endHalfStarted(context, id);
      await clearRuntime(context, id);
      // It may have run to its end.
      forgetExit(context, id);
      await context.table.note(id, { starting: false });
      if (action === 'undo-and-retry') keepWaiting(context, record);
      return;
    case 'await-restart':
      keepWaiting(context, record);
      return;
    case 'mark-lost':
      await noteBoot(context, record);
      await removeIfOver(context, record);
      return;
    case 'start-after-boot':
      await noteBoot(context, record, { stopRequested: false, streak: 0, restartCount: 0 });
      await restartNow(context, id, 0);
      return;
  }
}

/** It was to go when it ended, and its engine ended first. One that never ran is still wanted. */
async function removeIfOver(context: EngineContext, record: ContainerRecord): Promise<void> {
  if (record.request.HostConfig?.AutoRemove !== true || record.state.status === 'created') return;
  await removeNow(context, record.id, true);
}

/** A pause or its end may have been cut off between the kernel and the record: the kernel is right. */
async function noteFreezer(context: EngineContext, record: ContainerRecord): Promise<void> {
  const { state } = record;
  const cgroup = cgroupFolderOf(context.config, record);
  if (cgroup === undefined || !isLive(state)) return;
  const status = (await isFrozen(cgroup)) === true ? 'paused' : 'running';
  if (status !== state.status) await context.table.note(record.id, { state: { ...state, status } });
}

/**
 * Ends what an earlier engine was starting when it was killed, OCI hooks included. A process that it had forked may become
 * conmon only now, so it takes two looks in a row that find nothing.
 */
async function endHalfStarted(context: EngineContext, id: string): Promise<void> {
  const { conmon, crun, runc } = context.config.programs;
  const programs = [conmon, crun, ...(runc === undefined ? [] : [runc])];
  for (let quietLooks = 0; quietLooks < 2;) {
    quietLooks = killByArgument(id, programs, { family: true }) === 0 ? quietLooks + 1 : 0;
    await sleep(BETWEEN_LOOKS_MS);
  }
}

function keepWaiting(context: EngineContext, record: ContainerRecord): void {
  if (record.state.status !== 'restarting') return;
  // The clock may have jumped: never wait longer than the policy ever does.
  const longest = restartSettings(record.request).maxDelayMs;
  const delayMs = Math.min(Math.max(0, record.state.retryAtMs - context.clock()), longest);
  context.timers.schedule(record.id, delayMs, () => context.onRestartDue(record.id));
}

/**
 * Writes what another boot makes of a container.
 * @param comesBack what changes where it is started again, which is written first: it must not be forgotten over a crash
 */
async function noteBoot(
  context: EngineContext,
  record: ContainerRecord,
  comesBack?: Partial<ContainerRecord>,
): Promise<void> {
  const life = endOf(context, record.state);
  const retryAtMs = context.clock();
  await context.table.note(record.id, {
    ...{ bootId: context.bootId, starting: false, ...comesBack },
    ...(life === undefined
      ? {}
      : {
          state:
            comesBack === undefined
              ? { status: 'exited' as const, ...life }
              : { status: 'restarting' as const, retryAtMs, ...life },
        }),
  });
}

/** The last life of a container of another boot; where the machine went down under it nobody knows its exit code. */
function endOf(context: EngineContext, state: ContainerState): FinishedLife | undefined {
  if (state.status === 'created') return undefined;
  if (!isLive(state)) return lastLifeOf(state);
  const { startedAtMs } = state;
  return { exitCode: 255, startedAtMs, finishedAtMs: context.clock(), oomKilled: false };
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}
