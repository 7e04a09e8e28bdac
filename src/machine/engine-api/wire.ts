/**
 * Docker Engine API bodies, field names as on the wire. Only what system-docker reads or answers.
 */

/** Mount of a create request, API `Mount`. */
export interface MountRequest {
  readonly Type: 'bind' | 'tmpfs' | 'volume' | 'npipe' | 'cluster';
  readonly Source?: string;
  readonly Target: string;
  readonly ReadOnly?: boolean;
  readonly Consistency?: string;
  readonly BindOptions?: {
    readonly Propagation?: string;
    readonly NonRecursive?: boolean;
    readonly CreateMountpoint?: boolean;
    readonly ReadOnlyNonRecursive?: boolean;
    readonly ReadOnlyForceRecursive?: boolean;
  };
  readonly VolumeOptions?: {
    readonly NoCopy?: boolean;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly Subpath?: string;
    readonly DriverConfig?: { readonly Name?: string; readonly Options?: Readonly<Record<string, string>> };
  };
  readonly TmpfsOptions?: { readonly SizeBytes?: number; readonly Mode?: number };
}

export interface DeviceRequest {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  readonly CgroupPermissions: string;
}

/** Devices that a driver hands out, such as `--gpus`; there is no driver here. */
export interface DriverRequest {
  readonly Driver?: string;
  readonly Capabilities?: readonly (readonly string[])[];
}

/** Limit of one block device, in bytes or operations a second. */
export interface ThrottleDevice {
  readonly Path: string;
  readonly Rate: number;
}

export interface WeightDevice {
  readonly Path: string;
  readonly Weight: number;
}

