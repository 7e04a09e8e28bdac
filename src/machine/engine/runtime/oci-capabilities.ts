import { CAPABILITIES } from '../../../shared/service/capabilities.ts';
import type { HostConfig, SlipwayExtension } from '../../engine-api/wire.ts';
import { invalidParameter } from '../docker-errors.ts';
import type { OciCapabilities } from './oci-types.ts';

/** What a container has when nobody says otherwise: Docker's documented default. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

/**
 * The capability sets of a process. A service's list is exact; otherwise Docker's default less CapDrop plus CapAdd, or,
 * where CapAdd has ALL, all less CapDrop. A process that is not root keeps in effect only the ambient ones, as execve(2) would.
 * Throws ENGINE_INVALID_PARAMETER for unknown names.
 */
export function planCapabilities(
  hostConfig: HostConfig,
  slipway: SlipwayExtension | undefined,
  uid: number,
): OciCapabilities {
  const bounding = allowed(hostConfig, slipway);
  const ambient = expand(slipway?.ambient ?? []).filter(name => bounding.includes(name));
  const effective = uid === 0 ? bounding : ambient;
  return { bounding, effective, permitted: effective, inheritable: ambient, ambient };
}

function allowed(hostConfig: HostConfig, slipway: SlipwayExtension | undefined): string[] {
  if (slipway?.capabilities !== undefined) return expand(slipway.capabilities);
  if (hostConfig.Privileged === true) return [...CAPABILITIES];
  const drop = expand(hostConfig.CapDrop ?? [], 'invalid CapDrop: ');
  const add = expand(hostConfig.CapAdd ?? [], 'invalid CapAdd: ');
  if (hasAll(hostConfig.CapAdd ?? [])) return CAPABILITIES.filter(name => !drop.includes(name));
  const base = DEFAULT_CAPABILITIES.filter(name => !drop.includes(name));
  const wanted = new Set([...base, ...add]);
  return CAPABILITIES.filter(name => wanted.has(name));
}

function hasAll(names: readonly string[]): boolean {
  return names.some(name => /^(CAP_)?ALL$/i.test(name));
}

function expand(names: readonly string[], what = ''): string[] {
  if (hasAll(names)) return [...CAPABILITIES];
  const wanted = names.map(name => {
    const upper = name.toUpperCase();
    const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (!CAPABILITIES.includes(full)) throw invalidParameter(`${what}unknown capability: "${full}"`);
    return full;
  });
  return CAPABILITIES.filter(name => wanted.includes(name));
}
