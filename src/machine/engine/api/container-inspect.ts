import { hostname } from 'node:os';
import { join } from 'node:path';
import { ToolError } from '../../../shared/errors.ts';
import type { MountPoint } from '../../engine-api/bodies.ts';
import type { EngineContext } from '../context.ts';
import { type NetworkFilePaths, networkFilesOf } from '../containers/network-files.ts';
import { endpointsOf, isNetworkName, networkModeOf } from '../networks/modes.ts';
import { argumentsOf, mergeConfig } from '../runtime/merge-config.ts';
import { isVolumeBind, parseAskedMounts } from '../runtime/oci-mounts.ts';
import { hostnameOf, MASKED_PATHS, READONLY_PATHS } from '../runtime/oci-spec.ts';
import { type ContainerRecord, isLive } from '../store/container-record.ts';
import type { HealthState } from '../supervise/health-state.ts';
import { CURRENT } from '../logs/log-files.ts';
import { nonEmpty } from '../non-empty.ts';
import { formatNetworkSettings } from './network-settings.ts';

/** Docker's way to say that something has not happened. */
const NEVER = '0001-01-01T00:00:00Z';

/** GET /containers/{id}/json. @param version of the API, which decides over older fields */
export function formatInspect(
  context: EngineContext,
  record: ContainerRecord,
  version: string,
): Readonly<Record<string, unknown>> {
  const { request, id } = record;
  const host = request.HostConfig ?? {};
  const config = mergeConfig(request, context.images.byId(record.imageId)?.run ?? {});
  const paths = context.table.paths(id);
  const [path = '', ...args] = argumentsIfKnown(context, record);
  const execs = context.execs.ofContainer(id);
  const files = filesOf(context, record);
  const mac =
    request.MacAddress ?? (isNetworkName(networkModeOf(request)) ? endpointsOf(record)[0]?.mac : undefined);
  return {
    Id: id,
    Created: new Date(record.createdAtMs).toISOString(),
    Path: path,
    Args: args,
    State: formatState(record, context.health.stateOf(id)),
    Image: record.imageId,
    ResolvConfPath: files?.resolvConf ?? '',
    HostnamePath: files?.hostname ?? '',
    HostsPath: files?.hosts ?? '',
    LogPath:
      host.LogConfig?.Type === 'none' || record.state.status === 'created' ? '' : join(paths.logs, CURRENT),
    Name: `/${record.name}`,
    RestartCount: record.restartCount,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execs.length === 0 ? null : execs,
    HostConfig: {
      ...EMPTY_HOST_CONFIG,
      // Docker settles it with the first start.
      OomKillDisable: record.state.status === 'created' ? false : null,
      ...host,
      NetworkMode: networkModeOf(request),
      RestartPolicy: {
        MaximumRetryCount: 0,
        ...host.RestartPolicy,
        Name: nonEmpty(host.RestartPolicy?.Name) ?? 'no',
      },
      LogConfig: host.LogConfig ?? { Type: 'json-file', Config: {} },
      MaskedPaths: host.Privileged === true ? null : (host.MaskedPaths ?? MASKED_PATHS),
      ReadonlyPaths: host.Privileged === true ? null : (host.ReadonlyPaths ?? READONLY_PATHS),
    },
    GraphDriver: { Name: 'overlay2', Data: null },
    Mounts: mountPointsOf(context, record),
    Config: {
      Hostname: hostnameOf(request, id, hostname()),
      Domainname: request.Domainname ?? '',
      User: config.user,
      AttachStdin: request.AttachStdin === true,
      AttachStdout: request.AttachStdout === true,
      AttachStderr: request.AttachStderr === true,
      Tty: request.Tty === true,
      OpenStdin: request.OpenStdin === true,
      StdinOnce: request.StdinOnce === true,
      ...(config.exposedPorts.length === 0 ? {} : { ExposedPorts: emptyObjects(config.exposedPorts) }),
      Env: config.env,
      Cmd: config.cmd ?? null,
      ...(config.healthcheck === undefined ? {} : { Healthcheck: config.healthcheck }),
      Image: request.Image,
      Volumes: config.volumes.length === 0 ? null : emptyObjects(config.volumes),
      WorkingDir: config.workingDir,
      Entrypoint:
        config.entrypoint === undefined || config.entrypoint.length === 0 ? null : config.entrypoint,
      OnBuild: request.OnBuild ?? null,
      Labels: config.labels,
      ...(config.stopSignal === undefined ? {} : { StopSignal: config.stopSignal }),
      ...(request.StopTimeout === undefined ? {} : { StopTimeout: request.StopTimeout }),
      ...(config.shell === undefined ? {} : { Shell: config.shell }),
      ...(mac === undefined ? {} : { MacAddress: mac }),
    },
    NetworkSettings: formatNetworkSettings(context, record, version),
  };
}

