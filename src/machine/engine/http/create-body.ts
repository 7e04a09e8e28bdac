import type {
  ContainerCreateRequest,
  ContainerUpdateRequest,
  DeviceRequest,
  DriverRequest,
  EndpointSettings,
  HealthConfig,
  HostConfig,
  LogConfig,
  MountRequest,
  NetworkingConfig,
  PortBinding,
  ResourceConfig,
  RestartPolicy,
  ThrottleDevice,
  Ulimit,
  WeightDevice,
} from '../../engine-api/wire.ts';
import { invalidParameter } from '../docker-errors.ts';
import {
  bool,
  decodeBody,
  embedded,
  filled,
  type GoType,
  integer,
  keySet,
  list,
  map,
  struct,
  text,
  words,
} from './go-json.ts';

/**
 * The bodies of create and update. Only fields that are named here get in: above all not `Slipway`, which
 * gives rights that no client of the socket can ask for.
 */

const texts = list(text());
const textMap = map(text());

const healthConfig = struct<HealthConfig>('container.HealthConfig', {
  Test: texts,
  Interval: integer('time.Duration'),
  Timeout: integer('time.Duration'),
  StartPeriod: integer('time.Duration'),
  StartInterval: integer('time.Duration'),
  Retries: integer('int'),
});

const restartPolicy = struct<RestartPolicy>('container.RestartPolicy', {
  Name: text('container.RestartPolicyMode'),
  MaximumRetryCount: integer('int'),
});

const throttles = list(
  filled<ThrottleDevice>('blkiodev.ThrottleDevice', { Path: text(), Rate: integer('uint64') }),
);

const RESOURCES = {
  CpuShares: integer(),
  Memory: integer(),
  NanoCpus: integer(),
  CgroupParent: text(),
  BlkioWeight: integer('uint16'),
  BlkioWeightDevice: list(
    filled<WeightDevice>('blkiodev.WeightDevice', { Path: text(), Weight: integer('uint16') }),
  ),
  BlkioDeviceReadBps: throttles,
  BlkioDeviceWriteBps: throttles,
  BlkioDeviceReadIOps: throttles,
  BlkioDeviceWriteIOps: throttles,
  CpuPeriod: integer(),
  CpuQuota: integer(),
  CpuRealtimePeriod: integer(),
  CpuRealtimeRuntime: integer(),
  CpusetCpus: text(),
  CpusetMems: text(),
  Devices: list(
    filled<DeviceRequest>('container.DeviceMapping', {
      PathOnHost: text(),
      PathInContainer: text(),
      CgroupPermissions: text(),
    }),
  ),
  DeviceCgroupRules: texts,
  DeviceRequests: list(
    struct<DriverRequest>('container.DeviceRequest', { Driver: text(), Capabilities: list(texts) }),
  ),
  KernelMemoryTCP: integer(),
  MemoryReservation: integer(),
  MemorySwap: integer(),
  MemorySwappiness: integer(),
  OomKillDisable: bool,
  PidsLimit: integer(),
  Ulimits: list(filled<Ulimit>('units.Ulimit', { Name: text(), Soft: integer(), Hard: integer() })),
  CpuCount: integer(),
  CpuPercent: integer(),
  IOMaximumIOps: integer('uint64'),
  IOMaximumBandwidth: integer('uint64'),
} satisfies Readonly<Record<keyof ResourceConfig, GoType<unknown>>>;

const mountFields = struct<MountRequest>('mount.Mount', {
  Type: text('mount.Type') as GoType<MountRequest['Type']>,
  Source: text(),
  Target: text(),
  ReadOnly: bool,
  Consistency: text('mount.Consistency'),
  BindOptions: struct<NonNullable<MountRequest['BindOptions']>>('mount.BindOptions', {
    Propagation: text('mount.Propagation'),
    NonRecursive: bool,
    CreateMountpoint: bool,
    ReadOnlyNonRecursive: bool,
    ReadOnlyForceRecursive: bool,
  }),
  VolumeOptions: struct<NonNullable<MountRequest['VolumeOptions']>>('mount.VolumeOptions', {
    NoCopy: bool,
    Labels: textMap,
    Subpath: text(),
    DriverConfig: struct<{ Name?: string; Options?: Readonly<Record<string, string>> }>('mount.Driver', {
      Name: text(),
      Options: textMap,
    }),
  }),
  TmpfsOptions: struct<NonNullable<MountRequest['TmpfsOptions']>>('mount.TmpfsOptions', {
    SizeBytes: integer(),
    Mode: integer('fs.FileMode'),
  }),
});

