/** Bodies about containers and exec, from Docker's description of API 1.45. */
import { type Shape, list, map, nullable, optional, ownList, record, setOf } from '../shape.ts';

const texts = list('text');
const textMap = map('text');
const set = map(record({}));

/** POST /containers/create */
export const CREATED = record({ Id: 'id', Warnings: nullable(texts) });

const IPAM = record({
  IPv4Address: optional('text'),
  IPv6Address: optional('text'),
  LinkLocalIPs: optional(texts),
});

/** A container in a network. */
export const ENDPOINT = record({
  IPAMConfig: nullable(IPAM),
  Links: nullable(texts),
  Aliases: nullable(list('own-text')),
  MacAddress: 'mac',
  DriverOpts: nullable(textMap),
  NetworkID: 'own-text',
  EndpointID: 'own-text',
  Gateway: 'address',
  IPAddress: 'address',
  IPPrefixLen: 'int',
  IPv6Gateway: 'address',
  GlobalIPv6Address: 'address',
  GlobalIPv6PrefixLen: 'int',
  DNSNames: optional(nullable(list('own-text'))),
});

const MOUNT = {
  Type: 'text',
  Name: optional('own-text'),
  Source: 'path',
  Destination: 'text',
  Driver: optional('text'),
  Mode: 'text',
  RW: 'bool',
  Propagation: 'text',
} satisfies Record<string, Shape>;

const PORT_BINDINGS = map(nullable(list(record({ HostIp: 'text', HostPort: 'text' }))));

/** An entry of GET /containers/json */
export const CONTAINER_SUMMARY = record({
  Id: 'id',
  Names: texts,
  Image: 'text',
  ImageID: 'digest',
  Command: 'text',
  Created: 'seconds',
  Ports: setOf(
    record({ IP: optional('text'), PrivatePort: 'int', PublicPort: optional('int'), Type: 'text' }),
  ),
  SizeRw: optional('size'),
  SizeRootFs: optional('size'),
  Labels: textMap,
  State: 'text',
  Status: 'own-text',
  HostConfig: record({ NetworkMode: 'text', Annotations: optional(textMap) }),
  NetworkSettings: record({ Networks: map(ENDPOINT) }),
  Mounts: setOf(record(MOUNT)),
});

/** GET /containers/json */
export const LIST = list(CONTAINER_SUMMARY);

const HEALTH_LOG = record({ Start: 'time', End: 'time', ExitCode: 'int', Output: 'text' });

const STATE = record({
  Status: 'text',
  Running: 'bool',
  Paused: 'bool',
  Restarting: 'bool',
  OOMKilled: 'bool',
  Dead: 'bool',
  Pid: 'pid',
  ExitCode: 'int',
  Error: 'text',
  StartedAt: 'time',
  FinishedAt: 'time',
  Health: optional(record({ Status: 'text', FailingStreak: 'int', Log: nullable(ownList(HEALTH_LOG)) })),
});

const RATE = record({ Path: 'text', Rate: 'int' });

/** Limits, as HostConfig has them. */
const RESOURCES = {
  CpuShares: 'int',
  Memory: 'int',
  NanoCpus: 'int',
  CgroupParent: 'own-text',
  BlkioWeight: 'int',
  BlkioWeightDevice: nullable(list(record({ Path: 'text', Weight: 'int' }))),
  BlkioDeviceReadBps: nullable(list(RATE)),
  BlkioDeviceWriteBps: nullable(list(RATE)),
  BlkioDeviceReadIOps: nullable(list(RATE)),
  BlkioDeviceWriteIOps: nullable(list(RATE)),
  CpuPeriod: 'int',
  CpuQuota: 'int',
  CpuRealtimePeriod: 'int',
  CpuRealtimeRuntime: 'int',
  CpusetCpus: 'text',
  CpusetMems: 'text',
  Devices: nullable(list(record({ PathOnHost: 'text', PathInContainer: 'text', CgroupPermissions: 'text' }))),
  DeviceCgroupRules: nullable(texts),
  DeviceRequests: nullable(list('any')),
  KernelMemory: optional('int'),
  KernelMemoryTCP: optional('int'),
  MemoryReservation: 'int',
  MemorySwap: 'int',
  MemorySwappiness: nullable('int'),
  OomKillDisable: nullable('bool'),
  PidsLimit: nullable('int'),
  Ulimits: nullable(list(record({ Name: 'text', Hard: 'int', Soft: 'int' }))),
  CpuCount: 'int',
  CpuPercent: 'int',
  IOMaximumIOps: 'int',
  IOMaximumBandwidth: 'int',
} satisfies Record<string, Shape>;

