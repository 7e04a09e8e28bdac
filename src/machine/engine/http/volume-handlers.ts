import { compareApiVersions } from '../../engine-api/api-version.ts';
import type { VolumeBody } from '../../engine-api/bodies.ts';
import type { Filters } from './backend.ts';
import type { Exchange } from './exchange.ts';
import { decodeBody, map, struct, text } from './go-json.ts';
import { booleanQuery, filtersQuery } from './query.ts';

/** POST /volumes/create */
export interface VolumeCreateRequest {
  readonly Name?: string;
  readonly Driver?: string;
  readonly DriverOpts?: Readonly<Record<string, string>>;
  readonly Labels?: Readonly<Record<string, string>>;
  /** For volumes of a swarm, which is looked no further into. */
  readonly ClusterVolumeSpec?: Readonly<Record<string, unknown>>;
}

/** What volumes need of the engine. */
export interface VolumeBackend {
  list(filters: Filters): Promise<VolumeBody[]>;
  inspect(name: string): Promise<VolumeBody>;
  create(request: VolumeCreateRequest): Promise<VolumeBody>;
  remove(name: string, force: boolean): Promise<void>;
  prune(filters: Filters): Promise<{ readonly names: readonly string[]; readonly reclaimedBytes: number }>;
}

const createRequest = struct<VolumeCreateRequest>('volume.CreateOptions', {
  Name: text(),
  Driver: text(),
  DriverOpts: map(text()),
  Labels: map(text()),
  ClusterVolumeSpec: struct('volume.ClusterVolumeSpec', {}),
});

/** GET /volumes */
export async function volumeList({ backend, query, reply }: Exchange): Promise<void> {
  const filters = filtersQuery(
    query,
    ['dangling', 'driver', 'label', 'name'],
    'error reading volume filters: ',
  );
  reply.json(200, { Volumes: await backend.volumes.list(filters), Warnings: null });
}

/** POST /volumes/create */
export async function volumeCreate({ backend, json, reply }: Exchange): Promise<void> {
  reply.json(201, await backend.volumes.create(decodeBody(createRequest, await json())));
}

/** GET /volumes/{name} */
export async function volumeInspect({ backend, parameters, reply }: Exchange): Promise<void> {
  reply.json(200, await backend.volumes.inspect(parameters.name ?? ''));
}

/** DELETE /volumes/{name} */
export async function volumeRemove({ backend, parameters, query, reply }: Exchange): Promise<void> {
  await backend.volumes.remove(parameters.name ?? '', booleanQuery(query, 'force'));
  reply.empty(204);
}

/** POST /volumes/prune: before API 1.42 it took volumes with names as well. */
export async function volumePrune({ backend, query, version, reply }: Exchange): Promise<void> {
  const given = filtersQuery(query, ['all', 'label', 'label!']);
  const filters = compareApiVersions(version, '1.42') < 0 ? new Map([...given, ['all', ['true']]]) : given;
  const { names, reclaimedBytes } = await backend.volumes.prune(filters);
  reply.json(200, { VolumesDeleted: names, SpaceReclaimed: reclaimedBytes });
}
