import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { isSystemError } from '../../../shared/errors.ts';
import type { HostConfig, SlipwayExtension } from '../../engine-api/wire.ts';
import { invalidParameter } from '../docker-errors.ts';
import type { OciDevice, OciDeviceRule } from './oci-types.ts';

/** Device nodes to be made in the container and what its cgroup may do with devices. */
export interface DevicePlan {
  readonly nodes: readonly OciDevice[];
  readonly rules: readonly OciDeviceRule[];
}

const RULE = /^([acb]) (\*|\d+):(\*|\d+) ([rwm]{1,3})$/;

/** What every container may use: null, zero, full, random, urandom, tty, console, ptmx, pts, and mknod. */
const DEFAULT_RULES: readonly OciDeviceRule[] = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...[
    [1, 3],
    [1, 5],
    [1, 7],
    [1, 8],
    [1, 9],
    [5, 0],
    [5, 1],
    [5, 2],
  ].map(([major = 0, minor = 0]) => ({ allow: true, type: 'c' as const, major, minor, access: 'rwm' })),
  { allow: true, type: 'c', major: 136, access: 'rwm' },
];

/**
 * Looks the asked-for devices up on the host. Throws ENGINE_INVALID_PARAMETER for one that is not there
 * or is no device.
 */
export async function planDevices(
  hostConfig: HostConfig,
  slipway: SlipwayExtension | undefined,
): Promise<DevicePlan> {
  if (hostConfig.Privileged === true) {
    return { nodes: await listDevices('/dev'), rules: [{ allow: true, access: 'rwm' }] };
  }
  const nodes: OciDevice[] = [];
  const rules: OciDeviceRule[] = [...DEFAULT_RULES];
  for (const device of hostConfig.Devices ?? []) {
    const access = parseAccess(device.CgroupPermissions);
    for (const found of await readDevices(device.PathOnHost, device.PathInContainer || device.PathOnHost)) {
      nodes.push(found);
      rules.push(ruleFor(found, access));
    }
  }
  for (const device of slipway?.devices ?? []) {
    if (device.path === 'all') {
      rules.push({ allow: true, type: deviceType(device.type), ...numbers(device), access: 'rwm' });
      continue;
    }
    const type = deviceType(device.type);
    const known = device.major !== undefined && device.minor !== undefined && type !== 'a';
    const found: OciDevice = known
      ? {
          path: device.path,
          type,
          major: device.major,
          minor: device.minor,
          fileMode: device.mode ?? 0o660,
          uid: 0,
          gid: 0,
        }
      : await readDevice(device.path, device.path);
    nodes.push(device.mode === undefined ? found : { ...found, fileMode: device.mode });
    rules.push(ruleFor(found, 'rwm'));
  }
  for (const text of hostConfig.DeviceCgroupRules ?? []) rules.push(parseDeviceRule(text));
  return { nodes, rules };
}

/** Parses `c 10:200 rwm`. Throws ENGINE_INVALID_PARAMETER. */
export function parseDeviceRule(text: string): OciDeviceRule {
  const match = RULE.exec(text);
  if (match === null) throw invalidParameter(`invalid device cgroup rule format: '${text}'`);
  const [, type, major, minor, access = ''] = match;
  return {
    allow: true,
    type: deviceType(type),
    ...(major === '*' ? {} : { major: Number(major) }),
    ...(minor === '*' ? {} : { minor: Number(minor) }),
    access,
  };
}

function numbers(device: { readonly major?: number; readonly minor?: number }): {
  major?: number;
  minor?: number;
} {
  return {
    ...(device.major === undefined ? {} : { major: device.major }),
    ...(device.minor === undefined ? {} : { minor: device.minor }),
  };
}

function deviceType(type: string | undefined): 'a' | 'b' | 'c' {
  return type === 'b' || type === 'c' ? type : 'a';
}

function ruleFor(device: OciDevice, access: string): OciDeviceRule {
  return { allow: true, type: device.type, major: device.major, minor: device.minor, access };
}

function parseAccess(text: string): string {
  if (text === '') return 'rwm';
  if (/^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length) return text;
  throw invalidParameter(`invalid device mode: ${text}`);
}

/** A device, or all devices of a folder. */
async function readDevices(hostPath: string, containerPath: string): Promise<OciDevice[]> {
  const isFolder = (await statOrNone(hostPath))?.isDirectory() === true;
  if (!isFolder) return [await readDevice(hostPath, containerPath)];
  const inside = await listDevices(hostPath);
  if (inside.length === 0) throw notGathered(hostPath, 'no such device nodes');
  return inside.map(device => ({ ...device, path: join(containerPath, relative(hostPath, device.path)) }));
}

async function readDevice(hostPath: string, containerPath: string): Promise<OciDevice> {
  const found = await findDevice(hostPath);
  if (found !== undefined) return { ...found, path: containerPath };
  throw notGathered(hostPath, 'no such file or directory');
}

function notGathered(hostPath: string, why: string): Error {
  return invalidParameter(
    `error gathering device information while adding custom device "${hostPath}": ${why}`,
  );
}

async function statOrNone(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ENXIO')) return undefined;
    throw error;
  }
}

/** The device node at a path of the machine; undefined when there is nothing. Throws ENGINE_INVALID_PARAMETER. */
export async function findDevice(path: string): Promise<OciDevice | undefined> {
  const found = await statOrNone(path);
  if (found === undefined) return undefined;
  const type = found.isCharacterDevice() ? 'c' : found.isBlockDevice() ? 'b' : undefined;
  if (type === undefined) throw notGathered(path, 'not a device node');
  return {
    path,
    type,
    // makedev(3) of Linux.
    major: Number(((BigInt(found.rdev) >> 8n) & 0xfffn) | ((BigInt(found.rdev) >> 32n) & ~0xfffn)),
    minor: Number((BigInt(found.rdev) & 0xffn) | ((BigInt(found.rdev) >> 12n) & ~0xffn)),
    fileMode: found.mode & 0o777,
    uid: found.uid,
    gid: found.gid,
  };
}

async function listDevices(folder: string): Promise<OciDevice[]> {
  const devices: OciDevice[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    // These are mounts of the container's own.
    if (['/dev/pts', '/dev/shm', '/dev/mqueue', '/dev/console', '/dev/ptmx'].includes(path)) continue;
    if (entry.isDirectory()) devices.push(...(await listDevices(path)));
    else if (entry.isCharacterDevice() || entry.isBlockDevice()) devices.push(await readDevice(path, path));
  }
  return devices;
}
