import type { ContainerCreateRequest, ContainerUpdateRequest } from '../../engine-api/wire.ts';
import type { Filters } from './backend.ts';
import { parseCreateBody, parseUpdateBody } from './create-body.ts';
import { asOfVersion, warningsOf } from './create-versions.ts';
import { type Exchange, writeAll } from './exchange.ts';
import { booleanQuery, filtersQuery } from './query.ts';

/** What making, changing and watching containers needs of the engine. */
export interface LifecycleBackend {
  create(
    name: string,
    request: ContainerCreateRequest,
    platform: string,
  ): Promise<{ readonly id: string; readonly warnings: readonly string[] }>;
  update(nameOrId: string, change: ContainerUpdateRequest): Promise<readonly string[]>;
  rename(nameOrId: string, newName: string): Promise<void>;
  pause(nameOrId: string): Promise<void>;
  unpause(nameOrId: string): Promise<void>;
  top(
    nameOrId: string,
    options: string,
  ): Promise<{ readonly Titles: readonly string[]; readonly Processes: readonly (readonly string[])[] }>;
  /** Objects as lines of JSON; the first comes before anything is answered. */
  stats(nameOrId: string, options: StatsQuery): AsyncIterable<string>;
  prune(filters: Filters): Promise<{ readonly ids: readonly string[]; readonly reclaimedBytes: number }>;
}

export interface StatsQuery {
  readonly stream: boolean;
  readonly oneShot: boolean;
  readonly signal: AbortSignal;
}

/** POST /containers/create */
export async function containerCreate({ backend, query, version, json, reply }: Exchange): Promise<void> {
  const asked = parseCreateBody(await json());
  const request = asOfVersion(asked, version);
  const created = await backend.lifecycle.create(
    query.get('name') ?? '',
    request,
    query.get('platform') ?? '',
  );
  reply.json(201, { Id: created.id, Warnings: [...created.warnings, ...warningsOf(asked, version)] });
}

/** POST /containers/{id}/update */
export async function containerUpdate({ backend, parameters, json, reply }: Exchange): Promise<void> {
  const change = parseUpdateBody(await json());
  const warnings = await backend.lifecycle.update(parameters.id ?? '', change);
  reply.json(200, { Warnings: warnings.length === 0 ? null : warnings });
}

/** POST /containers/{id}/rename */
export async function containerRename({ backend, parameters, query, reply }: Exchange): Promise<void> {
  await backend.lifecycle.rename(parameters.id ?? '', query.get('name') ?? '');
  reply.empty(204);
}

/** POST /containers/{id}/pause */
export async function containerPause({ backend, parameters, reply }: Exchange): Promise<void> {
  await backend.lifecycle.pause(parameters.id ?? '');
  reply.empty(204);
}

/** POST /containers/{id}/unpause */
export async function containerUnpause({ backend, parameters, reply }: Exchange): Promise<void> {
  await backend.lifecycle.unpause(parameters.id ?? '');
  reply.empty(204);
}

/** GET /containers/{id}/top */
export async function containerTop({ backend, parameters, query, reply }: Exchange): Promise<void> {
  reply.json(200, await backend.lifecycle.top(parameters.id ?? '', query.get('ps_args') ?? ''));
}

/** GET /containers/{id}/stats: one object a second unless `stream` is off. */
export async function containerStats({ backend, parameters, query, reply, signal }: Exchange): Promise<void> {
  const stream = query.has('stream') ? booleanQuery(query, 'stream') : true;
  const lines = backend.lifecycle.stats(parameters.id ?? '', {
    stream,
    oneShot: booleanQuery(query, 'one-shot'),
    signal,
  });
  let output: ReturnType<typeof reply.stream> | undefined;
  for await (const line of lines) {
    // A container that does not exist is refused before the answer begins.
    output ??= reply.stream(200, 'application/json');
    await writeAll(output, line, signal);
  }
  output?.end();
}

/** POST /containers/prune */
export async function containerPrune({ backend, query, reply }: Exchange): Promise<void> {
  const pruned = await backend.lifecycle.prune(filtersQuery(query, ['until', 'label', 'label!']));
  reply.json(200, {
    ContainersDeleted: pruned.ids.length === 0 ? null : pruned.ids,
    SpaceReclaimed: pruned.reclaimedBytes,
  });
}
