import type { EngineContext } from '../context.ts';
import { measureVolumes } from '../volumes/usage.ts';
import { measureUpper } from '../containers/prune.ts';
import { selectContainers } from './container-filters.ts';
import { formatListItem } from './containers.ts';
import { listImages, nullIfEmpty } from './image-list.ts';
import { formatVolume } from './volumes.ts';

const EVERYTHING = { all: true, limit: 0, filters: new Map<string, readonly string[]>() };

/**
 * What GET /system/df answers: what takes room. @param types `container`, `image`, `volume`, `build-cache`; what
 * is not among them is null and not measured
 */
export async function diskUsage(
  context: EngineContext,
  types: readonly string[],
  version: string,
): Promise<object> {
  const has = (type: string): boolean => types.includes(type);
  return {
    LayersSize: has('image') ? layerBytes(context) : 0,
    Images: has('image') ? imageUsage(context, version) : null,
    Containers: has('container') ? await containerUsage(context) : null,
    Volumes: has('volume') ? await volumeUsage(context) : null,
    // Nothing is ever built here.
    BuildCache: has('build-cache') ? [] : null,
  };
}

/** Every layer once. */
function layerBytes(context: EngineContext): number {
  const sizes = new Map(
    context.images
      .all()
      .flatMap(({ layers }) => layers.map(layer => [layer.diffId, layer.sizeBytes] as const)),
  );
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

function imageUsage(context: EngineContext, version: string): object[] {
  const counts = new Map<string, number>();
  for (const { imageId } of context.table.all()) counts.set(imageId, (counts.get(imageId) ?? 0) + 1);
  return listImages(context, { filters: EVERYTHING.filters, sharedSize: true, version }).map(item => ({
    ...item,
    RepoTags: nullIfEmpty(item.RepoTags ?? []),
    RepoDigests: nullIfEmpty(item.RepoDigests ?? []),
    Containers: counts.get(item.Id) ?? 0,
  }));
}

async function containerUsage(context: EngineContext): Promise<object[]> {
  const items: object[] = [];
  const records = selectContainers(context.table.all(), EVERYTHING, name => name);
  // One after the other: measuring reads every folder.
  for (const record of records) {
    const own = await measureUpper(context, record);
    const image = context.images.byId(record.imageId)?.sizeBytes ?? 0;
    items.push({ ...formatListItem(context, record), SizeRw: own, SizeRootFs: own + image });
  }
  return items;
}

async function volumeUsage(context: EngineContext): Promise<object[]> {
  const usages = new Map((await measureVolumes(context)).map(usage => [usage.volume.record.name, usage]));
  // Those with options lie elsewhere.
  const own = context.volumes.all().filter(({ record }) => Object.keys(record.options).length === 0);
  return own.map(volume => {
    const usage = usages.get(volume.record.name);
    return formatVolume(volume, { Size: usage?.sizeBytes ?? -1, RefCount: usage?.containers ?? 0 });
  });
}
