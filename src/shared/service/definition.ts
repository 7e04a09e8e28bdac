/**
 * A service as the machine gets it: one container with a place in the boot. `slipway build` makes these
 * from the manifest (defaults filled in, image labels merged, names checked), writes them into
 * machine.json, and system-docker's planner and engine read them. Field names follow the manifest.
 */

/** The lowest memory limit that a container may have, as in Docker's API. */
export const MIN_MEMORY_BYTES = 6 * 1024 * 1024;

export type ServiceSection = 'onboot' | 'services' | 'onshutdown';

/** A namespace: `host`, `new`, or the path of an existing one; `pod:NAME` shares another service's. */
export type NamespaceMode = string;

export interface ServiceMount {
  readonly type: string;
  readonly source: string;
  readonly destination: string;
  readonly options: readonly string[];
}

export interface ServiceDevice {
  readonly path: string;
  /** a, b or c */
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly mode?: number;
}

export interface ServiceLimits {
  /** Bytes; cgroup memory.max. */
  readonly memoryBytes?: number;
  /** Bytes of swap on top of memory; cgroup memory.swap.max. */
  readonly swapBytes?: number;
  /** Processor cores, fractions allowed; cgroup cpu.max. */
  readonly cpus?: number;
  /** 1 to 10000; cgroup cpu.weight. */
  readonly cpuWeight?: number;
  readonly cpusetCpus?: string;
  /** cgroup pids.max */
  readonly pids?: number;
}

/** When a service counts as up. Without one it is up as soon as its process runs, and stays so. */
export type Readiness =
  /** A oneshot: done when it has exited with 0. */
  | { readonly kind: 'exit' }
  | { readonly kind: 'exec'; readonly command: readonly string[]; readonly intervalMs: number }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly intervalMs: number }
  | { readonly kind: 'file'; readonly path: string; readonly intervalMs: number }
  | { readonly kind: 'http'; readonly url: string; readonly intervalMs: number }
  /** A line of the service's log that matches this regular expression. */
  | { readonly kind: 'log'; readonly pattern: string }
  /** READY=1 on the socket that NOTIFY_SOCKET names (sd_notify(3)). */
  | { readonly kind: 'notify' };

export interface RestartPolicy {
  readonly policy: 'no' | 'on-failure' | 'always' | 'unless-stopped';
  /** First pause before a restart; doubles up to maxDelayMs; forgotten after 10 s of running. */
  readonly delayMs: number;
  readonly maxDelayMs: number;
  /** Restarts without success after which it is given up; 0 is never. */
  readonly maxRetries: number;
}

export interface ServiceDefinition {
  readonly name: string;
  readonly section: ServiceSection;
  /** Name under which the image stands in the image store, e.g. `system-images/udev` or `docker.io/library/redis:7`. */
  readonly image: string;
  /** argv that replaces entrypoint and cmd of the image; absent: the image's own. */
  readonly command?: readonly string[];
  /** `K=V`; replaces the image's environment; absent: the image's own. */
  readonly env?: readonly string[];
  readonly cwd?: string;
  /** `uid[:gid]` or names, as in the image's own /etc/passwd; absent: the image's own. */
  readonly user?: string;
  readonly additionalGids: readonly number[];
  /** `source:destination[:options]`, LinuxKit's and Docker's form. */
  readonly binds: readonly string[];
  readonly mounts: readonly ServiceMount[];
  /** `destination[:options]` */
  readonly tmpfs: readonly string[];
  readonly devices: readonly ServiceDevice[];
  /** `CAP_X` names, or the single word `all`; empty is none. */
  readonly capabilities: readonly string[];
  readonly ambient: readonly string[];
  readonly net: NamespaceMode;
  readonly pid: NamespaceMode;
  readonly ipc: NamespaceMode;
  readonly uts: NamespaceMode;
  readonly hostname?: string;
  /** Read-only root file system. */
  readonly readonly: boolean;
  readonly noNewPrivileges: boolean;
  readonly privileged: boolean;
  readonly rootfsPropagation?: string;
  /** Hidden from it; absent: what the engine hides from any container. */
  readonly maskedPaths?: readonly string[];
  /** Not to be written by it; absent: what no container may write. */
  readonly readonlyPaths?: readonly string[];
  readonly sysctl: Readonly<Record<string, string>>;
  /** `name,soft,hard`, numbers or `unlimited`. */
  readonly rlimits: readonly string[];
  readonly oomScoreAdj?: number;
  readonly limits: ServiceLimits;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the OCI configuration; OCI hooks go by them. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Names of services or conditions (`state`, `network`, `config`, `cargo:NAME`) that must be up before. */
  readonly after: readonly string[];
  /** Names of services that wait for this one. */
  readonly before: readonly string[];
  readonly ready?: Readiness;
  /** Whether the boot starts it; otherwise its container is made, and waits for a person. */
  readonly autostart: boolean;
  readonly restart: RestartPolicy;
  /** Until it must be up (longrun) or have exited 0 (oneshot); then it is declared failed. */
  readonly timeoutMs: number;
  readonly onFailure: 'continue' | 'retry' | 'rescue';
  /** Without a signal it is the image's own, else SIGTERM. */
  readonly stop: { readonly signal?: string; readonly graceMs: number };
  /** Share this service's network, ipc and uts namespaces (and pid if it asks). */
  readonly pod?: string;
}

/** True for a service that ends: what runs in `onboot` and `onshutdown`, and what is ready when it has exited. */
export function isOneshot({ section, ready }: Pick<ServiceDefinition, 'section' | 'ready'>): boolean {
  return section !== 'services' || ready?.kind === 'exit';
}
