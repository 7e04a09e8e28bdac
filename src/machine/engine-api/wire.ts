/**
 * Docker Engine API bodies, field names as on the wire. Only what system-docker reads or answers.
 */

/** Mount of a create request, API `Mount`. */
export interface MountRequest {
  readonly Type: 'bind' | 'tmpfs' | 'volume';
  readonly Source?: string;
  readonly Target: string;
  readonly ReadOnly?: boolean;
  readonly BindOptions?: { readonly Propagation?: string; readonly NonRecursive?: boolean };
  readonly TmpfsOptions?: { readonly SizeBytes?: number; readonly Mode?: number };
}

export interface DeviceRequest {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  readonly CgroupPermissions: string;
}

export interface HostConfig {
  readonly Binds?: readonly string[];
  readonly Mounts?: readonly MountRequest[];
  readonly Tmpfs?: Readonly<Record<string, string>>;
  readonly NetworkMode?: string;
  readonly PidMode?: string;
  readonly IpcMode?: string;
  readonly UTSMode?: string;
  readonly CgroupnsMode?: string;
  readonly Privileged?: boolean;
  readonly ReadonlyRootfs?: boolean;
  readonly CapAdd?: readonly string[];
  readonly CapDrop?: readonly string[];
  readonly GroupAdd?: readonly string[];
  readonly Devices?: readonly DeviceRequest[];
  readonly DeviceCgroupRules?: readonly string[];
  readonly SecurityOpt?: readonly string[];
  readonly MaskedPaths?: readonly string[];
  readonly ReadonlyPaths?: readonly string[];
  readonly Sysctls?: Readonly<Record<string, string>>;
  readonly Ulimits?: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[];
  readonly OomScoreAdj?: number;
  readonly Memory?: number;
  readonly MemoryReservation?: number;
  readonly MemorySwap?: number;
  readonly NanoCpus?: number;
  readonly CpuShares?: number;
  readonly CpuQuota?: number;
  readonly CpuPeriod?: number;
  readonly CpusetCpus?: string;
  readonly PidsLimit?: number;
  readonly ShmSize?: number;
  readonly Init?: boolean;
  readonly AutoRemove?: boolean;
  readonly Runtime?: string;
  readonly CgroupParent?: string;
  readonly RestartPolicy?: { readonly Name?: string; readonly MaximumRetryCount?: number };
  readonly LogConfig?: { readonly Type?: string; readonly Config?: Readonly<Record<string, string>> };
  readonly Annotations?: Readonly<Record<string, string>>;
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
  readonly StopSignal?: string;
  readonly StopTimeout?: number;
  readonly HostConfig?: HostConfig;
  readonly Slipway?: SlipwayExtension;
}
