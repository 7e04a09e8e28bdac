import { chmod, mkdir, rm, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../shared/errors.ts';
import { createCgroup, readTotalMemory } from '../host/cgroups.ts';
import { countMounts, mountTmpfs } from '../host/mounts.ts';
import { readBootId } from '../host/processes.ts';
import type { EngineEvent } from '../engine-client/engine-client.ts';
import { createDirectClient } from '../engine-client/direct.ts';
import { claimRoot } from './claim-root.ts';
import { reconcile } from './containers/reload.ts';
import { handleExit, restartNow } from './containers/handle-exit.ts';
import { writeLater } from './containers/write-later.ts';
import { type EngineContext, publish, summaryOf } from './context.ts';
import { CountedSet } from './counted-set.ts';
import type { Engine, EngineConfig } from './engine-config.ts';
import { EventBus } from './event-bus.ts';
import { EventHistory } from './event-history.ts';
import { ExecTable } from './exec/exec-table.ts';
import { sweepViews } from './files/image-root.ts';
import { RootLeases } from './files/root-leases.ts';
import { HookTable } from './hooks/hook-table.ts';
import { type ApiServer, serveApi, serveTls } from './http/server.ts';
import { TlsPort } from './http/tls-port.ts';
import { attachImageStore } from './images/attach-store.ts';
import { sweepForgotten } from './images/forgotten.ts';
import { ImageCatalog } from './images/image-catalog.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { LogKeeper } from './logs/log-keeper.ts';
import { NetworkTable } from './networks/network-table.ts';
import { sweepNamespaces, takeUpNetworks } from './networks/take-up.ts';
import type { ObjectEvent } from './object-events.ts';
import { loadOnce } from './on-demand.ts';
import { SettingsKeeper } from './settings/settings-keeper.ts';
import { unwatched } from './steps.ts';
import { ContainerTable } from './store/container-table.ts';
import { enginePaths } from './store/engine-paths.ts';
import { HealthKeeper } from './supervise/health-keeper.ts';
import { probeHealth } from './supervise/health-probe.ts';
import { MonitorWatch } from './supervise/monitor-watch.ts';
import { OomWatch } from './supervise/oom-watch.ts';
import { RestartTimers } from './supervise/restart-timers.ts';
import { takeUpVolumes } from './volumes/take-up.ts';
import { VolumeTable } from './volumes/volume-table.ts';

export type { Engine, EngineConfig, EngineCgroups, EnginePrograms } from './engine-config.ts';

/** A full disk, for instance: the end of a container is not forgotten but tried again. */
const RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;
const MAX_LOG_BUDGET_BYTES = 8 * 1024 * 1024;

/**
 * Starts the engine: makes its folders, loads the images and the records of earlier engines of this
 * boot, and takes up their containers. Resolves as soon as they can be asked for; ends that nobody saw
 * are handled in the background. Throws ENGINE_ALREADY_RUNNING, IMAGE_INDEX_MALFORMED, and I/O errors.
 */
export async function createEngine(config: EngineConfig): Promise<Engine> {
  const context = createContext(config);
  const { log, paths, table } = context;
  for (const folder of [paths.root, paths.containers, paths.exits, paths.crun, paths.execs]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  await chmod(paths.root, 0o700);
  claimRoot(paths.root);
  // Containers are taken up, and others started, only after it.
  const roomForExits = keepRoomForExits(context);
  // The commands go on, but nobody can ask for them any more.
  for (const name of await readdir(paths.execs))
    await rm(join(paths.execs, name), { recursive: true, force: true });
  if (config.cgroups !== undefined) {
    for (const group of [config.cgroups.monitors, config.cgroups.services, config.cgroups.user]) {
      await createCgroup(join(config.cgroups.root, group));
    }
  }
  await context.settings.load();
  await context.hooks.begin(log);
  for (const store of config.imageStores) await context.images.addStore(store);
  await sweepViews(context);
  await roomForExits;
  // Volumes before containers, of which some are started at once.
  const boot = await table.loadBoot();
  await attachImageStore(context, config.runRoot, 'boot', boot);
  // Containers that are not known yet may have volumes of the boot.
  const stateFollows = config.stateFollows === true || config.stateRoot !== undefined;
  const volumes = await context.volumes.loadBoot();
  if (!stateFollows) await takeUpVolumes(context, volumes.splice(0));
  await context.networks.loadBoot();
  await takeUpNetworks(context);
  reconcile(context, boot, Promise.resolve());
  const attachState = async (folder: string): Promise<void> => {
    // A disk on which they cannot be made is not attached by halves.
    for (const name of ['containers', 'images', 'layers', 'volumes', 'networks'])
      await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
    context.settings.addState(folder);
    await context.settings.load();
    const kept = await table.loadState(folder);
    const prepare = async (): Promise<void> => {
      await attachImageStore(context, folder, 'state', [...boot, ...kept]);
      volumes.push(...(await context.volumes.loadState(folder)));
      await takeUpVolumes(context, volumes.splice(0));
      await context.networks.loadState(folder);
      await sweepNamespaces(context);
      await sweepForgotten(context);
    };
    const prepared = prepare();
    reconcile(context, kept, prepared);
    await prepared;
  };
  if (config.stateRoot !== undefined) {
    // A disk that is broken must not cost the containers that need none.
    await attachState(config.stateRoot).catch((error: unknown) => {
      log.error('state cannot be used', { reason: messageOf(error) });
    });
  }

  const servers: ApiServer[] = [];
  const backend = loadOnce(async () => (await import('./api/backend.ts')).createBackend(context));
  const apiLog = log.child('api');
  const tlsPort = new TlsPort((address, files) => serveTls(backend, address, files, apiLog));
  const { settings } = context;
  const applying = new KeyedQueue();
  const applySettings = (): Promise<void> =>
    applying.run('settings', async () => {
      await settings.load();
      await tlsPort.follow(settings);
      log.info('settings have been read again', { faults: settings.faults.length });
    });
  return {
    client: createDirectClient(context),
    async listen(socketPath) {
      servers.push(await serveApi(backend, socketPath, apiLog));
    },
    applySettings,
    addImageStore: folder => context.images.addStore(folder),
    attachState,
    async [Symbol.asyncDispose]() {
      await applying.idle();
      await Promise.all([tlsPort, ...servers].map(server => server[Symbol.asyncDispose]()));
      context.health.forgetAll();
      context.timers.cancelAll();
      context.monitors.releaseAll();
      context.ooms.releaseAll();
      context.logs.releaseAll();
      await context.queue.idle();
      // What the last operations began to watch.
      context.timers.cancelAll();
      context.monitors.releaseAll();
      context.ooms.releaseAll();
      context.logs.releaseAll();
      await context.images.sweepMounts();
    },
  };
}

/** Exit codes get a file system of their own: a container that fills the engine's must not cost another one its own. */
async function keepRoomForExits({ paths, config, log }: EngineContext): Promise<void> {
  if (countMounts(paths.exits) > 0) return;
  try {
    await mountTmpfs(config.programs.busybox, paths.exits, [
      'nosuid',
      'nodev',
      'noexec',
      'mode=700',
      'size=4m',
    ]);
  } catch (error) {
    log.warning('exit codes have no room of their own', { reason: messageOf(error) });
  }
}

function createContext(config: EngineConfig): EngineContext {
  const log = config.log.child('engine');
  const paths = enginePaths(config.runRoot);
  const step = config.onStep ?? unwatched;
  const failedEnds = new Map<string, number>();
  const context: EngineContext = {
    config,
    settings: new SettingsKeeper(config),
    hooks: new HookTable(config.hookFolders ?? []),
    log,
    bootId: readBootId(),
    clock: config.clock ?? Date.now,
    step,
    paths,
    table: new ContainerTable(paths, log, step, () => writeLater(context)),
    images: new ImageCatalog(),
    volumes: new VolumeTable(paths.volumes, log, step),
    networks: new NetworkTable(paths.networks, log),
    roots: new RootLeases(),
    events: new EventBus<EngineEvent>(),
    history: new EventHistory<EngineEvent | ObjectEvent>(),
    queue: new KeyedQueue(),
    monitors: new MonitorWatch(),
    ooms: new OomWatch(),
    timers: new RestartTimers(),
    logs: new LogKeeper(
      config.logBudgetBytes ?? Math.min(MAX_LOG_BUDGET_BYTES, readTotalMemory() * 0.04),
      log,
    ),
    execs: new ExecTable(),
    restarting: new CountedSet(),
    health: new HealthKeeper(
      (id, plan, signal) => probeHealth(context, id, plan, signal),
      () => performance.now(),
      (id, { status }) => publish(context, 'health_status', summaryOf(context, id), { detail: status }),
    ),
    onMonitorGone: id => {
      const over = handleExit(context, id).then(() => failedEnds.delete(id));
      over.catch((error: unknown) => {
        const tries = failedEnds.get(id) ?? 0;
        failedEnds.set(id, tries + 1);
        const facts = { container: id, reason: messageOf(error) };
        if (tries === 0) log.error('the end of a container could not be handled; it is tried again', facts);
        // Not among restarts: whoever cancels one waits for this.
        context.timers.schedule(`end of ${id}`, Math.min(RETRY_MS * 2 ** tries, MAX_RETRY_MS), () => {
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
