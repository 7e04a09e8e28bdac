import type { ImageRunConfig } from '../../../shared/oci/image.ts';
import { CAPABILITIES } from '../../../shared/service/capabilities.ts';
import type { ContainerCreateRequest } from '../../engine-api/wire.ts';
import { invalidParameter } from '../docker-errors.ts';
import { argumentsOf, mergeConfig } from './merge-config.ts';
import { planCapabilities } from './oci-capabilities.ts';
import type { DevicePlan } from './oci-devices.ts';
import { type PlannedMount } from './oci-mounts.ts';
import type { NamespacePlan } from './oci-namespaces.ts';
import { planResources, planRlimits } from './oci-resources.ts';
import type { OciBlockIo, OciProcess, OciSpec } from './oci-types.ts';
import { parseSecurityOptions, planSeccomp } from './security-options.ts';
import type { ResolvedUser } from './user-lookup.ts';
import { nonEmpty } from '../non-empty.ts';

/** What config.json is made from: the request, the image's own configuration, and what was looked up. */
export interface SpecInput {
  readonly id: string;
  readonly request: ContainerCreateRequest;
  readonly image: ImageRunConfig;
  readonly rootPath: string;
  readonly user: ResolvedUser;
  readonly mounts: readonly PlannedMount[];
  readonly namespaces: NamespacePlan;
  readonly devices: DevicePlan;
  /** cgroup v2 path below the mount point; absent: none is made. */
  readonly cgroupPath?: string;
  /** Hard limit of open files, -1 for none. */
  readonly openFiles: number;
  /** Controllers are there: limits and device rules are written. */
  readonly limits: boolean;
  /** Limits of block devices. */
  readonly blockIo?: OciBlockIo;
  /** `amd64` or `arm64`. */
  readonly arch: string;
  /** The machine's own name, for containers in its network. */
  readonly machineName: string;
}

/** Where a container finds the init process that HostConfig.Init asks for. */
export const INIT_PATH = '/sbin/docker-init';

/** Docker's defaults of what is hidden, which the field's images count on. */
export const MASKED_PATHS: readonly string[] = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
/** Docker's defaults of what cannot be written. */
export const READONLY_PATHS: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];
const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Makes config.json (OCI runtime specification). Throws ENGINE_INVALID_PARAMETER, ENGINE_NOT_SUPPORTED. */
export function formatOciSpec(input: SpecInput): OciSpec {
  const { request, image, user, namespaces } = input;
  const host = request.HostConfig ?? {};
  const slipway = request.Slipway;
  const privileged = host.Privileged === true;
  const security = parseSecurityOptions(host.SecurityOpt ?? []);
  const config = mergeConfig(request, image);
  const hostname = hostnameOf(request, input.id, input.machineName);
  const args = argumentsOf(request, image);
  const capabilities = planCapabilities(host, slipway, user.uid);
  const seccomp = planSeccomp(security, privileged || isAllowedEverything(slipway, capabilities.bounding), {
    capabilities: capabilities.bounding,
    arch: input.arch,
  });
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: request.Tty === true,
      ...consoleSizeOf(request),
      user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
      args: usesInit(request, namespaces) ? [INIT_PATH, '--', ...args] : args,
      env: environmentOf(config.env, request.Tty === true, user, hostname),
      cwd: nonEmpty(config.workingDir) ?? '/',
      capabilities,
      rlimits: planRlimits(host, input.openFiles),
      noNewPrivileges: security.noNewPrivileges,
      // Always said, since the engine's own would be inherited, and it is the last to be killed.
      oomScoreAdj: host.OomScoreAdj ?? 0,
    },
    root: { path: input.rootPath, readonly: host.ReadonlyRootfs === true },
    ...(namespaces.hostUts || sharesUts(namespaces) ? {} : { hostname, ...domainOf(request) }),
    mounts: input.mounts.map(({ destination, type, source, options }) => ({
      destination,
      type,
      source,
      options,
    })),
    ...(host.Annotations === undefined ? {} : { annotations: host.Annotations }),
    linux: {
      namespaces: namespaces.namespaces,
      devices: input.devices.nodes,
      ...(input.cgroupPath === undefined ? {} : { cgroupsPath: input.cgroupPath }),
      ...(input.limits
        ? { resources: planResources(host, slipway, input.devices.rules, input.blockIo) }
        : {}),
      sysctl: { ...networkSysctls(request, namespaces), ...host.Sysctls },
      maskedPaths: privileged || security.unmasked ? [] : (host.MaskedPaths ?? MASKED_PATHS),
      readonlyPaths: privileged || security.unmasked ? [] : (host.ReadonlyPaths ?? READONLY_PATHS),
      ...(seccomp === undefined ? {} : { seccomp }),
      ...propagationOf(input),
    },
  };
}

