import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../../shared/errors.ts';
import { mountLayers, unmountAll } from '../../host/mounts.ts';
import type { EngineContext } from '../context.ts';
import type { Image } from '../images/image-catalog.ts';

/** The files of an image, as a container of it would find them; nobody can change them. */
export interface ImageRoot extends AsyncDisposable {
  readonly folder: string;
}

/**
 * Opens an image's files: the folder of its only layer, or an overlay of all, mounted read-only until disposal. One
 * without layers is an empty folder.
 */
export async function openImageRoot(context: EngineContext, image: Image): Promise<ImageRoot> {
  const layers = await context.images.openLayers(image);
  const [only, ...more] = layers.folders;
  if (only !== undefined && more.length === 0) {
    return {
      folder: only,
      [Symbol.asyncDispose]() {
        layers[Symbol.dispose]();
        return Promise.resolve();
      },
    };
  }
  const { busybox } = context.config.programs;
  const home = join(context.paths.views, randomBytes(8).toString('hex'));
  const folder = join(home, 'root');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const close = async (): Promise<void> => {
    await unmountAll(busybox, folder);
    layers[Symbol.dispose]();
    // Not what may still be mounted below.
    await rm(join(home, 'links'), { recursive: true, force: true });
    await rmdir(folder);
    await rmdir(home);
  };
  try {
    const lower = layers.folders.toReversed();
    if (lower.length > 0) await mountLayers(busybox, { lower, target: folder, links: join(home, 'links') });
  } catch (error) {
    await close();
    throw error;
  }
  return { folder, [Symbol.asyncDispose]: close };
}

/**
 * Whether a layer may have something at a path: it has, or a link stands in the way. Saves mounting an
 * image to find nothing.
 */
export async function mayHavePath(context: EngineContext, image: Image, path: string): Promise<boolean> {
  using layers = await context.images.openLayers(image);
  for (const layer of layers.folders) if (await layerMayHave(layer, path)) return true;
  return false;
}

async function layerMayHave(layer: string, path: string): Promise<boolean> {
  let here = layer;
  const names = path.split('/').filter(Boolean);
  for (const [index, name] of names.entries()) {
    here = join(here, name);
    try {
      const stat = await lstat(here);
      if (!stat.isDirectory()) return stat.isSymbolicLink() || index === names.length - 1;
    } catch (error) {
      if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return false;
      throw error;
    }
  }
  return true;
}

/** Takes away the mounted images of an engine that was killed. */
export async function sweepViews(context: EngineContext): Promise<void> {
  await mkdir(context.paths.views, { recursive: true, mode: 0o700 });
  for (const name of await readdir(context.paths.views)) {
    const home = join(context.paths.views, name);
    await unmountAll(context.config.programs.busybox, join(home, 'root'));
    await rm(join(home, 'links'), { recursive: true, force: true });
    await rmdir(join(home, 'root')).catch(() => undefined);
    await rmdir(home).catch(() => undefined);
  }
}
