import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, isSystemError } from '../../../shared/errors.ts';
import { isFrozen } from '../../host/cgroups.ts';
import { isRunning, killByArgument } from '../../host/processes.ts';
import type { EngineContext } from '../context.ts';
import { releaseNetworks } from '../networks/release.ts';
import { settleEndpoints } from '../networks/take-up.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import { planReconcile } from '../supervise/reconcile.ts';
import { cgroupFolderOf } from './cgroup-path.ts';
import { clearRuntime } from './clear-runtime.ts';
import { forgetExit } from './forget-exit.ts';
import { handleExitNow } from './handle-exit.ts';
import { keepHealth, keepLog, launch } from './launch.ts';
import { removeNow } from './remove.ts';
import { restartSettings } from './restart-settings.ts';

/** Longer than a fork takes to become another program, also on a busy machine. */
const BETWEEN_LOOKS_MS = 50;

/**
 * Takes up containers of an earlier engine or boot: what runs is adopted, what ended meanwhile is
 * handled, what was half done is undone. Resolves when every container's part has been queued and done.
 */
export async function reconcile(context: EngineContext, records: readonly ContainerRecord[]): Promise<void> {
  await Promise.all(
    records.map(record =>
      context.queue.run(record.id, async () => {
        try {
          await reconcileOne(context, record);
        } catch (error) {
          context.log.error('a container could not be taken up again', {
            container: record.name,
            reason: messageOf(error),
          });
        }
      }),
    ),
  );
}

async function reconcileOne(context: EngineContext, record: ContainerRecord): Promise<void> {
  const { id, state } = record;
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
      if (state.status === 'exited') await removeIfOver(context, record);
      return;
    case 'adopt':
      await noteFreezer(context, record);
      await settleEndpoints(context, id);
      context.monitors.watch(id, context.table.paths(id).bundle, () => context.onMonitorGone(id));
      await keepLog(context, record);
      keepHealth(context, id);
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
      await forgetExit(context, id);
      await context.table.note(id, { starting: false });
      if (action === 'undo-and-retry') awaitRestart(context, record);
      return;
    case 'await-restart':
      awaitRestart(context, record);
      return;
    case 'mark-lost':
    case 'start-after-boot':
      await markLost(context, record);
      if (action === 'start-after-boot') await launch(context, id, { stopRequested: false, streak: 0 });
      else await removeIfOver(context, record);
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
  if (cgroup === undefined || (state.status !== 'running' && state.status !== 'paused')) return;
  const status = (await isFrozen(cgroup)) === true ? 'paused' : 'running';
  if (status !== state.status) await context.table.note(record.id, { state: { ...state, status } });
}

/**
 * Ends what an earlier engine was starting when it was killed. A process that it had forked may become
 * conmon only now, so it takes two looks in a row that find nothing.
 */
async function endHalfStarted(context: EngineContext, id: string): Promise<void> {
  const { conmon, crun, runc } = context.config.programs;
  const programs = [conmon, crun, ...(runc === undefined ? [] : [runc])];
  for (let quietLooks = 0; quietLooks < 2;) {
    quietLooks = killByArgument(id, programs) === 0 ? quietLooks + 1 : 0;
    await sleep(BETWEEN_LOOKS_MS);
  }
}

function awaitRestart(context: EngineContext, record: ContainerRecord): void {
  if (record.state.status !== 'restarting') return;
  // The clock may have jumped: never wait longer than the policy ever does.
  const longest = restartSettings(record.request).maxDelayMs;
  const delayMs = Math.min(Math.max(0, record.state.retryAtMs - context.clock()), longest);
  context.timers.schedule(record.id, delayMs, () => context.onRestartDue(record.id));
}

/** The machine went down under it. */
async function markLost(context: EngineContext, record: ContainerRecord): Promise<void> {
  const { state } = record;
  await context.table.note(record.id, {
    bootId: context.bootId,
    starting: false,
    ...(state.status === 'created' || state.status === 'exited'
      ? {}
      : {
          state: {
            status: 'exited' as const,
            exitCode: 255,
            startedAtMs: state.startedAtMs,
            finishedAtMs: context.clock(),
            oomKilled: false,
          },
        }),
  });
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
