import { cpus, release, hostname, totalmem, arch } from 'node:os';
import { readFile, readdir } from 'node:fs/promises';
import { hostArch } from '../../../shared/arch.ts';
import type { VersionBody } from '../../engine-api/bodies.ts';
import { API_VERSION, MIN_API_VERSION } from '../../engine-api/api-version.ts';
import { runProgram } from '../../host/run-program.ts';
import type { EngineContext } from '../context.ts';
import { hasBridges } from '../networks/live.ts';
import type { SystemBackend } from '../http/backend.ts';
import { diskUsage } from './disk-usage.ts';
import { dockerEvents } from './events.ts';

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
    diskUsage: (types, apiVersion) => diskUsage(context, types, apiVersion),
    events: (range, filters, signal) => dockerEvents(context, range, filters, signal),
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
    Plugins: {
      Volume: ['local'],
      Network: [...(hasBridges(context) ? ['bridge'] : []), 'host', 'null'],
      Authorization: null,
      Log: ['json-file', 'local', 'none'],
    },
    MemoryLimit: limits,
    SwapLimit: limits,
    CpuCfsPeriod: limits,
    CpuCfsQuota: limits,
    CPUShares: limits,
    CPUSet: limits,
    PidsLimit: limits,
    IPv4Forwarding: (await readText('/proc/sys/net/ipv4/ip_forward')) !== '0',
    BridgeNfIptables: (await readText('/proc/sys/net/bridge/bridge-nf-call-iptables')) === '1',
    BridgeNfIp6tables: (await readText('/proc/sys/net/bridge/bridge-nf-call-ip6tables')) === '1',
    OomKillDisable: false,
    Debug: false,
    NFd: (await readdir('/proc/self/fd').catch(() => [])).length,
    NGoroutines: 0,
    SystemTime: new Date(context.clock()).toISOString(),
    LoggingDriver: context.settings.current.log?.driver ?? 'json-file',
    CgroupDriver: cgroups === undefined ? 'none' : 'cgroupfs',
    CgroupVersion: '2',
    NEventsListener: context.history.listeners,
    KernelVersion: release(),
    OperatingSystem: await operatingSystem(),
    OSVersion: context.config.version,
    OSType: 'linux',
    Architecture: arch() === 'x64' ? 'x86_64' : arch() === 'arm64' ? 'aarch64' : arch(),
    NCPU: cpus().length,
    MemTotal: totalmem(),
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: formatRegistries(context),
    GenericResources: null,
    DockerRootDir: context.table.root,
    ...formatProxies(context),
    Name: hostname(),
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: context.config.version,
    Runtimes: {
      crun: { path: context.config.programs.crun },
      ...(context.config.programs.runc === undefined ? {} : { runc: { path: context.config.programs.runc } }),
    },
    DefaultRuntime: context.settings.current.defaultRuntime ?? 'crun',
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
    CDISpecDirs: [],
    Warnings: warningsOf(context, limits),
  };
}

async function readText(file: string): Promise<string> {
  return (await readFile(file, 'utf8').catch(() => '')).trim();
}

/** Proxies on the way to registries, their logins hidden as Docker hides them. */
function formatProxies(context: EngineContext): object {
  const proxies = context.settings.current.registries?.proxies ?? {};
  const shown = (name: string): string => (proxies[name] ?? '').replace(/\/\/[^/@]*@/, '//xxxxx:xxxxx@');
  return { HttpProxy: shown('http_proxy'), HttpsProxy: shown('https_proxy'), NoProxy: shown('no_proxy') };
}

/** Registries as the engine is configured for them. */
function formatRegistries(context: EngineContext): object {
  const { insecure = [], mirrors: urls = {} } = context.settings.current.registries ?? {};
  // Docker shows all with a slash at their end.
  const mirrors: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
    Object.entries(urls).map(([name, list]) => [name, list.map(url => url.replace(/\/?$/, '/'))]),
  );
  const hub = { Name: 'docker.io', Mirrors: mirrors['docker.io'] ?? [], Secure: true, Official: true };
  return {
    AllowNondistributableArtifactsCIDRs: null,
    AllowNondistributableArtifactsHostnames: null,
    InsecureRegistryCIDRs: ['127.0.0.0/8'],
    IndexConfigs: {
      'docker.io': hub,
      ...Object.fromEntries(
        insecure.map(name => [
          name,
          { Name: name, Mirrors: mirrors[name] ?? [], Secure: false, Official: false },
        ]),
      ),
    },
    Mirrors: mirrors['docker.io'] ?? null,
  };
}

function warningsOf(context: EngineContext, limits: boolean): string[] | null {
  const warnings = [
    ...(limits ? [] : ['WARNING: No limits: the cgroup controllers are not delegated']),
    ...(context.table.hasState
      ? []
      : ['WARNING: No state partition: containers are kept in memory and gone when the machine stops']),
    ...context.settings.faults.map(fault => `WARNING: settings: ${fault}`),
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
