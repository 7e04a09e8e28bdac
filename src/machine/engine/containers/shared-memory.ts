import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { countMounts, mountTmpfs, unmountAll } from '../../host/mounts.ts';
import type { EngineContext } from '../context.ts';
import { conflict } from '../docker-errors.ts';
import type { ContainerRecord } from '../store/container-record.ts';

/** The size of a container's /dev/shm unless it asks for another. */
export const DEFAULT_SHM_BYTES = 64 * 1024 * 1024;

/**
 * The folder of the machine that a container has as /dev/shm, where it shares that: one of its own that others may
 * join (`shareable`), or that of the container it joins. Undefined where it has one for itself.
 * Throws CONTAINER_NOT_FOUND, CONTAINER_STATE_CONFLICT for one that does not share.
 */
export async function prepareSharedMemory(
  context: EngineContext,
  record: ContainerRecord,
): Promise<string | undefined> {
  const host = record.request.HostConfig ?? {};
  const mode = host.IpcMode ?? '';
  if (mode === 'shareable') {
    const folder = folderOf(context, record);
    await releaseSharedMemory(context, record);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const bytes = host.ShmSize === undefined || host.ShmSize <= 0 ? DEFAULT_SHM_BYTES : host.ShmSize;
    await mountTmpfs(context.config.programs.busybox, folder, [
      'nosuid',
      'nodev',
      'noexec',
      'mode=1777',
      `size=${bytes}`,
    ]);
    return folder;
  }
  if (!mode.startsWith('container:')) return undefined;
  const donor = context.table.resolve(mode.slice('container:'.length));
  const donorMode = donor.request.HostConfig?.IpcMode ?? '';
  if (donorMode === 'host') return '/dev/shm';
  const folder = folderOf(context, donor);
  if (donorMode === 'shareable' && countMounts(folder) > 0) return folder;
  // Services of a pod share their namespace, and each keeps a /dev/shm of its own.
  if (record.request.Slipway !== undefined) return undefined;
  throw conflict(
    `can't join IPC of container ${donor.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  );
}

/** Takes a container's shared memory away; those that have joined keep what they see. */
export async function releaseSharedMemory(context: EngineContext, record: ContainerRecord): Promise<void> {
  if (record.request.HostConfig?.IpcMode !== 'shareable') return;
  await unmountAll(context.config.programs.busybox, folderOf(context, record));
}

function folderOf(context: EngineContext, record: ContainerRecord): string {
  return join(context.table.paths(record.id).bundle, 'shm');
}
