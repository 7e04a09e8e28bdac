import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { listMountPoints } from '../../host/mounts.ts';

/**
 * Folders of this boot whose container, recorded on the state partition, was being removed when its engine was killed.
 * What has a record of its own is none of them, and neither is what something is mounted in: that belongs to others.
 * @param kept where containers are recorded on the state partition; one that cannot be read keeps all it has
 */
export async function findLostBundles(containers: string, kept: string): Promise<string[]> {
  const mounted = listMountPoints();
  return (await readdir(containers))
    .filter(name => /^[0-9a-f]{64}$/.test(name) && !existsSync(join(kept, name)))
    .map(name => join(containers, name))
    .filter(folder => !existsSync(join(folder, 'record.json')))
    .filter(folder => !mounted.some(point => point.startsWith(`${folder}/`)));
}
