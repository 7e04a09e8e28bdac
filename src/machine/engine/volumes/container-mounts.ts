import { messageOf } from '../../../shared/errors.ts';
import type { EngineContext } from '../context.ts';
import { invalidParameter } from '../docker-errors.ts';
import { parseAskedMounts, type PlannedMount } from '../runtime/oci-mounts.ts';
import type { ContainerMount, ContainerRecord } from '../store/container-record.ts';
import { mountVolume } from './mount.ts';
import { bindSubpath } from './subpath.ts';
import { publishVolumeEvent } from './volume-events.ts';

/**
 * What another container takes over with `VolumesFrom`: binds of the host, and volumes. Throws
 * ENGINE_INVALID_PARAMETER when there is no such container, as clients take 404 for a missing image.
 */
export function sharedMountsOf(context: EngineContext, nameOrId: string): ContainerMount[] {
  let record: ContainerRecord;
  try {
    record = context.table.resolve(nameOrId);
  } catch (error) {
    throw invalidParameter(messageOf(error));
  }
  const { HostConfig = {}, Slipway } = record.request;
  const binds = parseAskedMounts(HostConfig, Slipway)
    .filter(mount => mount.type === 'bind')
    .map(({ source, destination, options }) => ({
      kind: 'bind' as const,
      source,
      destination,
      options,
      mode: '',
    }));
  return [...binds, ...(record.mounts ?? [])];
}

/** The OCI mounts of a container's volumes, which are mounted where they need it. Throws VOLUME_NOT_FOUND, VOLUME_MOUNT_FAILED. */
export async function prepareVolumes(
  context: EngineContext,
  record: ContainerRecord,
): Promise<PlannedMount[]> {
  const planned: PlannedMount[] = [];
  for (const mount of record.mounts ?? []) {
    if (mount.kind === 'bind') {
      const { source, destination, options } = mount;
      planned.push({ type: 'bind', source, destination, options, makeSource: false });
      continue;
    }
    const folder = await mountVolume(context, mount.name);
    planned.push({
      type: 'bind',
      source:
        mount.subpath === undefined
          ? folder
          : await bindSubpath(context, record.id, mount.destination, folder, mount.subpath),
      destination: mount.destination,
      options: ['rbind', 'rprivate', ...(mount.readOnly ? ['ro'] : [])],
      makeSource: false,
    });
    publishVolumeEvent(context, 'mount', mount.name, {
      container: record.id,
      destination: mount.destination,
      driver: 'local',
      propagation: '',
      'read/write': String(!mount.readOnly),
    });
  }
  return planned;
}
