import { compareApiVersions } from '../../engine-api/api-version.ts';
import type { ImageListItem } from '../../engine-api/bodies.ts';
import type { EngineContext } from '../context.ts';
import { invalidParameter } from '../docker-errors.ts';
import type { Filters } from '../http/backend.ts';
import type { ImageListQuery } from '../http/image-handlers.ts';
import type { Image } from '../images/image-catalog.ts';
import { showName, showRepository } from '../images/image-names.ts';
import { isGlob, matchesGlob } from './glob.ts';
import { passesLabels, untilOf } from './prune-filters.ts';

/** Images that the filters let through, the newest first. Throws IMAGE_NOT_FOUND, ENGINE_INVALID_PARAMETER. */
export function listImages(context: EngineContext, query: ImageListQuery): ImageListItem[] {
  const { filters } = query;
  const all = context.images.all();
  const matches = imageFilter(context, filters);
  const patterns = filters.get('reference');
  if (patterns?.some(pattern => !isGlob(pattern)) === true) throw invalidParameter('syntax error in pattern');
  const isOld = compareApiVersions(query.version, '1.44') < 0;
  const isOlder = compareApiVersions(query.version, '1.43') < 0;
  return all
    .filter(matches)
    .sort((a, b) => b.createdAtMs - a.createdAtMs)
    .flatMap((image): ImageListItem[] => {
      const wanted = (name: string): boolean =>
        patterns?.some(pattern => matchesReference(pattern, name)) ?? true;
      const tags = image.names.filter(wanted).map(showName);
      const digests = image.repoDigests.filter(wanted).map(showName);
      if (patterns !== undefined && tags.length + digests.length === 0) return [];
      const isNameless = tags.length + digests.length === 0;
      return [
        {
          Id: image.id,
          ParentId: image.parent ?? '',
          RepoTags: isOlder ? (isNameless ? ['<none>:<none>'] : nullIfEmpty(tags)) : tags,
          RepoDigests: isOlder ? (isNameless ? ['<none>@<none>'] : nullIfEmpty(digests)) : digests,
          Created: Math.floor(image.createdAtMs / 1000),
          Size: image.sizeBytes,
          ...(isOld ? { VirtualSize: image.sizeBytes } : {}),
          SharedSize: query.sharedSize ? sharedBytes(image, all) : -1,
          Labels: image.run.Labels ?? null,
          Containers: -1,
        },
      ];
    });
}

/** Go's way with a list that has never had anything. */
export function nullIfEmpty<T>(items: readonly T[]): readonly T[] | null {
  return items.length === 0 ? null : items;
}

/** What `dangling`, `label`, `before`, `since` and `until` ask for. */
export function imageFilter(context: EngineContext, filters: Filters): (image: Image) => boolean {
  const dangling = oneSwitch(filters, 'dangling');
  const before = filters.get('before')?.map(name => context.images.resolve(name).createdAtMs);
  const since = filters.get('since')?.map(name => context.images.resolve(name).createdAtMs);
  const until = untilOf(filters, context.clock());
  return image =>
    (dangling !== true || image.names.length === 0) &&
    (dangling !== false || image.names.length + image.repoDigests.length > 0) &&
    (before?.every(time => image.createdAtMs < time) ?? true) &&
    (since?.every(time => image.createdAtMs > time) ?? true) &&
    (until === undefined || image.createdAtMs < until) &&
    passesLabels(image.run.Labels ?? {}, filters);
}

/** Bytes of an image's layers that other images have as well. */
export function sharedBytes(image: Image, all: readonly Image[]): number {
  const others = new Set(
    all.filter(({ id }) => id !== image.id).flatMap(({ layers }) => layers.map(layer => layer.diffId)),
  );
  return image.layers
    .filter(layer => others.has(layer.diffId))
    .reduce((sum, layer) => sum + layer.sizeBytes, 0);
}

/** A switch among the filters; undefined when it is not there. Throws ENGINE_INVALID_PARAMETER. */
export function oneSwitch(filters: Filters, key: string): boolean | undefined {
  const values = filters.get(key);
  if (values === undefined || values.length === 0) return undefined;
  const [value = ''] = values;
  if (['1', 'true', 't', 'T', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'false', 'f', 'F', 'FALSE', 'False'].includes(value)) return false;
  throw invalidParameter(`invalid filter '${key}=[${values.join(' ')}]'`);
}

/** A pattern may be for the name alone, or for the name with its tag or digest. */
function matchesReference(pattern: string, name: string): boolean {
  return matchesGlob(pattern, showName(name)) || matchesGlob(pattern, showRepository(name));
}
