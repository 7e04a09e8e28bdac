import { cpus, release, hostname, totalmem, arch } from 'node:os';
import { readFile } from 'node:fs/promises';
import { hostArch } from '../../../shared/arch.ts';
import type { VersionBody } from '../../engine-api/bodies.ts';
import { API_VERSION, MIN_API_VERSION } from '../../engine-api/api-version.ts';
import type { EngineEvent } from '../../engine-client/engine-client.ts';
import { runProgram } from '../../host/run-program.ts';
import type { EngineContext } from '../context.ts';
import type { Filters, SystemBackend } from '../http/backend.ts';

/** What is said of the engine as a whole. */
export function systemBackend(context: EngineContext): SystemBackend {
  // Asked once: the programs of a machine do not change while it runs.
  let versions: Promise<{ conmon: string; crun: string }> | undefined;
  const programVersions = (): Promise<{ conmon: string; crun: string }> => {
    versions ??= readVersions(context);
    return versions;
  };
  return {
    version: async () => formatVersion(context, await programVersions()),
    info: async () => formatInfo(context, await programVersions()),
    events: (filters, signal) => dockerEvents(context, filters, signal),
  };
}

function formatVersion(context: EngineContext, programs: { conmon: string; crun: string }): VersionBody {
  const kernel = release();
  const architecture = hostArch(arch()) ?? arch();
  const details = {
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    Os: 'linux',
    Arch: architecture,
    KernelVersion: kernel,
    Experimental: 'false',
  };
  return {
    Platform: { Name: 'Slipway system-docker' },
    Components: [
      { Name: 'Engine', Version: context.config.version, Details: details },
      { Name: 'conmon', Version: programs.conmon, Details: {} },
      { Name: 'crun', Version: programs.crun, Details: {} },
      { Name: 'node', Version: process.versions.node, Details: {} },
    ],
    Version: context.config.version,
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    GitCommit: '',
    GoVersion: '',
    Os: 'linux',
    Arch: architecture,
    KernelVersion: kernel,
    BuildTime: '',
  };
}

async function formatInfo(
  context: EngineContext,
  programs: { conmon: string; crun: string },
): Promise<Readonly<Record<string, unknown>>> {
  const statuses = context.table.all().map(record => record.state.status);
  const count = (...wanted: readonly string[]): number =>
    statuses.filter(status => wanted.includes(status)).length;
  const running = count('running', 'restarting');
  const paused = count('paused');
  const { cgroups } = context.config;
  const limits = cgroups?.limits === true;
  return {
    ID: context.bootId,
    Containers: statuses.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: statuses.length - running - paused,
    Images: new Set(context.images.all().map(image => image.id)).size,
    Driver: 'overlay2',
    DriverStatus: [['Image stores', String(context.config.imageStores.length)]],
    Plugins: { Volume: [], Network: ['host', 'null'], Authorization: null, Log: ['json-file', 'local', 'none'] },
    MemoryLimit: limits,
    SwapLimit: limits,
    CpuCfsPeriod: limits,
    CpuCfsQuota: limits,
    CPUShares: limits,
    CPUSet: limits,
    PidsLimit: limits,
    IPv4Forwarding: true,
    OomKillDisable: false,
    Debug: false,
    NFd: 0,
    NGoroutines: 0,
    SystemTime: new Date(context.clock()).toISOString(),
    LoggingDriver: 'json-file',
    CgroupDriver: cgroups === undefined ? 'none' : 'cgroupfs',
    CgroupVersion: '2',
    NEventsListener: 0,
    KernelVersion: release(),
    OperatingSystem: await operatingSystem(),
    OSVersion: context.config.version,
    OSType: 'linux',
    Architecture: arch() === 'x64' ? 'x86_64' : arch() === 'arm64' ? 'aarch64' : arch(),
    NCPU: cpus().length,
    MemTotal: totalmem(),
    IndexServerAddress: '',
    RegistryConfig: null,
    GenericResources: null,
    DockerRootDir: context.paths.root,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: context.config.machineName ?? hostname(),
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: context.config.version,
    Runtimes: {
      crun: { path: context.config.programs.crun },
      ...(context.config.programs.runc === undefined ? {} : { runc: { path: context.config.programs.runc } }),
    },
    DefaultRuntime: context.config.defaultRuntime ?? 'crun',
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: context.config.programs.init === undefined ? '' : 'docker-init',
    ContainerdCommit: { ID: '', Expected: '' },
    RuncCommit: { ID: programs.crun, Expected: programs.crun },
    InitCommit: { ID: '', Expected: '' },
    SecurityOptions: ['name=seccomp,profile=builtin', 'name=cgroupns'],
    Warnings: warningsOf(context, limits),
  };
}