/** A container's files below /etc, once it has been started. */
function filesOf(context: EngineContext, record: ContainerRecord): NetworkFilePaths | undefined {
  try {
    return record.state.status === 'created' ? undefined : networkFilesOf(context, record);
  } catch (error) {
    // The container whose network it shares has been removed.
    if (error instanceof ToolError) return undefined;
    throw error;
  }
}

/** Go's way to write a set. */
function emptyObjects(keys: readonly string[]): Readonly<Record<string, object>> {
  return Object.fromEntries(keys.map(key => [key, {}]));
}

/** argv of the container, of the request alone if the image is not there any more. */
export function argumentsIfKnown(context: EngineContext, record: ContainerRecord): string[] {
  const image = context.images.byId(record.imageId);
  if (image !== undefined) return argumentsOf(record.request, image.run);
  return [...(record.request.Entrypoint ?? []), ...(record.request.Cmd ?? [])];
}

/** The folders and files of the host that the request asks for, and its volumes. */
export function mountPointsOf(context: EngineContext, record: ContainerRecord): MountPoint[] {
  const host = record.request.HostConfig ?? {};
  // Docker shows a bind's options as they were written; these come first.
  const modes = (host.Binds ?? [])
    .filter(text => !isVolumeBind(text))
    .map(text => text.split(':').slice(2).join(':'));
  const binds = parseAskedMounts(host, record.request.Slipway)
    .filter(mount => mount.type === 'bind')
    .map((mount, index) => formatBind(mount, modes[index]));
  const memory = (host.Mounts ?? [])
    .filter(mount => mount.Type === 'tmpfs')
    .map(mount => ({
      Type: 'tmpfs',
      Source: '',
      Destination: mount.Target,
      Mode: '',
      RW: mount.ReadOnly !== true,
      Propagation: '',
    }));
  const settled = (record.mounts ?? []).map(mount =>
    mount.kind === 'bind'
      ? formatBind(mount)
      : {
          Type: 'volume',
          Name: mount.name,
          Source: context.volumes.find(mount.name)?.data ?? '',
          Destination: mount.destination,
          Driver: 'local',
          Mode: mount.mode,
          RW: !mount.readOnly,
          Propagation: '',
        },
  );
  return [...binds, ...memory, ...settled];
}

function formatBind(
  mount: { readonly source: string; readonly destination: string; readonly options: readonly string[] },
  mode = '',
): MountPoint {
  return {
    Type: 'bind',
    Source: mount.source,
    Destination: mount.destination,
    Mode: mode,
    RW: !mount.options.includes('ro'),
    Propagation: mount.options.find(option => /^r?(private|shared|slave)$/.test(option)) ?? 'rprivate',
  };
}

function formatState(
  record: ContainerRecord,
  health: HealthState | undefined,
): Readonly<Record<string, unknown>> {
  const { state } = record;
  const runs = isLive(state);
  const ended = state.status === 'exited' || state.status === 'restarting' ? state : undefined;
  const error = state.status === 'created' ? state.error : ended?.error;
  const finishedAtMs = runs ? state.lastFinishedAtMs : ended?.finishedAtMs;
  return {
    Status: state.status,
    Running: runs || state.status === 'restarting',
    Paused: state.status === 'paused',
    Restarting: state.status === 'restarting',
    OOMKilled: (runs ? state : ended)?.oomKilled ?? false,
    Dead: false,
    Pid: runs ? state.process.pid : 0,
    ExitCode: runs ? 0 : state.exitCode,
    Error: error ?? '',
    StartedAt: state.status === 'created' ? NEVER : new Date(state.startedAtMs).toISOString(),
    FinishedAt: finishedAtMs === undefined ? NEVER : new Date(finishedAtMs).toISOString(),
    ...(health === undefined ? {} : { Health: formatHealth(health) }),
  };
}

function formatHealth(health: HealthState): Readonly<Record<string, unknown>> {
  return {
    Status: health.status,
    FailingStreak: health.failingStreak,
    Log: health.log.map(({ startedAtMs, endedAtMs, exitCode, output }) => ({
      Start: new Date(startedAtMs).toISOString(),
      End: new Date(endedAtMs).toISOString(),
      ExitCode: exitCode,
      Output: output,
    })),
  };
}

/** What Docker answers where nothing was asked for. */
const EMPTY_HOST_CONFIG = {
  Binds: null,
  ContainerIDFile: '',
  PortBindings: null,
  AutoRemove: false,
  VolumeDriver: '',
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: 'private',
  Dns: null,
  DnsOptions: null,
  DnsSearch: null,
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: 'private',
  Cgroup: '',
  Links: null,
  OomScoreAdj: 0,
  PidMode: '',
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: '',
  UsernsMode: '',
  ShmSize: 67_108_864,
  Runtime: 'crun',
  Isolation: '',
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: '',
  BlkioWeight: 0,
  BlkioWeightDevice: null,
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: '',
  CpusetMems: '',
  Devices: null,
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  PidsLimit: null,
  Ulimits: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
};
