import { readdir } from 'node:fs/promises';
import { Place } from '../../host/place.ts';
import type { EngineContext } from '../context.ts';
import { invalidParameter } from '../docker-errors.ts';
import { copyTree } from '../files/copy-tree.ts';
import { mayHavePath, openImageRoot } from '../files/image-root.ts';
import type { Image } from '../images/image-catalog.ts';
import { resolveInRoot } from '../runtime/root-path.ts';
import { mountVolume } from './mount.ts';
import { volumeKey } from './volume-users.ts';

/**
 * Puts what the image has at a path into a volume, if that is empty. Throws ENGINE_INVALID_PARAMETER when
 * the image has a file there, and as mountVolume does. The caller holds the volume, and
 * releases it, which unmounts it again.
 */
export async function populateVolume(
  context: EngineContext,
  name: string,
  image: Image,
  destination: string,
): Promise<void> {
  if (!(await mayHavePath(context, image, destination))) return;
  const data = await mountVolume(context, name);
  await context.queue.run(volumeKey(name), async () => {
    if ((await readdir(data)).length > 0) return;
    await using root = await openImageRoot(context, image);
    const folder = await resolveInRoot(root.folder, destination);
    if (folder === undefined) return;
    await using source = await Place.open(folder);
    if (!source.stat.isDirectory()) {
      throw invalidParameter(`cannot mount volume over existing file, file exists ${destination}`);
    }
    await using target = await Place.open(data);
    await copyTree(context.config.programs.busybox, source, target);
  });
}