export interface Ulimit {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

/** Where a port of the container is reached on the machine; an empty HostPort is chosen by the engine. */
export interface PortBinding {
  readonly HostIp?: string;
  readonly HostPort?: string;
}

export interface RestartPolicy {
  readonly Name?: string;
  readonly MaximumRetryCount?: number;
}

export interface LogConfig {
  readonly Type?: string;
  readonly Config?: Readonly<Record<string, string>>;
}

/** What can be changed later with POST /containers/{id}/update as well: limits of the container's cgroup. */
export interface ResourceConfig {
  readonly CpuShares?: number;
  readonly Memory?: number;
  readonly NanoCpus?: number;
  readonly CgroupParent?: string;
  readonly BlkioWeight?: number;
  readonly BlkioWeightDevice?: readonly WeightDevice[];
  readonly BlkioDeviceReadBps?: readonly ThrottleDevice[];
  readonly BlkioDeviceWriteBps?: readonly ThrottleDevice[];
  readonly BlkioDeviceReadIOps?: readonly ThrottleDevice[];
  readonly BlkioDeviceWriteIOps?: readonly ThrottleDevice[];
  readonly CpuPeriod?: number;
  readonly CpuQuota?: number;
  readonly CpuRealtimePeriod?: number;
  readonly CpuRealtimeRuntime?: number;
  readonly CpusetCpus?: string;
  readonly CpusetMems?: string;
  readonly Devices?: readonly DeviceRequest[];
  readonly DeviceCgroupRules?: readonly string[];
  readonly DeviceRequests?: readonly DriverRequest[];
  readonly KernelMemoryTCP?: number;
  readonly MemoryReservation?: number;
  readonly MemorySwap?: number;
  readonly MemorySwappiness?: number;
  readonly OomKillDisable?: boolean;
  readonly PidsLimit?: number;
  readonly Ulimits?: readonly Ulimit[];
  readonly CpuCount?: number;
  readonly CpuPercent?: number;
  readonly IOMaximumIOps?: number;
  readonly IOMaximumBandwidth?: number;
}

export interface HostConfig extends ResourceConfig {
  readonly Binds?: readonly string[];
  readonly ContainerIDFile?: string;
  readonly LogConfig?: LogConfig;
  readonly NetworkMode?: string;
  /** Key `80/tcp`. */
  readonly PortBindings?: Readonly<Record<string, readonly PortBinding[]>>;
  readonly RestartPolicy?: RestartPolicy;
  readonly AutoRemove?: boolean;
  readonly VolumeDriver?: string;
  readonly VolumesFrom?: readonly string[];
  readonly ConsoleSize?: readonly number[];
  readonly Annotations?: Readonly<Record<string, string>>;
  readonly CapAdd?: readonly string[];
  readonly CapDrop?: readonly string[];
  readonly CgroupnsMode?: string;
  readonly Dns?: readonly string[];
  readonly DnsOptions?: readonly string[];
  readonly DnsSearch?: readonly string[];
  readonly ExtraHosts?: readonly string[];
  readonly GroupAdd?: readonly string[];
  readonly IpcMode?: string;
  readonly Cgroup?: string;
  readonly Links?: readonly string[];
  readonly OomScoreAdj?: number;
  readonly PidMode?: string;
  readonly Privileged?: boolean;
  readonly PublishAllPorts?: boolean;
  readonly ReadonlyRootfs?: boolean;
  readonly SecurityOpt?: readonly string[];
  readonly StorageOpt?: Readonly<Record<string, string>>;
  readonly Tmpfs?: Readonly<Record<string, string>>;
  readonly UTSMode?: string;
  readonly UsernsMode?: string;
  readonly ShmSize?: number;
  readonly Sysctls?: Readonly<Record<string, string>>;
  readonly Runtime?: string;
  readonly Isolation?: string;
  readonly Mounts?: readonly MountRequest[];
  readonly MaskedPaths?: readonly string[];
  readonly ReadonlyPaths?: readonly string[];
  readonly Init?: boolean;
}

/** One network of a create request, and what connect takes. */
export interface EndpointSettings {
  readonly IPAMConfig?: {
    readonly IPv4Address?: string;
    readonly IPv6Address?: string;
    readonly LinkLocalIPs?: readonly string[];
  };
  readonly Links?: readonly string[];
  readonly Aliases?: readonly string[];
  readonly MacAddress?: string;
  readonly NetworkID?: string;
  readonly DriverOpts?: Readonly<Record<string, string>>;
}

export interface NetworkingConfig {
  readonly EndpointsConfig?: Readonly<Record<string, EndpointSettings>>;
}

/** How a container's health is found out; durations in nanoseconds, 0 is the default. */
export interface HealthConfig {
  /** `NONE`, or `CMD` with its words, or `CMD-SHELL` with one text. Empty: the image's. */
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** What LinuxKit's keys say and Docker's API cannot; taken from in-process callers only, never over a socket. */
export interface SlipwayExtension {
  /** Scope of the container's record: gone with the boot, or kept on the state partition. */
  readonly scope: 'boot' | 'state';
  /** Exactly these capabilities (`CAP_X`), instead of Docker's default plus CapAdd; `all` for every one. */
  readonly capabilities?: readonly string[];
  readonly ambient?: readonly string[];
  /** OCI mounts that are put in after the default ones; one with the destination of a default replaces it. */
  readonly mounts?: readonly {
    readonly type: string;
    readonly source: string;
    readonly destination: string;
    readonly options: readonly string[];
  }[];
  readonly rootfsPropagation?: string;
  /** Devices beyond HostConfig.Devices; path `all` opens a whole class. */
  readonly devices?: readonly {
    readonly path: string;
    readonly type?: string;
    readonly major?: number;
    readonly minor?: number;
    readonly mode?: number;
  }[];
  /** Restart pauses in milliseconds, where they differ from Docker's 100 ms doubling to 60 s. */
  readonly restartDelayMs?: number;
  readonly restartMaxDelayMs?: number;
  /** cgroup v2 path below /sys/fs/cgroup. */
  readonly cgroupPath?: string;
  /** cgroup cpu.weight, 1 to 10000. */
  readonly cpuWeight?: number;
  /** Env stands for the image's own environment instead of adding to it, as LinuxKit has it. */
  readonly replaceEnv?: boolean;
  /** Environment variables that are added after the image's or request's own, e.g. NOTIFY_SOCKET. */
  readonly extraEnv?: readonly string[];
}

/** POST /containers/create */
export interface ContainerCreateRequest {
  readonly Image: string;
  readonly Hostname?: string;
  readonly Domainname?: string;
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly Tty?: boolean;
  readonly OpenStdin?: boolean;
  readonly StdinOnce?: boolean;
  readonly AttachStdin?: boolean;
  readonly AttachStdout?: boolean;
  readonly AttachStderr?: boolean;
  /** Keys such as `80/tcp`. */
  readonly ExposedPorts?: readonly string[];
  /** Destinations of anonymous volumes. */
  readonly Volumes?: readonly string[];
  readonly Healthcheck?: HealthConfig;
  readonly NetworkDisabled?: boolean;
  /** Of the container's first network; since API 1.44 in EndpointSettings. */
  readonly MacAddress?: string;
  readonly OnBuild?: readonly string[];
  readonly Shell?: readonly string[];
  readonly StopSignal?: string;
  readonly StopTimeout?: number;
  readonly HostConfig?: HostConfig;
  readonly NetworkingConfig?: NetworkingConfig;
  readonly Slipway?: SlipwayExtension;
}

/** POST /containers/{id}/update */
export interface ContainerUpdateRequest extends ResourceConfig {
  readonly RestartPolicy?: RestartPolicy;
}
