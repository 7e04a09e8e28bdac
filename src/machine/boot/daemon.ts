import { readFileSync, readdirSync } from 'node:fs';
import { ToolError, isSystemError, messageOf } from '../../shared/errors.ts';
import { hasKernelWord, parseKernelCmdline } from '../../shared/kernel-cmdline.ts';
import { CGROUPS, CORE, MEDIUM, RUN } from '../../shared/paths.ts';
import type { MachineImage } from '../../shared/machine-image.ts';
import { type ControlBackend, ControlServer } from '../control/server.ts';
import { createServiceControl } from '../control/services.ts';
import { bootView, versionView } from '../control/views.ts';
import type { CreateEngine, Engine } from '../engine/engine-config.ts';
import { writeConsoles } from '../host/consoles.ts';
import { readKernelLine, readUptime } from '../host/kernel.ts';
import { listMountPoints } from '../host/mounts.ts';
import { sharesPod } from '../host/namespaces.ts';
import { probePort, probeUrl } from '../host/network-probes.ts';
import { NotifySockets } from '../host/notify-sockets.ts';
import { openRescue, readPowerAction, requestPower } from '../host/power.ts';
import { readBootId } from '../host/processes.ts';
import { collectWhenQuiet } from '../host/quiet-memory.ts';
import { saveFile } from '../host/save-file.ts';
import { type Log, createLog } from '../log.ts';
import { ServiceRunner } from '../services/apply.ts';
import { Conditions } from '../services/conditions.ts';
import { NETWORK, conditionsOf } from '../services/plan.ts';
import type { ServiceHost } from '../services/pods.ts';
import { stopServices } from '../services/stop.ts';
import type { BootContext } from './context.ts';
import { createLogFile } from './daemon-log.ts';
import { loadEarlyTimeline, loadFailedFileSystems } from './early-timeline.ts';
import { Journal } from './journal.ts';
import { findEnginePrograms } from './engine-programs.ts';
import { loadMachineImage } from './load-machine-image.ts';
import { NETWORK_SIGNS, PATIENCE_MS, awaitNetwork } from './network-condition.ts';
import { runBoot } from './sequence.ts';

/** All services together have this long to stop, and with `onshutdown` this long; the shutdown script waits 75 s. */
const STOP_MS = 50_000;
const SHUTDOWN_MS = 70_000;
const BUSYBOX = '/usr/bin/busybox';

/**
 * system-docker: listens, runs the boot or goes on with it, and stays until SIGTERM. When the machine is going down that
 * stops the services in order; otherwise everything is left running for the next life. Answers the exit code.
 */
export async function runDaemon(createEngine: CreateEngine): Promise<number> {
  process.title = 'system-docker';
  using quiet = collectWhenQuiet();
  const terminated = untilTerminated();
  // PID 1's loop has no terminal: until there is an engine, this signal means nothing.
  process.on('SIGHUP', () => undefined);
  const cmdline = parseKernelCmdline(readKernelLine());
  const log = createLog({
    component: 'boot',
    write: createLogFile(RUN.daemonLog),
    level: hasKernelWord(cmdline, 'debug') ? 'debug' : 'info',
  });
  const say = (line: string): Promise<void> => writeConsoles(`${line}\n`);
  // After the boot a login prompt may stand at the cursor.
  const sayLate = (line: string): Promise<void> =>
    say(`${journal.data.readyLine === undefined ? '' : '\n'}slipway: ${line}`);
  const image = loadMachineImage(CORE.machineImage);
  const journal = Journal.load(RUN.bootJournal, reason => log.error(reason));
  journal.update({ lives: [...journal.data.lives, readUptime()] });

  const conditions = new Conditions();
  for (const name of mountedFileSystems()) conditions.set(`cargo:${name}`);
  await using engine = await createEngine({
    runRoot: RUN.engine,
    stateFollows: journal.data.state?.device !== undefined,
    imageStores: mountedFileSystems().map(name => `${MEDIUM.fileSystems}/${name}`),
    ...findEnginePrograms(image.engine),
    cgroups: { root: '/sys/fs/cgroup', ...CGROUPS, limits: true },
    version: image.slipwayVersion,
    settingsFolder: CORE.engineSettings,
    hookFolders: CORE.hooks,
    log: log.child('engine'),
    announce: line => void sayLate(line),
  });
  await using runner = new ServiceRunner({
    definitions: image.services,
    engine: engine.client,
    host: createServiceHost(),
    conditions,
    log: log.child('services'),
    uptime: readUptime,
    saved: journal.data.services,
    onProgress: (name, progress) => journal.setService(name, progress),
    announce: line => void sayLate(line),
    openRescue,
  });
  await engine.listen(RUN.dockerSocket);
  process.on('SIGHUP', () => void engine.applySettings());
  const backend = createBackend(image, journal, engine, runner, log);
  await using control = await ControlServer.listen(RUN.controlSocket, backend, log.child('control'));
  // The loop counts a death before this file as a failure to start.
  saveFile(RUN.pidFile, `${process.pid}\n`, { mode: 0o644 });
  log.info('system-docker answers', { life: journal.data.lives.length });

  const stop = new AbortController();
  const context: BootContext = {
    image,
    cmdline,
    journal,
    engine,
    conditions,
    runner,
    log,
    say,
    signal: stop.signal,
  };
  const boot = runBoot(context).catch((error: unknown) => {
    if (!stop.signal.aborted) log.error(`boot: ${messageOf(error)}`);
  });
  const network = watchNetwork(context);
  await terminated;
  stop.abort();
  if (readPowerAction() !== undefined) await stopMachine(context);
  await runner[Symbol.asyncDispose]();
  await Promise.all([boot, network, control[Symbol.asyncDispose]()]);
  return 0;
}

