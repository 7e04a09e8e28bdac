import { join } from 'node:path';
import { isDigest } from '../../../shared/digest.ts';
import { countMounts } from '../../host/mounts.ts';
import type { EngineContext } from '../context.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import { ImageStore } from './image-store.ts';

/**
 * Opens the writable store in a folder and lets new images go there. Layers that containers of an earlier engine
 * have mounted stay; what else is mounted of the store is unmounted.
 * @param scope `state` lasts beyond the boot
 * @param containers all that may use an image of this store and are not in the table of an earlier call
 */
export async function attachImageStore(
  context: EngineContext,
  folder: string,
  scope: 'boot' | 'state',
  containers: readonly ContainerRecord[],
): Promise<void> {
  const { busybox, mkfsErofs } = context.config.programs;
  const store = new ImageStore({
    folder,
    mounts: join(context.paths.layerMounts, scope),
    durable: scope === 'state',
    busybox,
    mkfsErofs,
    log: context.log,
    onStep: context.config.onStep ?? (() => undefined),
  });
  await store.load();
  for (const { id, imageId, state } of containers) {
    const isUsed = 'monitor' in state || countMounts(context.table.paths(id).rootfs) > 0;
    if (!isUsed || !isDigest(imageId)) continue;
    for (const other of [...context.images.stores, store]) other.adoptLayers(imageId, id);
  }
  await store.sweepMounts();
  context.images.attach(store);
}