function warningsOf(context: EngineContext, limits: boolean): string[] | null {
  const warnings = [
    ...(limits ? [] : ['WARNING: No limits: the cgroup controllers are not delegated']),
    ...(context.table.hasState
      ? []
      : ['WARNING: No state partition: containers are kept in memory and gone when the machine stops']),
  ];
  return warnings.length === 0 ? null : warnings;
}

async function operatingSystem(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(text)?.[1] ?? 'Slipway';
}

async function readVersions(context: EngineContext): Promise<{ conmon: string; crun: string }> {
  const ask = async (program: string): Promise<string> => {
    try {
      const { stdout } = await runProgram([program, '--version'], { timeoutMs: 5000 });
      return /\d+(\.\d+)+/.exec(stdout)?.[0] ?? '';
    } catch {
      // The version is for people; a program that can't run shows itself when a container is started.
      return '';
    }
  };
  const { programs } = context.config;
  return { conmon: await ask(programs.conmon), crun: await ask(programs.crun) };
}

async function* dockerEvents(
  context: EngineContext,
  filters: Filters,
  signal: AbortSignal,
): AsyncGenerator<Readonly<Record<string, unknown>>> {
  const any = (key: string, test: (value: string) => boolean): boolean =>
    (filters.get(key) ?? [key]).some(value => !filters.has(key) || test(value));
  for await (const event of context.events.subscribe(signal)) {
    const action = DOCKER_ACTIONS[event.action];
    const { container } = event;
    if (action === undefined) continue;
    const wanted =
      any('type', value => value === 'container') &&
      any('event', value => value === action) &&
      any('container', value => value === container.name || container.id.startsWith(value)) &&
      any('image', value => value === container.image) &&
      any('scope', value => value === 'local') &&
      (filters.get('label') ?? []).every(label => {
        const [key = '', value] = label.split(/=(.*)/s);
        return key in container.labels && (value === undefined || container.labels[key] === value);
      });
    // Docker's action says the state as well: `health_status: healthy`.
    const { health, ...attributes } = event.attributes ?? {};
    const full = health === undefined ? action : `${action}: ${health}`;
    if (wanted) yield formatEvent({ ...event, attributes }, full);
  }
}

/** The planner's own actions have no counterpart in Docker. */
const DOCKER_ACTIONS: Readonly<Record<EngineEvent['action'], string | undefined>> = {
  create: 'create',
  start: 'start',
  die: 'die',
  'restart-scheduled': undefined,
  'gave-up': undefined,
  stop: 'stop',
  kill: 'kill',
  destroy: 'destroy',
  oom: 'oom',
  attach: 'attach',
  detach: 'detach',
  pause: 'pause',
  unpause: 'unpause',
  rename: 'rename',
  update: 'update',
  health_status: 'health_status',
  'archive-path': 'archive-path',
  'extract-to-dir': 'extract-to-dir',
  export: 'export',
  commit: 'commit',
};

function formatEvent(event: EngineEvent, action: string): Readonly<Record<string, unknown>> {
  const { container, timeMs } = event;
  return {
    status: action,
    id: container.id,
    from: container.image,
    Type: 'container',
    Action: action,
    Actor: {
      ID: container.id,
      Attributes: {
        ...container.labels,
        image: container.image,
        name: container.name,
        ...event.attributes,
        ...(action === 'die' ? { exitCode: String(container.exitCode) } : {}),
      },
    },
    scope: 'local',
    time: Math.floor(timeMs / 1000),
    timeNano: timeMs * 1_000_000,
  };
}
