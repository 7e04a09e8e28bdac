import { lookup } from 'node:dns/promises';
import { messageOf } from '../../../shared/errors.ts';
import { countMounts, unmountAll } from '../../host/mounts.ts';
import { runProgram } from '../../host/run-program.ts';
import type { EngineContext } from '../context.ts';
import { volumeNotMounted } from '../docker-errors.ts';
import { type ContainerRecord, isLive } from '../store/container-record.ts';
import { parseVolumeMount, withServerAddress } from './volume-options.ts';
import { releaseSubpaths } from './subpath.ts';
import { publishVolumeEvent } from './volume-events.ts';
import type { Volume } from './volume-table.ts';
import { isInLiveUse, volumeKey, volumesOf } from './volume-users.ts';

/** A server that does not answer must not hold a start up for ever. */
const TIMEOUT_MS = 60_000;

/** A volume that was made for a container is as any other from now on. */
export async function settleVolume(context: EngineContext, name: string): Promise<void> {
  await context.queue.run(volumeKey(name), () => settleNow(context, name));
}

async function settleNow(context: EngineContext, name: string): Promise<void> {
  const { pending } = context.volumes.get(name).record;
  if (pending) await context.volumes.update(name, { pending: false });
}

/**
 * Mounts a volume that has options, unless it is mounted already; answers the folder that containers see.
 * Throws VOLUME_NOT_FOUND, VOLUME_MOUNT_FAILED.
 * @param isBeingMade for a container that is not recorded yet; else somebody may write into it, so that it is settled
 */
export async function mountVolume(
  context: EngineContext,
  name: string,
  isBeingMade = false,
): Promise<string> {
  return context.queue.run(volumeKey(name), async () => {
    if (!isBeingMade) await settleNow(context, name);
    const volume = context.volumes.get(name);
    await mountNow(context, volume);
    return volume.data;
  });
}

/** Unmounts those of a container's volumes that no other running container has. */
export async function releaseVolumes(context: EngineContext, record: ContainerRecord): Promise<void> {
  await releaseSubpaths(context, record);
  const wasLive = record.starting || isLive(record.state);
  for (const name of volumesOf(record)) {
    await releaseVolume(context, name, record.id);
    if (wasLive) publishVolumeEvent(context, 'unmount', name, { container: record.id, driver: 'local' });
  }
}

/** Unmounts a volume unless it is in use. @param except id of a container that does not count */
export async function releaseVolume(context: EngineContext, name: string, except?: string): Promise<void> {
  const volume = context.volumes.find(name);
  if (volume === undefined || parseVolumeMount(volume.record.options) === undefined) return;
  await context.queue.run(volumeKey(name), async () => {
    if (context.volumes.isHeld(name) || isInLiveUse(context, name, except)) return;
    await unmountAll(context.config.programs.busybox, volume.data);
  });
}

async function mountNow(context: EngineContext, volume: Volume): Promise<void> {
  const mount = parseVolumeMount(volume.record.options);
  if (mount === undefined || countMounts(volume.data) > 0) return;
  const refuse = (reason: string): never => {
    throw volumeNotMounted(volume.data, reason.replaceAll(/password=[^,\s]*/g, 'password=********'));
  };
  let options = mount.options;
  if (mount.server !== undefined) {
    try {
      options = withServerAddress(mount, (await lookup(mount.server)).address);
    } catch (error) {
      return refuse(`error resolving passed in network volume address: ${messageOf(error)}`);
    }
  }
  const { exitCode, stdout, stderr } = await runProgram(
    [
      context.config.programs.busybox,
      'mount',
      // No helper program of the name that the type gives.
      '-i',
      ...(mount.type === '' ? [] : ['-t', mount.type]),
      ...(options === '' ? [] : ['-o', options]),
      ...['--', mount.device, volume.data],
    ],
    { timeoutMs: TIMEOUT_MS },
  );
  if (exitCode === 0) return;
  await unmountAll(context.config.programs.busybox, volume.data);
  refuse(stderr.trim() || stdout.trim() || `mount ended with ${exitCode}`);
}
