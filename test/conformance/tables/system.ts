/** Bodies of an engine about itself, from Docker's description of API 1.45. */
import { list, map, nullable, optional, ownList, ownMap, record, setOf } from '../shape.ts';
import { CONTAINER_SUMMARY } from './containers.ts';
import { IMAGE_SUMMARY } from './images.ts';
import { VOLUME } from './networks-and-volumes.ts';

/** GET /version */
export const VERSION = record({
  Platform: record({ Name: 'own-text' }),
  Components: ownList(record({ Name: 'text', Version: 'own-text', Details: ownMap('own-text') })),
  Version: 'own-text',
  ApiVersion: 'text',
  MinAPIVersion: 'text',
  GitCommit: 'own-text',
  GoVersion: 'own-text',
  Os: 'text',
  Arch: 'text',
  KernelVersion: 'text',
  Experimental: optional('bool'),
  BuildTime: optional('own-text'),
});

const COMMIT = record({ ID: 'own-text', Expected: 'own-text' });
const texts = ownList('own-text');

/** GET /info */
export const INFO = record({
  ID: 'own-text',
  Containers: 'count',
  ContainersRunning: 'count',
  ContainersPaused: 'count',
  ContainersStopped: 'count',
  Images: 'count',
  Driver: 'text',
  DriverStatus: ownList(ownList('own-text')),
  SystemStatus: optional('own'),
  /** Up to API 1.24. */
  ExecutionDriver: optional('text'),
  Plugins: record({
    Volume: list('text'),
    Network: ownList('text'),
    Authorization: nullable(list('text')),
    Log: ownList('text'),
  }),
  MemoryLimit: 'bool',
  SwapLimit: 'bool',
  CpuCfsPeriod: 'bool',
  CpuCfsQuota: 'bool',
  CPUShares: 'bool',
  CPUSet: 'bool',
  PidsLimit: 'bool',
  IPv4Forwarding: 'own-bool',
  BridgeNfIptables: 'own-bool',
  BridgeNfIp6tables: 'own-bool',
  Debug: 'bool',
  NFd: 'count',
  OomKillDisable: 'bool',
  NGoroutines: 'count',
  SystemTime: 'time',
  LoggingDriver: 'text',
  CgroupDriver: 'text',
  CgroupVersion: 'text',
  NEventsListener: 'count',
  KernelVersion: 'text',
  OperatingSystem: 'own-text',
  OSVersion: 'own',
  OSType: 'text',
  Architecture: 'text',
  IndexServerAddress: 'text',
  RegistryConfig: record({
    AllowNondistributableArtifactsCIDRs: nullable(list('text')),
    AllowNondistributableArtifactsHostnames: nullable(list('text')),
    InsecureRegistryCIDRs: list('text'),
    IndexConfigs: map(record({ Name: 'text', Mirrors: list('text'), Secure: 'bool', Official: 'bool' })),
    Mirrors: nullable(list('text')),
  }),
  NCPU: 'int',
  MemTotal: 'int',
  GenericResources: nullable(list('any')),
  DockerRootDir: 'path',
  HttpProxy: 'text',
  HttpsProxy: 'text',
  NoProxy: 'text',
  Name: 'text',
  Labels: list('text'),
  ExperimentalBuild: 'bool',
  ServerVersion: 'own-text',
  Runtimes: ownMap(
    record({ path: 'own-text', runtimeArgs: optional(list('text')), status: optional(ownMap('own-text')) }),
  ),
  DefaultRuntime: 'own-text',
  Swarm: record({
    NodeID: 'text',
    NodeAddr: 'text',
    LocalNodeState: 'text',
    ControlAvailable: 'bool',
    Error: 'text',
    RemoteManagers: nullable(list('any')),
  }),
  LiveRestoreEnabled: 'own-bool',
  Isolation: 'text',
  InitBinary: 'text',
  ContainerdCommit: COMMIT,
  RuncCommit: COMMIT,
  InitCommit: COMMIT,
  SecurityOptions: setOf('text'),
  ProductLicense: optional('own-text'),
  CDISpecDirs: nullable(list('text')),
  Warnings: nullable(texts),
});

/** GET /system/df */
export const USAGE = record({
  LayersSize: optional('size'),
  Images: nullable(ownList(IMAGE_SUMMARY)),
  Containers: nullable(ownList(CONTAINER_SUMMARY)),
  Volumes: nullable(setOf(VOLUME)),
  BuildCache: nullable(list('any')),
});
/** Up to API 1.41 it also told of the builder. */
export const USAGE_OLD = record({
  LayersSize: optional('size'),
  Images: nullable(ownList(IMAGE_SUMMARY)),
  Containers: nullable(ownList(CONTAINER_SUMMARY)),
  Volumes: nullable(setOf(VOLUME)),
  BuildCache: nullable(list('any')),
  BuilderSize: optional('size'),
});

/** A line of GET /events */
export const EVENT = record({
  status: optional('text'),
  id: optional('own-text'),
  from: optional('text'),
  Type: 'text',
  Action: 'text',
  Actor: record({ ID: 'own-text', Attributes: map('own-text') }),
  scope: 'text',
  time: 'seconds',
  timeNano: 'count',
});

/** POST /build/prune */
export const BUILD_PRUNED = record({ CachesDeleted: nullable(list('text')), SpaceReclaimed: 'size' });
