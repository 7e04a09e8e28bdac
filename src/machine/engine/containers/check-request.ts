import { isIP } from 'node:net';
import type { ImageRunConfig } from '../../../shared/oci/image.ts';
import type { ContainerCreateRequest, HealthConfig, HostConfig } from '../../engine-api/wire.ts';
import { invalidParameter, notSupported } from '../docker-errors.ts';
import { parseLink, planEndpoints } from '../networks/modes.ts';
import { planPorts } from '../networks/ports.ts';
import { argumentsOf, mergeConfig } from '../runtime/merge-config.ts';
import { planCapabilities } from '../runtime/oci-capabilities.ts';
import { checkNamespaceModes } from '../runtime/oci-namespaces.ts';
import { parseDeviceRule } from '../runtime/oci-devices.ts';
import { parseSeccompProfile } from '../runtime/seccomp-custom.ts';
import { parseSecurityOptions } from '../runtime/security-options.ts';
import { checkResources, checkServiceLimits, type LimitSupport } from './check-resources.ts';
import { checkLogConfig } from './log-settings.ts';
import { HOST_GATEWAY, parseExtraHost } from './network-files.ts';
import { restartSettings } from './restart-settings.ts';
import { stopSignalOf } from './signals.ts';

/** What of the machine decides whether a request can be kept. */
export interface RequestSupport extends LimitSupport {
  /** Names that HostConfig.Runtime may have. */
  readonly runtimes: readonly string[];
  /** There is a program for HostConfig.Init. */
  readonly init: boolean;
  /** `amd64` or `arm64`. */
  readonly arch: string;
}

const MILLISECOND_NS = 1_000_000;

/**
 * Refuses now what would otherwise fail at the start or silently not be done. Returns what is asked for in
 * vain, in Docker's sentences. Throws ENGINE_INVALID_PARAMETER, ENGINE_NOT_SUPPORTED.
 */
export function checkRequest(
  request: ContainerCreateRequest,
  image: ImageRunConfig,
  support: RequestSupport,
): string[] {
  const host = request.HostConfig ?? {};
  argumentsOf(request, image);
  restartSettings(request);
  stopSignalOf(request, image);
  checkEnvironment(request.Env ?? []);
  checkHealth(mergeConfig(request, image).healthcheck);
  if (request.WorkingDir !== undefined && request.WorkingDir !== '' && !request.WorkingDir.startsWith('/')) {
    throw invalidParameter(
      `the working directory '${request.WorkingDir}' is invalid, it needs to be an absolute path`,
    );
  }
  const { bounding } = planCapabilities(host, request.Slipway, 0);
  const security = parseSecurityOptions(host.SecurityOpt ?? []);
  if (security.seccomp !== 'default' && security.seccomp !== 'unconfined') {
    parseSeccompProfile(security.seccomp, { capabilities: bounding, arch: support.arch });
  }
  checkNames(request, host);
  checkHost(host, support);
  // A service's namespaces may be paths as well.
  if (request.Slipway === undefined) checkNamespaceModes(host);
  planEndpoints(request);
  planPorts(host.PortBindings ?? {}, request.ExposedPorts ?? [], host.PublishAllPorts === true);
  for (const link of host.Links ?? []) parseLink(link);
  for (const rule of host.DeviceCgroupRules ?? []) parseDeviceRule(rule);
  // A service's limits were written for machines of any size, and its swap may be limited alone.
  if (request.Slipway === undefined) return checkResources(host, support);
  checkServiceLimits(host);
  return [];
}

