import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import { listMountPoints } from '../../host/mounts.ts';
import { mountContainerRoot, releaseRoot } from '../containers/root-mount.ts';
import type { EngineContext } from '../context.ts';
import { noSuchImage } from '../docker-errors.ts';
import type { OciSpec } from '../runtime/oci-types.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import { thaw } from './hold-still.ts';

/** A container's root file system, mounted until it is disposed of. */
export interface ContainerRoot extends AsyncDisposable {
  readonly folder: string;
  /** Aborted when the container is removed. */
  readonly signal: AbortSignal;
}

/**
 * Gets at the root file system of a container, running or not. The container may start, end and be
 * removed meanwhile. Throws CONTAINER_NOT_FOUND, IMAGE_NOT_FOUND.
 */
export async function openContainerRoot(context: EngineContext, id: string): Promise<ContainerRoot> {
  return context.queue.run(id, async () => {
    const lease = context.roots.take(id);
    try {
      const folder = await findRoot(context, context.table.get(id));
      return {
        folder,
        signal: lease.signal,
        async [Symbol.asyncDispose]() {
          lease.end();
          await context.queue.run(id, () => releaseAtRest(context, id));
        },
      };
    } catch (error) {
      lease.end();
      await releaseAtRest(context, id);
      throw error;
    }
  });
}

/** Takes back what an engine that was killed did to look at containers: mounted roots, frozen processes. */
export async function sweepRoots(context: EngineContext, records: readonly ContainerRecord[]): Promise<void> {
  const mounted = new Set(listMountPoints());
  for (const record of records) {
    const { rootfs } = context.table.paths(record.id);
    if (record.heldStill === true) await tryThaw(context, record);
    if (record.starting || isLive(record) || !mounted.has(rootfs)) continue;
    try {
      await releaseRoot(context, record.id);
    } catch (error) {
      context.log.warning('a root file system could not be unmounted', {
        container: record.name,
        reason: messageOf(error),
      });
    }
  }
}

async function tryThaw(context: EngineContext, record: ContainerRecord): Promise<void> {
  try {
    await context.queue.run(record.id, () => thaw(context, record.id));
  } catch (error) {
    // It may have ended meanwhile, which is found out next.
    context.log.warning('a container could not be thawed', {
      container: record.name,
      reason: messageOf(error),
    });
  }
}

async function findRoot(context: EngineContext, record: ContainerRecord): Promise<string> {
  if (isLive(record)) {
    const file = join(context.table.paths(record.id).bundle, 'config.json');
    return (JSON.parse(await readFile(file, 'utf8')) as OciSpec).root.path;
  }
  const image = context.images.byId(record.imageId);
  if (image === undefined) throw noSuchImage(record.request.Image);
  return mountContainerRoot(context, record.id, image);
}

async function releaseAtRest(context: EngineContext, id: string): Promise<void> {
  const record = context.table.all().find(record => record.id === id);
  if (record === undefined || record.starting || isLive(record)) return;
  await releaseRoot(context, id);
}

function isLive({ state }: ContainerRecord): boolean {
  return state.status === 'running' || state.status === 'paused';
}
