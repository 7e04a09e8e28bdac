import { mkdir, rm } from 'node:fs/promises';
import { countMounts, mountOverlay, unmountAll } from '../../host/mounts.ts';
import type { EngineContext } from '../context.ts';
import type { Image } from '../images/image-catalog.ts';

/**
 * Mounts a container's root file system, the image's layers below a folder of its own, and answers where. One that
 * somebody looks at is mounted already.
 */
export async function mountContainerRoot(context: EngineContext, id: string, image: Image): Promise<string> {
  const paths = context.table.paths(id);
  if (context.roots.isLeased(id) && countMounts(paths.rootfs) > 0) return paths.rootfs;
  await releaseRoot(context, id);
  for (const folder of [paths.rootfs, paths.upper]) await mkdir(folder, { recursive: true, mode: 0o755 });
  // The kernel wants an empty work folder of its own.
  await rm(paths.work, { recursive: true, force: true });
  await mkdir(paths.work, { mode: 0o700 });
  await mountOverlay(context.config.programs.busybox, {
    lower: (await context.images.mountLayers(image, id)).toReversed(),
    upper: paths.upper,
    work: paths.work,
    target: paths.rootfs,
    links: paths.lowerLinks,
  });
  return paths.rootfs;
}

/** Unmounts the container's root file system, if it has one of its own and nobody looks at it. */
export async function releaseRoot(context: EngineContext, id: string): Promise<void> {
  if (context.roots.isLeased(id)) return;
  await unmountAll(context.config.programs.busybox, context.table.paths(id).rootfs);
  context.images.releaseLayers(id);
}