function checkHost(host: HostConfig, support: RequestSupport): void {
  if (host.AutoRemove === true && !['', 'no'].includes(host.RestartPolicy?.Name ?? '')) {
    throw invalidParameter("can't create 'AutoRemove' container with restart policy");
  }
  const score = host.OomScoreAdj ?? 0;
  if (score < -1000 || score > 1000) {
    throw invalidParameter(`Invalid value ${score}, range for oom score adj is [-1000, 1000]`);
  }
  if ((host.ShmSize ?? 0) < 0) throw invalidParameter('SHM size can not be less than 0');
  if (!['', 'host', 'private'].includes(host.CgroupnsMode ?? '')) {
    throw invalidParameter(`invalid cgroup namespace mode: ${host.CgroupnsMode}`);
  }
  if (!['', 'host'].includes(host.UsernsMode ?? '')) {
    throw invalidParameter(`invalid user namespace mode: ${host.UsernsMode}`);
  }
  if (!['', 'default'].includes(host.Isolation ?? '')) {
    throw invalidParameter(
      `Invalid isolation: ${JSON.stringify(host.Isolation)} - linux only supports 'default'`,
    );
  }
  if (!['', ...support.runtimes].includes(host.Runtime ?? '')) {
    throw invalidParameter(`unknown or invalid runtime name: ${host.Runtime}`);
  }
  if (host.Init === true && !support.init) throw notSupported('an init process (HostConfig.Init)');
  const [storageOption] = Object.keys(host.StorageOpt ?? {});
  if (storageOption !== undefined) {
    if (storageOption !== 'size') throw invalidParameter(`Unknown option ${storageOption}`);
    throw invalidParameter("--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
  }
  for (const request of host.DeviceRequests ?? []) {
    const capabilities = (request.Capabilities ?? []).map(list => `[${list.join(' ')}]`).join(' ');
    throw invalidParameter(
      `could not select device driver "${request.Driver ?? ''}" with capabilities: [${capabilities}]`,
    );
  }
  for (const name of Object.keys(host.Sysctls ?? {})) {
    // The runtime decides which it sets; it must not get a path instead of a name.
    if (!/^[\w.*/-]{1,200}$/.test(name) || name.includes('..')) {
      throw invalidParameter(`sysctl '${name}' is not allowed`);
    }
  }
  checkLogConfig(host.LogConfig);
}

/** Everything that ends up in /etc/hosts, /etc/hostname and /etc/resolv.conf. */
function checkNames(request: ContainerCreateRequest, host: HostConfig): void {
  const hostname = request.Hostname ?? '';
  if (request.Slipway === undefined && hostname !== '' && !/^[\w.-]{1,64}$/.test(hostname)) {
    throw invalidParameter(`invalid hostname format: ${hostname}`);
  }
  if (!/^[\w.-]{0,64}$/.test(request.Domainname ?? '')) {
    throw invalidParameter(`invalid domainname format: ${request.Domainname}`);
  }
  for (const entry of host.ExtraHosts ?? []) {
    const { name, address } = parseExtraHost(entry);
    if (!/^[\w.-]{1,255}$/.test(name))
      throw invalidParameter(`bad format for add-host: ${JSON.stringify(entry)}`);
    if (address !== HOST_GATEWAY && isIP(address) === 0) {
      throw invalidParameter(`invalid IP address in add-host: ${JSON.stringify(address)}`);
    }
  }
  for (const address of host.Dns ?? []) {
    if (isIP(address) === 0) throw invalidParameter(`IP address is not correctly formatted: ${address}`);
  }
  for (const domain of host.DnsSearch ?? []) {
    if (domain !== '.' && !/^[\w.-]{1,255}$/.test(domain))
      throw invalidParameter(`${domain} is not a valid domain`);
  }
  for (const option of host.DnsOptions ?? []) {
    if (!/^[\w:.-]{1,100}$/.test(option))
      throw invalidParameter(`invalid DNS option: ${JSON.stringify(option)}`);
  }
}

function checkEnvironment(words: readonly string[]): void {
  for (const word of words) {
    if (word === '' || word.startsWith('=')) throw invalidParameter(`invalid environment variable: ${word}`);
    if (word.includes('\0')) throw invalidParameter('invalid environment variable: it holds a NUL');
  }
}

/** Throws ENGINE_INVALID_PARAMETER for a health check that cannot be meant. */
function checkHealth(health: HealthConfig | undefined): void {
  if (health === undefined) return;
  const durations = {
    Interval: health.Interval,
    Timeout: health.Timeout,
    StartPeriod: health.StartPeriod,
    StartInterval: health.StartInterval,
  };
  for (const [name, value = 0] of Object.entries(durations)) {
    if (value !== 0 && value < MILLISECOND_NS) {
      throw invalidParameter(`${name} in Healthcheck cannot be less than 1ms`);
    }
  }
  if ((health.Retries ?? 0) < 0) throw invalidParameter('Retries in Healthcheck cannot be negative');
  const [kind, ...words] = health.Test ?? [];
  if (kind !== undefined && !['NONE', 'CMD', 'CMD-SHELL', ''].includes(kind)) {
    throw invalidParameter(`Unknown healthcheck type '${kind}' (expected 'CMD')`);
  }
  if ((kind === 'CMD' || kind === 'CMD-SHELL') && words.length === 0) {
    throw invalidParameter('Healthcheck command is missing');
  }
}
