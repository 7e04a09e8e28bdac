import { chmod, mkdir, rm, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../shared/errors.ts';
import { createCgroup, readTotalMemory } from '../host/cgroups.ts';
import { readBootId } from '../host/processes.ts';
import type { EngineEvent } from '../engine-client/engine-client.ts';
import { createDirectClient } from '../engine-client/direct.ts';
import { reconcile } from './containers/reload.ts';
import { handleExit, restartNow } from './containers/handle-exit.ts';
import type { EngineContext } from './context.ts';
import type { Engine, EngineConfig } from './engine-config.ts';
import { EventBus } from './event-bus.ts';
import { ExecTable } from './exec/exec-table.ts';
import { createBackend } from './api/backend.ts';
import { type ApiServer, serveApi } from './http/server.ts';
import { ImageCatalog } from './images/image-catalog.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { LogKeeper } from './logs/log-keeper.ts';
import { ContainerTable } from './store/container-table.ts';
import { enginePaths } from './store/engine-paths.ts';
import { MonitorWatch } from './supervise/monitor-watch.ts';
import { RestartTimers } from './supervise/restart-timers.ts';

export type { Engine, EngineConfig, EngineCgroups, EnginePrograms } from './engine-config.ts';

/** A full disk, for instance: the end of a container is not forgotten but tried again. */
const RETRY_MS = 1000;
const MAX_LOG_BUDGET_BYTES = 8 * 1024 * 1024;

/**
 * Starts the engine: makes its folders, loads the images and the records of earlier engines of this
 * boot, and takes up their containers. Resolves as soon as they can be asked for; ends that nobody saw
 * are handled in the background. Throws IMAGE_INDEX_MALFORMED, RECORD_MALFORMED, and I/O errors.
 */
export async function createEngine(config: EngineConfig): Promise<Engine> {
  const context = createContext(config);
  const { log, paths, table } = context;
  for (const folder of [paths.root, paths.containers, paths.exits, paths.crun, paths.execs]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  await chmod(paths.root, 0o700);
  // Execs end with the engine that ran them.
  for (const name of await readdir(paths.execs))
    await rm(join(paths.execs, name), { recursive: true, force: true });
  if (config.cgroups !== undefined) {
    for (const group of [config.cgroups.monitors, config.cgroups.services, config.cgroups.user]) {
      await createCgroup(join(config.cgroups.root, group));
    }
  }
  for (const store of config.imageStores) await context.images.addStore(store);
  takeUp(context, await table.loadBoot());
  const attachState = async (folder: string): Promise<void> => takeUp(context, await table.loadState(folder));
  if (config.stateRoot !== undefined) await attachState(config.stateRoot);

  const servers: ApiServer[] = [];
  return {
    client: createDirectClient(context),
    async listen(socketPath) {
      servers.push(await serveApi(createBackend(context), socketPath, log.child('api')));
    },
    addImageStore: folder => context.images.addStore(folder),
    attachState,
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map(server => server[Symbol.asyncDispose]()));
      context.timers.cancelAll();
      context.monitors.releaseAll();
      context.logs.releaseAll();
      await context.queue.idle();
      // What the last operations began to watch.
      context.timers.cancelAll();
      context.monitors.releaseAll();
      context.logs.releaseAll();
    },
  };
}

function createContext(config: EngineConfig): EngineContext {
  const log = config.log.child('engine');
  const paths = enginePaths(config.runRoot);
  const context: EngineContext = {
    config,
    log,
    bootId: readBootId(),
    clock: Date.now,
    paths,
    runtime: {
      program: config.programs.crun,
      root: paths.crun,
      useCgroups: config.cgroups !== undefined,
    },
    table: new ContainerTable(paths, log),
    images: new ImageCatalog(),
    events: new EventBus<EngineEvent>(),
    queue: new KeyedQueue(),
    monitors: new MonitorWatch(),
    timers: new RestartTimers(),
    logs: new LogKeeper(
      config.logBudgetBytes ?? Math.min(MAX_LOG_BUDGET_BYTES, readTotalMemory() * 0.04),
      log,
    ),
    execs: new ExecTable(),
    onMonitorGone: id => {
      handleExit(context, id).catch((error: unknown) => {
        log.error('the end of a container could not be handled', { container: id, reason: messageOf(error) });
        context.timers.schedule(id, RETRY_MS, () => {
          context.onMonitorGone(id);
        });
      });
    },
    onRestartDue: id => {
      context.queue
        .run(id, () => restartNow(context, id))
        .catch((error: unknown) => {
          log.error('a container could not be restarted', { container: id, reason: messageOf(error) });
          context.timers.schedule(id, RETRY_MS, () => {
            context.onRestartDue(id);
          });
        });
    },
  };
  return context;
}

function takeUp(context: EngineContext, records: Parameters<typeof reconcile>[1]): void {
  // Each container's part stands in its queue before anyone can ask for it.
  reconcile(context, records).catch((error: unknown) => {
    context.log.error('containers could not be taken up again', { reason: messageOf(error) });
  });
}
