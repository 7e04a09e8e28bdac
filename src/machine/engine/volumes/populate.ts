import { readdir } from 'node:fs/promises';
import { Place } from '../../host/place.ts';
import type { EngineContext } from '../context.ts';
import { invalidParameter } from '../docker-errors.ts';
import { copyTree } from '../files/copy-tree.ts';
import { FileView } from '../files/file-view.ts';
import { mayHavePath, openImageRoot } from '../files/image-root.ts';
import type { Image } from '../images/image-catalog.ts';
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
  const data = await mountVolume(context, name, true);
  await context.queue.run(volumeKey(name), async () => {
    if ((await readdir(data)).length > 0) return;
    await using root = await openImageRoot(context, image);
    await using view = await FileView.open(root.folder, []);
    await using found = await view.find(destination, true);
    if (found === undefined) return;
    const source = found.place;
    if (!source.stat.isDirectory()) {
      throw invalidParameter(`cannot mount volume over existing file, file exists ${destination}`);
    }
    await using target = await Place.open(data);
    await copyTree(context.config.programs.busybox, source, target);
  });
}
