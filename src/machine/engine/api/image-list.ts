import { compareApiVersions } from '../../engine-api/api-version.ts';
import type { ImageListItem } from '../../engine-api/bodies.ts';
import type { EngineContext } from '../context.ts';
import { invalidParameter } from '../docker-errors.ts';
import type { Filters } from '../http/backend.ts';
import type { ImageListQuery } from '../http/image-handlers.ts';
import type { Image } from '../images/image-catalog.ts';
import { showName, showRepository } from '../images/image-names.ts';
import { matchesGlob } from './glob.ts';

/** Images that the filters let through, the newest first. Throws IMAGE_NOT_FOUND, ENGINE_INVALID_PARAMETER. */
export function listImages(context: EngineContext, query: ImageListQuery): ImageListItem[] {
  const { filters } = query;
  const all = context.images.all();
  const matches = imageFilter(context, filters);
  const patterns = filters.get('reference');
  const isOld = compareApiVersions(query.version, '1.44') < 0;
  const isOlder = compareApiVersions(query.version, '1.43') < 0;
  return all
    .filter(matches)
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
          RepoTags: isOlder && isNameless ? ['<none>:<none>'] : tags,
          RepoDigests: isOlder && isNameless ? ['<none>@<none>'] : digests,
          Created: Math.floor(image.createdAtMs / 1000),
          Size: image.sizeBytes,
          ...(isOld ? { VirtualSize: image.sizeBytes } : {}),
          SharedSize: query.sharedSize ? sharedBytes(image, all) : -1,
          Labels: image.run.Labels ?? null,
          Containers: -1,
        },
      ];
    })
    .sort((a, b) => b.Created - a.Created);
}

/** What `dangling`, `label`, `before`, `since` and `until` ask for. */
export function imageFilter(context: EngineContext, filters: Filters): (image: Image) => boolean {
  const dangling = oneSwitch(filters, 'dangling');
  const before = filters.get('before')?.map(name => context.images.resolve(name).createdAtMs);
  const since = filters.get('since')?.map(name => context.images.resolve(name).createdAtMs);
  const until = filters.get('until')?.map(text => parseUntil(text, context.clock()));
  const labels = filters.get('label') ?? [];
  const without = filters.get('label!') ?? [];
  return image =>
    (dangling !== true || image.names.length === 0) &&
    (dangling !== false || image.names.length + image.repoDigests.length > 0) &&
    (before?.every(time => image.createdAtMs < time) ?? true) &&
    (since?.every(time => image.createdAtMs > time) ?? true) &&
    (until?.every(time => image.createdAtMs < time) ?? true) &&
    labels.every(label => hasLabel(image, label)) &&
    !without.some(label => hasLabel(image, label));
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

function hasLabel(image: Image, label: string): boolean {
  const [key = '', value] = label.split(/=(.*)/s);
  const found = image.run.Labels?.[key];
  return found !== undefined && (value === undefined || found === value);
}

/** A pattern may be for the name alone, or for the name with its tag or digest. */
function matchesReference(pattern: string, name: string): boolean {
  return matchesGlob(pattern, showName(name)) || matchesGlob(pattern, showRepository(name));
}

/** `24h`, seconds since 1970, or RFC 3339, in milliseconds since 1970. Throws ENGINE_INVALID_PARAMETER. */
export function parseUntil(text: string, nowMs: number): number {
  const duration = /^(?:\d+(?:\.\d+)?(?:h|m|s|ms|us|ns))+$/.exec(text);
  if (duration !== null) {
    const units = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 1e-3, ns: 1e-6 } as const;
    let total = 0;
    for (const [, number = '0', unit = 's'] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)/g)) {
      total += Number(number) * units[unit as keyof typeof units];
    }
    return nowMs - total;
  }
  const time = /^\d{1,12}(?:\.\d{1,9})?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (!Number.isFinite(time)) throw invalidParameter(`invalid filter 'until=[${text}]'`);
  return time;
}
