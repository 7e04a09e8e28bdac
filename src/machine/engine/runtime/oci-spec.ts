import type { ImageRunConfig } from '../../../shared/oci/image.ts';
import type { ContainerCreateRequest } from '../../engine-api/wire.ts';
import { invalidParameter, notSupported } from '../docker-errors.ts';
import { planCapabilities } from './oci-capabilities.ts';
import type { DevicePlan } from './oci-devices.ts';
import { type PlannedMount } from './oci-mounts.ts';
import type { NamespacePlan } from './oci-namespaces.ts';
import { planResources, planRlimits } from './oci-resources.ts';
import type { OciSpec } from './oci-types.ts';
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
}

/** Docker's defaults, which the field's images count on. */
const MASKED_PATHS: readonly string[] = [
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
const READONLY_PATHS: readonly string[] = [
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
  const security = readSecurityOptions(host.SecurityOpt ?? []);
  if (host.Init === true) throw notSupported('an init process (HostConfig.Init)');
  const hostname = hostnameOf(input);
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: request.Tty === true,
      user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
      args: argumentsOf(request, image),
      env: environmentOf(request, image, user, hostname),
      cwd: nonEmpty(request.WorkingDir) ?? nonEmpty(image.WorkingDir) ?? '/',
      capabilities: planCapabilities(host, slipway, user.uid),
      rlimits: planRlimits(host, input.openFiles),
      noNewPrivileges: security.noNewPrivileges,
      // Always said, since the engine's own would be inherited, and it is the last to be killed.
      oomScoreAdj: host.OomScoreAdj ?? 0,
    },
    root: { path: input.rootPath, readonly: host.ReadonlyRootfs === true },
    ...(namespaces.hostUts || sharesUts(namespaces) ? {} : { hostname }),
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
      ...(input.limits ? { resources: planResources(host, slipway, input.devices.rules) } : {}),
      sysctl: host.Sysctls ?? {},
      maskedPaths: privileged || security.unmasked ? [] : (host.MaskedPaths ?? MASKED_PATHS),
      readonlyPaths: privileged || security.unmasked ? [] : (host.ReadonlyPaths ?? READONLY_PATHS),
      ...propagationOf(input),
    },
  };
}

/** Entrypoint and command as Docker combines them: a request's entrypoint drops the image's command. */
export function argumentsOf(request: ContainerCreateRequest, image: ImageRunConfig): string[] {
  const own = request.Entrypoint !== undefined && request.Entrypoint.length > 0;
  const entrypoint = own ? request.Entrypoint : (image.Entrypoint ?? []);
  const hasCmd = request.Cmd !== undefined && request.Cmd.length > 0;
  const cmd = hasCmd ? request.Cmd : own ? [] : (image.Cmd ?? []);
  const args = [...entrypoint, ...cmd];
  if (args.length === 0 || args[0] === '') throw invalidParameter('no command specified');
  return args;
}

/** Whether the process may never gain privileges; other security options are named in the refusal. */
function readSecurityOptions(options: readonly string[]): { noNewPrivileges: boolean; unmasked: boolean } {
  let noNewPrivileges = false;
  let unmasked = false;
  for (const option of options) {
    const [name = '', value = ''] = option.split(/[=:](.*)/s);
    if (name === 'no-new-privileges') noNewPrivileges = value === '' || value === 'true';
    else if (option === 'systempaths=unconfined') unmasked = true;
    // A profile comes with the default one; until then every container is unconfined.
    else if (
      option === 'seccomp=unconfined' ||
      option === 'apparmor=unconfined' ||
      option === 'label=disable'
    )
      continue;
    else throw notSupported(`the security option "${option}"`);
  }
  return { noNewPrivileges, unmasked };
}

function hostnameOf(input: SpecInput): string {
  return nonEmpty(input.request.Hostname) ?? input.id.slice(0, 12);
}

/** Docker's order: PATH, HOSTNAME, TERM, then the image's and the request's words, where later ones win. */
function environmentOf(
  request: ContainerCreateRequest,
  image: ImageRunConfig,
  user: ResolvedUser,
  hostname: string,
): string[] {
  const words = [
    DEFAULT_PATH,
    `HOSTNAME=${hostname}`,
    ...(request.Tty === true ? ['TERM=xterm'] : []),
    ...(request.Slipway?.replaceEnv === true ? [] : (image.Env ?? [])),
    ...(request.Env ?? []),
    ...(request.Slipway?.extraEnv ?? []),
  ];
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
