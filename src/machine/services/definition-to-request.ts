import { CGROUPS, RUN } from '../../shared/paths.ts';
import type { ServiceDefinition, ServiceMount } from '../../shared/service/definition.ts';
import type { ContainerCreateRequest, HostConfig } from '../engine-api/wire.ts';

/** Label that marks a container as a service of the machine; its value is the section. */
export const SERVICE_LABEL = 'io.slipway.service';

/**
 * The container that a service is: its name is the service's. Restarts are left to the engine; order,
 * readiness and timeouts are not part of it.
 */
export function definitionToRequest(definition: ServiceDefinition): ContainerCreateRequest {
  const { limits, restart, stop } = definition;
  const pod = definition.pod === undefined ? undefined : `container:${definition.pod}`;
  const notified = definition.ready?.kind === 'notify';
  const hostConfig: HostConfig = {
    Binds: definition.binds,
    Tmpfs: Object.fromEntries(definition.tmpfs.map(splitTmpfs)),
    NetworkMode: pod ?? namespaceMode(definition.net),
    PidMode: namespaceMode(definition.pid),
    IpcMode: pod ?? namespaceMode(definition.ipc),
    UTSMode: pod ?? namespaceMode(definition.uts),
    Privileged: definition.privileged,
    ReadonlyRootfs: definition.readonly,
    GroupAdd: definition.additionalGids.map(String),
    SecurityOpt: definition.noNewPrivileges ? ['no-new-privileges:true'] : [],
    ...(definition.maskedPaths === undefined ? {} : { MaskedPaths: definition.maskedPaths }),
    ...(definition.readonlyPaths === undefined ? {} : { ReadonlyPaths: definition.readonlyPaths }),
    ...(definition.annotations === undefined ? {} : { Annotations: definition.annotations }),
    Sysctls: definition.sysctl,
    Ulimits: definition.rlimits.map(parseRlimit),
    // Said even when it is 0: containers must not inherit system-docker's own, which is near the lowest.
    OomScoreAdj: definition.oomScoreAdj ?? 0,
    ...(limits.memoryBytes === undefined ? {} : { Memory: limits.memoryBytes }),
    // Docker counts memory and swap together here.
    ...(limits.swapBytes === undefined ? {} : { MemorySwap: (limits.memoryBytes ?? 0) + limits.swapBytes }),
    ...(limits.cpus === undefined ? {} : { NanoCpus: Math.round(limits.cpus * 1e9) }),
    ...(limits.cpusetCpus === undefined ? {} : { CpusetCpus: limits.cpusetCpus }),
    ...(limits.pids === undefined ? {} : { PidsLimit: limits.pids }),
    RestartPolicy: { Name: restart.policy, MaximumRetryCount: restart.maxRetries },
  };
  return {
    Image: definition.image,
    // An entrypoint in the request puts the image's cmd aside too, so this is the whole argv.
    ...(definition.command === undefined ? {} : { Entrypoint: definition.command, Cmd: [] }),
    ...(definition.env === undefined ? {} : { Env: definition.env }),
    ...(definition.cwd === undefined ? {} : { WorkingDir: definition.cwd }),
    ...(definition.user === undefined ? {} : { User: definition.user }),
    ...(definition.hostname === undefined ? {} : { Hostname: definition.hostname }),
    Labels: { ...definition.labels, [SERVICE_LABEL]: definition.section },
    ...(stop.signal === undefined ? {} : { StopSignal: stop.signal }),
    StopTimeout: Math.ceil(stop.graceMs / 1000),
    HostConfig: hostConfig,
    Slipway: {
      scope: 'boot',
      ...(definition.env === undefined ? {} : { replaceEnv: true }),
      capabilities: definition.privileged ? ['all'] : definition.capabilities,
      ambient: definition.ambient,
      mounts: notified ? [...definition.mounts, notifyMount(definition.name)] : definition.mounts,
      ...(notified ? { extraEnv: [`NOTIFY_SOCKET=${notifyFolder(definition.name)}/socket`] } : {}),
      devices: definition.devices,
      ...(definition.rootfsPropagation === undefined
        ? {}
        : { rootfsPropagation: definition.rootfsPropagation }),
      restartDelayMs: restart.delayMs,
      restartMaxDelayMs: restart.maxDelayMs,
      cgroupPath: `${CGROUPS.services}/${definition.name}`,
      ...(limits.cpuWeight === undefined ? {} : { cpuWeight: limits.cpuWeight }),
    },
  };
}

/** Where a service finds its notify socket: at the same place as on the machine, for those that have its /run. */
function notifyFolder(name: string): string {
  return `${RUN.notify}/${name}/public`;
}

/** The folder, not the socket, which is made anew with each listener. */
function notifyMount(name: string): ServiceMount {
  const folder = notifyFolder(name);
  const options = ['bind', 'rprivate', 'ro', 'nosuid', 'nodev', 'noexec'];
  return { type: 'bind', source: folder, destination: folder, options };
}

/** `pod:NAME` is Docker's `container:NAME`; `host`, `new` and paths are understood as they are. */
function namespaceMode(mode: string): string {
  return mode.startsWith('pod:') ? `container:${mode.slice('pod:'.length)}` : mode;
}

/** `destination[:options]` */
function splitTmpfs(text: string): [string, string] {
  const colon = text.indexOf(':');
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
}

/** `name,soft,hard`; -1 is unlimited, as in Docker's API. */
function parseRlimit(text: string): { Name: string; Soft: number; Hard: number } {
  const [name = '', soft = '', hard = soft] = text.split(',').map(part => part.trim());
  const value = (part: string): number => (part === 'unlimited' ? -1 : Number(part));
  return { Name: name.toLowerCase().replace(/^rlimit_/, ''), Soft: value(soft), Hard: value(hard) };
}