/** File systems of the table that the early script has mounted, the core first. */
function mountedFileSystems(): string[] {
  const mounted = new Set(listMountPoints());
  return readdirSync(MEDIUM.fileSystems)
    .filter(name => mounted.has(`${MEDIUM.fileSystems}/${name}`))
    .sort((a, b) => Number(b === 'core') - Number(a === 'core') || (a < b ? -1 : 1));
}

async function stopMachine(context: BootContext): Promise<void> {
  const { image, engine, runner, log, say } = context;
  await runner[Symbol.asyncDispose]();
  await stopServices({
    engine: engine.client,
    definitions: image.services,
    log: log.child('services'),
    stopDeadline: AbortSignal.timeout(STOP_MS),
    deadline: AbortSignal.timeout(SHUTDOWN_MS),
    onStop: (name, durationMs) => void say(`stopped ${name}, ${(durationMs / 1000).toFixed(2)}s`),
  });
}

/** Sets the condition `network` once there is one, or it is given up; only looks where a service waits for it. */
async function watchNetwork(context: BootContext): Promise<void> {
  const { image, conditions, runner, say, signal } = context;
  if (!image.services.some(service => conditionsOf(service, image.services).includes(NETWORK))) return;
  try {
    const isWanted = (): boolean => runner.isHeldUpBy(NETWORK);
    const found = await awaitNetwork({ signs: NETWORK_SIGNS, isWanted, signal });
    if (!found) {
      const line = `no network within ${PATIENCE_MS / 1000} s: the services that wait for it start without`;
      await say(`slipway: ${line}`);
    }
    conditions.set(NETWORK);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** What the planner needs of this machine. */
function createServiceHost(): ServiceHost {
  const sockets = new NotifySockets({
    folder: RUN.notify,
    script: CORE.notifyListener,
    busybox: BUSYBOX,
    bootId: readBootId(),
    cgroupFolder: `/sys/fs/cgroup${CGROUPS.monitors}`,
  });
  return {
    listen: (name, fresh) => sockets.listen(name, fresh),
    unlisten: name => sockets.unlisten(name),
    untilNotified: (name, signal) => sockets.untilNotified(name, signal),
    probePort: (pid, host, port) => probePort(BUSYBOX, pid, host, port),
    probeUrl: (pid, url) => probeUrl(BUSYBOX, pid, url),
    sharesPod,
  };
}

function untilTerminated(): Promise<void> {
  return new Promise(resolve => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}

/** What the data sources said. Throws CONFIG_NOT_READY before they have been read. */
function loadConfig(): unknown {
  try {
    return JSON.parse(readFileSync(RUN.cloudConfig, 'utf8')) as unknown;
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
    throw new ToolError('the data sources have not been read yet', {
      code: 'CONFIG_NOT_READY',
      kind: 'not-found',
      hint: 'ask again when "ros boot" shows the phase configuration',
    });
  }
}

function createBackend(
  image: MachineImage,
  journal: Journal,
  engine: Engine,
  runner: ServiceRunner,
  log: Log,
): ControlBackend {
  return {
    version: () => versionView(image),
    services: createServiceControl({ definitions: image.services, engine: engine.client, runner, log }),
    boot: () => {
      const names = image.services.map(service => service.name);
      return bootView(
        journal.data,
        loadEarlyTimeline(RUN.earlyTimeline),
        loadFailedFileSystems(RUN.failedFileSystems),
        names,
        readUptime(),
      );
    },
    config: loadConfig,
    power: request => {
      log.info(`asked to ${request.action}`);
      return { action: requestPower(request.action) };
    },
  };
}
