import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import { environmentEntry, readEnvironment, readKeyValueFile } from '../environment.ts';
import { CommandFailure } from '../failure.ts';
import { parseIntegerOr } from '../flags.ts';
import type { CreateOptions } from './create-flags.ts';
import { healthcheckOf } from './create-health.ts';
import { endpoints, networkMode } from './create-network.ts';
import { parsePorts } from './port-flag.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The body of POST /containers/create for what was asked for. Throws CommandFailure (125) for what cannot be meant. */
export async function createBody(
  image: string,
  words: readonly string[],
  options: CreateOptions,
  env: Env,
): Promise<object> {
  const attached = options.attach ?? [];
  const hasStdin = options.interactive === true;
  const attachesStdin = attached.includes('stdin') || (attached.length === 0 && hasStdin);
  const { exposed, bindings } = parsePorts(options.publish ?? [], options.expose ?? []);
  const variables = await readEnvironment(options.envFile, options.env, env);
  const labels: string[] = [];
  for (const file of options.labelFile ?? []) labels.push(...(await readKeyValueFile(file, 'label')));
  labels.push(...(options.label ?? []));
  const { binds, anonymous } = splitVolumes(options.volume ?? []);
  const healthcheck = healthcheckOf(options);
  return {
    Hostname: options.hostname ?? '',
    Domainname: options.domainname ?? '',
    User: options.user ?? '',
    AttachStdin: attachesStdin,
    AttachStdout: attached.length === 0 || attached.includes('stdout'),
    AttachStderr: attached.length === 0 || attached.includes('stderr'),
    ...(Object.keys(exposed).length === 0 ? {} : { ExposedPorts: exposed }),
    Tty: options.tty === true,
    OpenStdin: hasStdin,
    StdinOnce: hasStdin && attachesStdin,
    Env: orNull(variables),
    Cmd: orNull(words),
    ...(healthcheck === undefined ? {} : { Healthcheck: healthcheck }),
    Image: image,
    Volumes: Object.fromEntries(anonymous.map(path => [path, {}])),
    WorkingDir: options.workdir ?? '',
    Entrypoint: options.entrypoint === undefined ? null : [options.entrypoint],
    OnBuild: null,
    Labels: pairs(labels, env),
    ...(options.stopSignal === undefined ? {} : { StopSignal: options.stopSignal }),
    ...(options.stopTimeout === undefined ? {} : { StopTimeout: options.stopTimeout }),
    HostConfig: hostConfig(options, binds, bindings),
    NetworkingConfig: { EndpointsConfig: endpoints(options) },
  };
}

/** A list as Go writes it: nil when nothing is in it. */
function orNull<T>(list: readonly T[] | undefined): readonly T[] | null {
  return list === undefined || list.length === 0 ? null : list;
}

function hostConfig(options: CreateOptions, binds: readonly string[], bindings: object): object {
  const mounts = options.mount ?? [];
  return {
    Binds: orNull(binds),
    ContainerIDFile: options.cidfile ?? '',
    LogConfig: { Type: options.logDriver ?? '', Config: logOptions(options) },
    NetworkMode: networkMode(options),
    PortBindings: bindings,
    RestartPolicy: parseRestart(options.restart ?? 'no'),
    AutoRemove: options.rm === true,
    VolumeDriver: options.volumeDriver ?? '',
    VolumesFrom: orNull(options.volumesFrom),
    ConsoleSize: [0, 0],
    ...(options.annotation === undefined ? {} : { Annotations: pairs(options.annotation, {}) }),
    CapAdd: orNull(options.capAdd),
    CapDrop: orNull(options.capDrop),
    CgroupnsMode: options.cgroupns ?? '',
    Dns: options.dns ?? [],
    DnsOptions: options.dnsOption ?? [],
    DnsSearch: options.dnsSearch ?? [],
    ExtraHosts: orNull(options.addHost),
    GroupAdd: orNull(options.groupAdd),
    IpcMode: options.ipc ?? '',
    Cgroup: '',
    Links: orNull(options.link),
    OomScoreAdj: options.oomScoreAdj ?? 0,
    PidMode: options.pid ?? '',
    Privileged: options.privileged === true,
    PublishAllPorts: options.publishAll === true,
    ReadonlyRootfs: options.readOnly === true,
    ...securityOptions(options.securityOpt ?? []),
    ...(options.storageOpt === undefined ? {} : { StorageOpt: pairs(options.storageOpt, {}) }),
    ...(options.tmpfs === undefined ? {} : { Tmpfs: tmpfs(options.tmpfs) }),
    UTSMode: options.uts ?? '',
    UsernsMode: options.userns ?? '',
    ShmSize: options.shmSize ?? 0,
    ...(options.sysctl === undefined ? {} : { Sysctls: pairs(options.sysctl, {}) }),
    ...(options.runtime === undefined ? {} : { Runtime: options.runtime }),
    Isolation: options.isolation ?? '',
    ...resources(options),
    ...(mounts.length === 0 ? {} : { Mounts: mounts }),
    ...(options.init === undefined ? {} : { Init: options.init }),
  };
}

