import { Place } from '../../host/place.ts';
import { MAX_DEPTH } from '../files/copy-tree.ts';
import type { EngineContext } from '../context.ts';
import type { Volume } from './volume-table.ts';
import { usersOf } from './volume-users.ts';

/** More files with several names than this are counted once for each name. */
const MAX_REMEMBERED = 100_000;

/** The size of everything in a volume in bytes; what vanishes meanwhile does not count. */
export async function measureVolume(volume: Volume): Promise<number> {
  await using root = await Place.open(volume.data);
  return await measureFolder(root, new Set());
}

/** A volume, and how much room and how many containers have to do with it. */
export interface VolumeUsage {
  readonly volume: Volume;
  readonly sizeBytes: number;
  readonly containers: number;
}

/** Every volume whose files lie in it, not elsewhere as with options; one that cannot be read has no size (-1). */
export async function measureVolumes(context: EngineContext): Promise<VolumeUsage[]> {
  const usages: VolumeUsage[] = [];
  for (const volume of context.volumes.all()) {
    const { name, options } = volume.record;
    if (Object.keys(options).length > 0) continue;
    const sizeBytes = await measureVolume(volume).catch(() => -1);
    usages.push({ volume, sizeBytes, containers: usersOf(context, name).length });
  }
  return usages;
}

/**
 * The same for a folder that is open. What is nested too deep does not count.
 * @param seen files with several names that have been counted
 */
export async function measureFolder(folder: Place, seen: Set<string>, depth = 0): Promise<number> {
  let bytes = 0;
  for await (const name of folder.names()) {
    const stat = await folder.statChild(name);
    if (stat === undefined) continue;
    if (!stat.isDirectory() && stat.nlink === 1) {
      bytes += stat.size;
      continue;
    }
    await using child = await folder.child(name);
    // Something else may be there by now.
    if (child?.stat.isDirectory() === true) {
      if (depth < MAX_DEPTH) bytes += await measureFolder(child, seen, depth + 1);
    } else if (child !== undefined && remember(seen, await child.inodeKey())) bytes += child.stat.size;
  }
  return bytes;
}

/** False when it has been seen before. */
function remember(seen: Set<string>, key: string): boolean {
  if (seen.has(key)) return false;
  if (seen.size < MAX_REMEMBERED) seen.add(key);
  return true;
}
