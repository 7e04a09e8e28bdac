import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import { mountContainerRoot, releaseRoot } from '../containers/root-mount.ts';
import type { EngineContext } from '../context.ts';
import { noSuchImage } from '../docker-errors.ts';
import type { OciSpec } from '../runtime/oci-types.ts';
import { type ContainerRecord, isLive } from '../store/container-record.ts';
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

/**
 * Takes back what an engine that was killed did to look at a container: frozen processes, a mounted root. A fault is
 * logged: a container may have ended meanwhile. Runs inside the container's place in the queue.
 */
export async function sweepRoot(context: EngineContext, id: string): Promise<void> {
  for (const takeBack of [thaw, releaseAtRest]) {
    try {
      await takeBack(context, id);
    } catch (error) {
      context.log.warning('a look at a container could not be ended', {
        container: id,
        reason: messageOf(error),
      });
    }
  }
}

async function findRoot(context: EngineContext, record: ContainerRecord): Promise<string> {
  if (isLive(record.state)) {
    const file = join(context.table.paths(record.id).bundle, 'config.json');
    return (JSON.parse(await readFile(file, 'utf8')) as OciSpec).root.path;
  }
  const image = context.images.byId(record.imageId);
  if (image === undefined) throw noSuchImage(record.request.Image);
  return mountContainerRoot(context, record.id, image);
}

async function releaseAtRest(context: EngineContext, id: string): Promise<void> {
  const record = context.table.find(id);
  if (record === undefined || record.starting || isLive(record.state)) return;
  await releaseRoot(context, id);
}