const HOST_CONFIG = record({
  ...RESOURCES,
  Binds: nullable(texts),
  ContainerIDFile: 'text',
  LogConfig: record({ Type: 'text', Config: nullable(textMap) }),
  NetworkMode: 'text',
  PortBindings: nullable(PORT_BINDINGS),
  RestartPolicy: record({ Name: 'text', MaximumRetryCount: 'int' }),
  AutoRemove: 'bool',
  VolumeDriver: 'text',
  VolumesFrom: nullable(texts),
  ConsoleSize: list('int'),
  Annotations: optional(textMap),
  CapAdd: nullable(texts),
  CapDrop: nullable(texts),
  CgroupnsMode: 'text',
  Dns: nullable(texts),
  DnsOptions: nullable(texts),
  DnsSearch: nullable(texts),
  ExtraHosts: nullable(texts),
  GroupAdd: nullable(texts),
  IpcMode: 'text',
  Cgroup: 'text',
  Links: nullable(texts),
  OomScoreAdj: 'int',
  PidMode: 'text',
  Privileged: 'bool',
  PublishAllPorts: 'bool',
  ReadonlyRootfs: 'bool',
  SecurityOpt: nullable(texts),
  StorageOpt: optional(textMap),
  Tmpfs: optional(textMap),
  UTSMode: 'text',
  UsernsMode: 'text',
  ShmSize: 'int',
  Sysctls: optional(textMap),
  Runtime: 'text',
  Isolation: 'text',
  Mounts: optional(
    list(
      record({
        Type: 'text',
        Source: optional('text'),
        Target: 'text',
        ReadOnly: optional('bool'),
        Consistency: optional('text'),
        BindOptions: optional('any'),
        VolumeOptions: optional('any'),
        TmpfsOptions: optional('any'),
      }),
    ),
  ),
  MaskedPaths: nullable(setOf('text')),
  ReadonlyPaths: nullable(setOf('text')),
  Init: optional(nullable('bool')),
});

const HEALTHCHECK = record({
  Test: optional(texts),
  Interval: optional('int'),
  Timeout: optional('int'),
  StartPeriod: optional('int'),
  StartInterval: optional('int'),
  Retries: optional('int'),
});

/** What a container or an image runs; an image may have all of it too. */
export const CONFIG = record({
  Hostname: 'own-text',
  Domainname: 'text',
  User: 'text',
  AttachStdin: 'bool',
  AttachStdout: 'bool',
  AttachStderr: 'bool',
  ExposedPorts: optional(set),
  Tty: 'bool',
  OpenStdin: 'bool',
  StdinOnce: 'bool',
  Env: nullable(texts),
  Cmd: nullable(texts),
  Healthcheck: optional(HEALTHCHECK),
  ArgsEscaped: optional('bool'),
  Image: 'text',
  Volumes: nullable(set),
  WorkingDir: 'text',
  Entrypoint: nullable(texts),
  NetworkDisabled: optional('bool'),
  MacAddress: optional('mac'),
  OnBuild: nullable(texts),
  Labels: nullable(textMap),
  StopSignal: optional('text'),
  StopTimeout: optional('int'),
  Shell: optional(texts),
});

const ADDRESS = record({ Addr: 'address', PrefixLen: 'int' });

const NETWORK_SETTINGS = record({
  Bridge: 'text',
  SandboxID: 'own-text',
  SandboxKey: 'path',
  Ports: nullable(PORT_BINDINGS),
  HairpinMode: 'bool',
  LinkLocalIPv6Address: 'address',
  LinkLocalIPv6PrefixLen: 'int',
  SecondaryIPAddresses: nullable(list(ADDRESS)),
  SecondaryIPv6Addresses: nullable(list(ADDRESS)),
  EndpointID: 'own-text',
  Gateway: 'address',
  GlobalIPv6Address: 'address',
  GlobalIPv6PrefixLen: 'int',
  IPAddress: 'address',
  IPPrefixLen: 'int',
  IPv6Gateway: 'address',
  MacAddress: 'mac',
  Networks: map(ENDPOINT),
});

const INSPECTED_FIELDS = {
  Id: 'id',
  Created: 'time',
  Path: 'text',
  Args: texts,
  State: STATE,
  Image: 'digest',
  ResolvConfPath: 'path',
  HostnamePath: 'path',
  HostsPath: 'path',
  LogPath: 'path',
  Name: 'text',
  RestartCount: 'int',
  Driver: 'text',
  Platform: 'text',
  MountLabel: 'text',
  ProcessLabel: 'text',
  AppArmorProfile: 'text',
  ExecIDs: nullable(ownList('id')),
  HostConfig: HOST_CONFIG,
  GraphDriver: record({ Name: 'text', Data: nullable(map('path')) }),
  Mounts: setOf(record(MOUNT)),
  Config: CONFIG,
  NetworkSettings: NETWORK_SETTINGS,
} satisfies Record<string, Shape>;

/** GET /containers/{id}/json */
export const INSPECTED = record(INSPECTED_FIELDS);
/** The same with `size=1`; of an empty container one may be left out. */
export const INSPECTED_SIZED = record({ ...INSPECTED_FIELDS, SizeRw: optional('size'), SizeRootFs: 'size' });
