import type { ImageDeleteBody, ImageHistoryBody, ImageListItem } from '../../engine-api/bodies.ts';
import { notSupported } from '../docker-errors.ts';
import type { Filters } from './backend.ts';
import type { Exchange } from './exchange.ts';
import { booleanQuery, filtersQuery } from './query.ts';

export interface ImageListQuery {
  readonly filters: Filters;
  readonly sharedSize: boolean;
  readonly version: string;
}

/** What images need of the engine, besides bringing them here and away. */
export interface ImageBackend {
  list(query: ImageListQuery): Promise<ImageListItem[]>;
  /** @param version of the API, which decides over older fields */
  inspect(nameOrId: string, version: string): Promise<Readonly<Record<string, unknown>>>;
  history(nameOrId: string): Promise<ImageHistoryBody[]>;
  tag(nameOrId: string, repository: string, tag: string): Promise<void>;
  remove(
    nameOrId: string,
    options: { readonly force: boolean; readonly noPrune: boolean },
  ): Promise<ImageDeleteBody[]>;
  prune(
    filters: Filters,
  ): Promise<{ readonly items: readonly ImageDeleteBody[]; readonly freedBytes: number }>;
}

/** GET /images/json */
export async function imageList({ backend, query, version, reply }: Exchange): Promise<void> {
  const known = ['dangling', 'label', 'before', 'since', 'reference', 'until'];
  const filters = new Map(filtersQuery(query, known));
  // What clients older than API 1.28 sent for `reference`.
  const old = query.get('filter');
  if (old !== null && old !== '' && !filters.has('reference')) filters.set('reference', [old]);
  const sharedSize = booleanQuery(query, 'shared-size');
  reply.json(200, await backend.images.list({ filters, sharedSize, version }));
}

/** GET /images/{name}/json */
export async function imageInspect({ backend, parameters, version, reply }: Exchange): Promise<void> {
  reply.json(200, await backend.images.inspect(parameters.name ?? '', version));
}

/** GET /images/{name}/history */
export async function imageHistory({ backend, parameters, reply }: Exchange): Promise<void> {
  reply.json(200, await backend.images.history(parameters.name ?? ''));
}

/** POST /images/{name}/tag */
export async function imageTag({ backend, parameters, query, reply }: Exchange): Promise<void> {
  await backend.images.tag(parameters.name ?? '', query.get('repo') ?? '', query.get('tag') ?? '');
  reply.empty(201);
}

/** DELETE /images/{name} */
export async function imageRemove({ backend, parameters, query, reply }: Exchange): Promise<void> {
  const options = { force: booleanQuery(query, 'force'), noPrune: booleanQuery(query, 'noprune') };
  reply.json(200, await backend.images.remove(parameters.name ?? '', options));
}

/** POST /images/prune */
export async function imagePrune({ backend, query, reply }: Exchange): Promise<void> {
  const { items, freedBytes } = await backend.images.prune(
    filtersQuery(query, ['dangling', 'label', 'label!', 'until']),
  );
  reply.json(200, { ImagesDeleted: items.length === 0 ? null : items, SpaceReclaimed: freedBytes });
}

/** GET /images/search: only Docker Hub has such a search, and its answer is for people. */
export function imageSearch(): void {
  throw notSupported('searching Docker Hub');
}
