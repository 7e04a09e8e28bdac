import { join } from 'node:path';
import type { MountPoint } from '../../engine-api/bodies.ts';
import type { EngineContext } from '../context.ts';
import { argumentsOf } from '../runtime/oci-spec.ts';
import { parseAskedMounts } from '../runtime/oci-mounts.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import { CURRENT } from '../logs/log-files.ts';
import { nonEmpty } from '../non-empty.ts';

/** Docker's way to say that something has not happened. */
const NEVER = '0001-01-01T00:00:00Z';

/** GET /containers/{id}/json */
export function formatInspect(
  context: EngineContext,
  record: ContainerRecord,
): Readonly<Record<string, unknown>> {
  const { request, id } = record;
  const host = request.HostConfig ?? {};
  const image = context.images.byId(record.imageId)?.run ?? {};
  const paths = context.table.paths(id);
  const [path = '', ...args] = argumentsIfKnown(context, record);
  const execs = context.execs.ofContainer(id);
  return {
    Id: id,
    Created: new Date(record.createdAtMs).toISOString(),
    Path: path,
    Args: args,
    State: formatState(record),
    Image: record.imageId,
    ResolvConfPath: '',
    HostnamePath: '',
    HostsPath: '',
    LogPath: join(paths.logs, CURRENT),
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
      ...host,
      NetworkMode: host.NetworkMode ?? 'default',
      RestartPolicy: {
        MaximumRetryCount: 0,
        ...host.RestartPolicy,
        Name: nonEmpty(host.RestartPolicy?.Name) ?? 'no',
      },
      LogConfig: host.LogConfig ?? { Type: 'k8s-file', Config: {} },
    },
    GraphDriver: { Name: 'overlay2', Data: null },
    Mounts: mountPointsOf(record),
    Config: {
      Hostname: nonEmpty(request.Hostname) ?? id.slice(0, 12),
      Domainname: request.Domainname ?? '',
      User: nonEmpty(request.User) ?? image.User ?? '',
      AttachStdin: request.AttachStdin === true,
      AttachStdout: request.AttachStdout === true,
      AttachStderr: request.AttachStderr === true,
      Tty: request.Tty === true,
      OpenStdin: request.OpenStdin === true,
      StdinOnce: request.StdinOnce === true,
      Env: [...(image.Env ?? []), ...(request.Env ?? []), ...(request.Slipway?.extraEnv ?? [])],
      Cmd: request.Cmd ?? (request.Entrypoint === undefined ? (image.Cmd ?? null) : null),
      Image: request.Image,
      Volumes: null,
      WorkingDir: nonEmpty(request.WorkingDir) ?? image.WorkingDir ?? '',
      Entrypoint: request.Entrypoint ?? image.Entrypoint ?? null,
      OnBuild: null,
      Labels: { ...image.Labels, ...request.Labels },
      ...(request.StopSignal === undefined ? {} : { StopSignal: request.StopSignal }),
      ...(request.StopTimeout === undefined ? {} : { StopTimeout: request.StopTimeout }),
    },
    NetworkSettings: { ...EMPTY_NETWORK_SETTINGS, Networks: networksOf(record) },
  };
}

/** argv of the container, of the request alone if the image is not there any more. */
export function argumentsIfKnown(context: EngineContext, record: ContainerRecord): string[] {
  const image = context.images.byId(record.imageId);
  if (image !== undefined) return argumentsOf(record.request, image.run);
  return [...(record.request.Entrypoint ?? []), ...(record.request.Cmd ?? [])];
}

/** The folders and files of the host that the request asks for. */
export function mountPointsOf(record: ContainerRecord): MountPoint[] {
  return parseAskedMounts(record.request.HostConfig ?? {}, record.request.Slipway)
    .filter(mount => mount.type === 'bind')
    .map(mount => ({
      Type: 'bind',
      Source: mount.source,
      Destination: mount.destination,
      Mode: '',
      RW: !mount.options.includes('ro'),
      Propagation: mount.options.find(option => /^r?(private|shared|slave)$/.test(option)) ?? 'rprivate',
    }));
}

/** The networks a container is in: none is made by the engine, so only their names can be told. */
export function networksOf(record: ContainerRecord): Readonly<Record<string, unknown>> {
  const mode = record.request.HostConfig?.NetworkMode ?? 'default';
  return mode === 'host' || mode === 'none' ? { [mode]: EMPTY_ENDPOINT } : {};
}

function formatState(record: ContainerRecord): Readonly<Record<string, unknown>> {
  const { state } = record;
  const isLive = state.status === 'running' || state.status === 'paused';
  const ended = state.status === 'exited' || state.status === 'restarting' ? state : undefined;
  const error = state.status === 'created' ? state.error : ended?.error;
  return {
    Status: state.status,
    Running: isLive || state.status === 'restarting',
    Paused: state.status === 'paused',
    Restarting: state.status === 'restarting',
    OOMKilled: ended?.oomKilled ?? false,
    Dead: false,
    Pid: isLive ? state.process.pid : 0,
    ExitCode: isLive ? 0 : state.exitCode,
    Error: error ?? '',
    StartedAt: state.status === 'created' ? NEVER : new Date(state.startedAtMs).toISOString(),
    FinishedAt: ended === undefined ? NEVER : new Date(ended.finishedAtMs).toISOString(),
  };
}

const EMPTY_ENDPOINT = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: '',
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DriverOpts: null,
};

const EMPTY_NETWORK_SETTINGS = {
  Bridge: '',
  SandboxID: '',
  SandboxKey: '',
  Ports: {},
  HairpinMode: false,
  LinkLocalIPv6Address: '',
  LinkLocalIPv6PrefixLen: 0,
  SecondaryIPAddresses: null,
  SecondaryIPv6Addresses: null,
  EndpointID: '',
  Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  MacAddress: '',
};

/** What Docker answers where nothing was asked for. */
const EMPTY_HOST_CONFIG = {
  Binds: null,
  ContainerIDFile: '',
  PortBindings: {},
  AutoRemove: false,
  VolumeDriver: '',
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: 'private',
  Dns: [],
  DnsOptions: [],
  DnsSearch: [],
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
  CpuPeriod: 0,
  CpuQuota: 0,
  CpusetCpus: '',
  CpusetMems: '',
  Devices: [],
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: null,
  PidsLimit: null,
  Ulimits: null,
};