/** An unknown type or an empty target is refused when the mount is looked at. */
const mount: GoType<MountRequest> = {
  name: mountFields.name,
  zero: { Type: '' as MountRequest['Type'], Target: '' },
  decode(value, at) {
    const fields = mountFields.decode(value, at);
    return fields && { ...mount.zero, ...fields };
  },
};

const hostConfig = struct<HostConfig>('container.HostConfig', {
  ...embedded('Resources', RESOURCES),
  Binds: texts,
  ContainerIDFile: text(),
  LogConfig: struct<LogConfig>('container.LogConfig', { Type: text(), Config: textMap }),
  NetworkMode: text('container.NetworkMode'),
  PortBindings: map(
    list(struct<PortBinding>('nat.PortBinding', { HostIp: text(), HostPort: text() })),
    'nat.PortMap',
  ),
  RestartPolicy: restartPolicy,
  AutoRemove: bool,
  VolumeDriver: text(),
  VolumesFrom: texts,
  ConsoleSize: list(integer('uint'), '[2]uint'),
  Annotations: textMap,
  CapAdd: words,
  CapDrop: words,
  CgroupnsMode: text('container.CgroupnsMode'),
  Dns: texts,
  DnsOptions: texts,
  DnsSearch: texts,
  ExtraHosts: texts,
  GroupAdd: texts,
  IpcMode: text('container.IpcMode'),
  Cgroup: text('container.CgroupSpec'),
  Links: texts,
  OomScoreAdj: integer('int'),
  PidMode: text('container.PidMode'),
  Privileged: bool,
  PublishAllPorts: bool,
  ReadonlyRootfs: bool,
  SecurityOpt: texts,
  StorageOpt: textMap,
  Tmpfs: textMap,
  UTSMode: text('container.UTSMode'),
  UsernsMode: text('container.UsernsMode'),
  ShmSize: integer(),
  Sysctls: textMap,
  Runtime: text(),
  Isolation: text('container.Isolation'),
  Mounts: list(mount),
  MaskedPaths: texts,
  ReadonlyPaths: texts,
  Init: bool,
});

/** Also the body of POST /networks/{id}/connect, below `EndpointConfig`. */
export const endpointSettings: GoType<EndpointSettings> = struct<EndpointSettings>(
  'network.EndpointSettings',
  {
    IPAMConfig: struct<NonNullable<EndpointSettings['IPAMConfig']>>('network.EndpointIPAMConfig', {
      IPv4Address: text(),
      IPv6Address: text(),
      LinkLocalIPs: texts,
    }),
    Links: texts,
    Aliases: texts,
    MacAddress: text(),
    NetworkID: text(),
    DriverOpts: textMap,
  },
);

const CONFIG = {
  Image: text(),
  Hostname: text(),
  Domainname: text(),
  User: text(),
  Env: texts,
  Cmd: words,
  Entrypoint: words,
  WorkingDir: text(),
  Labels: textMap,
  Tty: bool,
  OpenStdin: bool,
  StdinOnce: bool,
  AttachStdin: bool,
  AttachStdout: bool,
  AttachStderr: bool,
  ExposedPorts: keySet('nat.PortSet'),
  Volumes: keySet(),
  Healthcheck: healthConfig,
  NetworkDisabled: bool,
  MacAddress: text(),
  OnBuild: texts,
  Shell: words,
  StopSignal: text(),
  StopTimeout: integer('int'),
};

const createRequest = struct<Omit<ContainerCreateRequest, 'Slipway'>>('runconfig.ContainerConfigWrapper', {
  ...embedded('Config', CONFIG),
  HostConfig: hostConfig,
  NetworkingConfig: struct<NetworkingConfig>('network.NetworkingConfig', {
    EndpointsConfig: map(endpointSettings),
  }),
});

const updateRequest = struct<ContainerUpdateRequest>('container.UpdateConfig', {
  ...embedded('Resources', RESOURCES),
  RestartPolicy: restartPolicy,
});

/** Parses the body of POST /containers/create. Throws ENGINE_INVALID_PARAMETER. */
export function parseCreateBody(body: unknown): ContainerCreateRequest {
  if (body === undefined) throw invalidParameter('invalid JSON: got EOF while reading request body');
  const { Image = '', ...request } = decodeBody(createRequest, body);
  if (!Object.keys(request).some(key => key in CONFIG) && Image === '') {
    throw invalidParameter('config cannot be empty in order to create a container');
  }
  return { Image, ...request };
}

/** Parses the body of POST /containers/{id}/update. Throws ENGINE_INVALID_PARAMETER. */
export function parseUpdateBody(body: unknown): ContainerUpdateRequest {
  return decodeBody(updateRequest, body);
}