function resources(options: CreateOptions): object {
  if (options.memorySwappiness !== undefined && options.memorySwappiness !== -1) {
    const { memorySwappiness } = options;
    if (memorySwappiness < 0 || memorySwappiness > 100) {
      throw fault(`invalid value: ${memorySwappiness}. Valid memory swappiness range is 0-100`);
    }
  }
  return {
    CpuShares: options.cpuShares ?? 0,
    Memory: options.memory ?? 0,
    NanoCpus: options.cpus ?? 0,
    CgroupParent: options.cgroupParent ?? '',
    BlkioWeight: options.blkioWeight ?? 0,
    BlkioWeightDevice: options.blkioWeightDevice ?? [],
    BlkioDeviceReadBps: options.deviceReadBps ?? [],
    BlkioDeviceWriteBps: options.deviceWriteBps ?? [],
    BlkioDeviceReadIOps: options.deviceReadIops ?? [],
    BlkioDeviceWriteIOps: options.deviceWriteIops ?? [],
    CpuPeriod: options.cpuPeriod ?? 0,
    CpuQuota: options.cpuQuota ?? 0,
    CpuRealtimePeriod: options.cpuRtPeriod ?? 0,
    CpuRealtimeRuntime: options.cpuRtRuntime ?? 0,
    CpusetCpus: options.cpusetCpus ?? '',
    CpusetMems: options.cpusetMems ?? '',
    Devices: (options.device ?? []).map(parseDevice),
    DeviceCgroupRules: orNull(options.deviceCgroupRule?.map(checkDeviceRule)),
    DeviceRequests: null,
    MemoryReservation: options.memoryReservation ?? 0,
    MemorySwap: options.memorySwap ?? 0,
    MemorySwappiness: options.memorySwappiness ?? -1,
    OomKillDisable: options.oomKillDisable === true,
    PidsLimit: options.pidsLimit ?? 0,
    Ulimits: [...(options.ulimit ?? [])].sort((a, b) => (a.Name < b.Name ? -1 : 1)),
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

/** `on-failure:3`. Throws CommandFailure. */
export function parseRestart(text: string): { Name: string; MaximumRetryCount?: number } {
  const [Name = '', count, ...more] = text.split(':');
  if (Name === '' && text !== '')
    throw fault('invalid restart policy format: no policy provided before colon');
  if (more.length > 0) throw fault('invalid restart policy format: maximum retry count must be an integer');
  if (count === undefined) return { Name, MaximumRetryCount: 0 };
  const MaximumRetryCount = parseIntegerOr(count, () => {
    throw fault('invalid restart policy format: maximum retry count must be an integer');
  });
  return { Name, MaximumRetryCount };
}

function parseDevice(text: string): object {
  const parts = text.split(':');
  const [PathOnHost = '', second, third] = parts;
  if (parts.length > 3 || PathOnHost === '') throw fault(`invalid device specification: ${text}`);
  const isMode = (word: string): boolean => /^[rwm]{1,3}$/.test(word);
  const hasMode = third === undefined && second !== undefined && isMode(second);
  const PathInContainer = second === undefined || hasMode ? PathOnHost : second;
  return { PathOnHost, PathInContainer, CgroupPermissions: (hasMode ? second : third) ?? 'rwm' };
}

function checkDeviceRule(text: string): string {
  if (!/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text)) {
    throw fault(`invalid device cgroup format '${text}'`);
  }
  return text;
}

function logOptions(options: CreateOptions): Record<string, string> {
  const given = pairs(options.logOpt ?? [], {});
  if (options.logDriver === 'none' && Object.keys(given).length > 0) {
    throw fault('invalid logging opts for driver none');
  }
  return given;
}

/** A profile is read here, since the engine may see other files. */
function securityOptions(given: readonly string[]): object {
  const showsAll = given.includes('systempaths=unconfined');
  const SecurityOpt = given.flatMap(option => {
    if (option === 'systempaths=unconfined') return [];
    const separator = option.includes('=') ? '=' : ':';
    const [name = '', value] = option.split(new RegExp(`${separator}(.*)`, 's'));
    if (value === undefined && name !== 'no-new-privileges')
      throw fault(`Invalid --security-opt: ${JSON.stringify(option)}`);
    if (name !== 'seccomp' || value === undefined || value === 'unconfined' || value === 'builtin')
      return [option];
    try {
      return [`seccomp=${JSON.stringify(JSON.parse(readFileSync(value, 'utf8')))}`];
    } catch (error) {
      throw fault(`opening seccomp profile (${value}) failed: ${messageOf(error)}`);
    }
  });
  return {
    SecurityOpt: orNull(SecurityOpt),
    MaskedPaths: showsAll ? [] : null,
    ReadonlyPaths: showsAll ? [] : null,
  };
}

function splitVolumes(volumes: readonly string[]): { binds: string[]; anonymous: string[] } {
  const binds: string[] = [];
  const anonymous: string[] = [];
  for (const text of volumes) {
    const [source = '', target, ...rest] = text.split(':');
    if (target === undefined || (rest.length === 0 && !target.startsWith('/'))) anonymous.push(text);
    else {
      const path = source.startsWith('.') ? resolve(source) : source;
      binds.push([path, target, ...rest].join(':'));
    }
  }
  return { binds, anonymous };
}

function tmpfs(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map(text => text.split(/:(.*)/s)).map(([path = '', rest = '']) => [path, rest]),
  );
}

/** `a=b` words as an object; a name alone has the value of this environment, or none. */
function pairs(words: readonly string[], env: Env): Record<string, string> {
  const result: Record<string, string> = {};
  for (const word of words) {
    const [name = '', value] = word.split(/=(.*)/s);
    result[name] = value ?? environmentEntry(name, env)?.slice(name.length + 1) ?? '';
  }
  return result;
}

function fault(message: string): CommandFailure {
  return new CommandFailure(125, message);
}
