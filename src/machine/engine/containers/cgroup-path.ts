import { join } from 'node:path';
import type { EngineConfig } from '../engine-config.ts';
import type { ContainerRecord } from '../store/container-record.ts';

/** The container's cgroup v2 path below the mount point; undefined when cgroups are not used. */
export function cgroupPathOf(config: EngineConfig, record: ContainerRecord): string | undefined {
  if (config.cgroups === undefined) return undefined;
  const { request } = record;
  if (request.Slipway?.cgroupPath !== undefined) return request.Slipway.cgroupPath;
  if (request.Slipway !== undefined) return join(config.cgroups.services, record.name);
  const parent = request.HostConfig?.CgroupParent;
  return join(parent === undefined || parent === '' ? config.cgroups.user : join('/', parent), record.id);
}

/** The same as a folder of the host. */
export function cgroupFolderOf(config: EngineConfig, record: ContainerRecord): string | undefined {
  const path = cgroupPathOf(config, record);
  return path === undefined || config.cgroups === undefined ? undefined : join(config.cgroups.root, path);
}