/** The name a container has in its UTS namespace: its own, or the machine's where it shares the network. */
export function hostnameOf(request: ContainerCreateRequest, id: string, machineName: string): string {
  const sharesNetwork = request.HostConfig?.NetworkMode === 'host' && request.Slipway === undefined;
  return nonEmpty(request.Hostname) ?? (sharesNetwork ? machineName : id.slice(0, 12));
}

/** Whether HostConfig.Init is honoured: only the first process of a pid namespace can be an init. */
export function usesInit(request: ContainerCreateRequest, namespaces: NamespacePlan): boolean {
  const own = namespaces.namespaces.some(({ type, path }) => type === 'pid' && path === undefined);
  return request.HostConfig?.Init === true && own;
}

/** A service that was given every capability is not filtered, like a privileged container. */
function isAllowedEverything(
  slipway: ContainerCreateRequest['Slipway'],
  capabilities: readonly string[],
): boolean {
  return slipway?.capabilities !== undefined && capabilities.length === CAPABILITIES.length;
}

function domainOf(request: ContainerCreateRequest): { domainname?: string } {
  const domainname = nonEmpty(request.Domainname);
  return domainname === undefined ? {} : { domainname };
}

/** Docker's order: PATH, HOSTNAME, TERM, then the configuration's words, where later ones win. */
function environmentOf(
  own: readonly string[],
  hasTerminal: boolean,
  user: ResolvedUser,
  hostname: string,
): string[] {
  const words = [DEFAULT_PATH, `HOSTNAME=${hostname}`, ...(hasTerminal ? ['TERM=xterm'] : []), ...own];
  const variables = new Map<string, string | undefined>();
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals === 0) throw invalidParameter(`invalid environment variable: ${word}`);
    // A name alone takes the variable away.
    if (equals < 0) variables.delete(word);
    else variables.set(word.slice(0, equals), word.slice(equals + 1));
  }
  if (!variables.has('HOME')) variables.set('HOME', user.home);
  return [...variables].map(([name, value]) => `${name}=${value ?? ''}`);
}

/** In a network of its own every user may listen on every port and ping, as Docker has it. */
function networkSysctls(
  request: ContainerCreateRequest,
  namespaces: NamespacePlan,
): Readonly<Record<string, string>> {
  const isShared = request.HostConfig?.NetworkMode?.startsWith('container:') === true;
  if (request.Slipway !== undefined || namespaces.hostNetwork || isShared) return {};
  return {
    'net.ipv4.ip_unprivileged_port_start': '0',
    'net.ipv4.ping_group_range': '0 2147483647',
  };
}

function sharesUts(namespaces: NamespacePlan): boolean {
  return namespaces.namespaces.some(namespace => namespace.type === 'uts' && namespace.path !== undefined);
}

/** A mount can only be shared or follow the host if the container's root does. */
function propagationOf(input: SpecInput): { rootfsPropagation?: string } {
  const asked = input.request.Slipway?.rootfsPropagation;
  if (asked !== undefined && asked !== '') return { rootfsPropagation: asked };
  const words = input.mounts.flatMap(mount => mount.options);
  if (words.some(word => word === 'shared' || word === 'rshared')) return { rootfsPropagation: 'shared' };
  if (words.some(word => word === 'slave' || word === 'rslave')) return { rootfsPropagation: 'rslave' };
  return {};
}

/** The size that a client's own window has; a terminal without one is told later, or never. */
function consoleSizeOf(request: ContainerCreateRequest): Partial<OciProcess> {
  const [height = 0, width = 0] = request.HostConfig?.ConsoleSize ?? [];
  if (request.Tty !== true || height === 0 || width === 0) return {};
  return { consoleSize: { height, width } };
}
