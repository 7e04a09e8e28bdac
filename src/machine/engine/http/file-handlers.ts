import type { PathStatBody } from '../../engine-api/bodies.ts';
import type { ContainerCreateRequest } from '../../engine-api/wire.ts';
import { passingBytes } from '../../host/passing-bytes.ts';
import { invalidParameter } from '../docker-errors.ts';
import { parseCreateBody } from './create-body.ts';
import { type Exchange, writeAll } from './exchange.ts';
import { booleanQuery } from './query.ts';

/** A tar archive of files of a container. */
export interface ArchiveStream extends AsyncDisposable {
  readonly content: AsyncIterable<Buffer>;
  /** Aborted when the container is removed. */
  readonly signal: AbortSignal;
}

/** What an image that is made of a container is called, and how it differs from it. */
export interface CommitOptions {
  /** Empty: the image gets no name. */
  readonly repository: string;
  readonly tag: string;
  readonly comment: string;
  readonly author: string;
  /** A running container is held still meanwhile. */
  readonly pause: boolean;
  /** Instructions of a Dockerfile. */
  readonly changes: readonly string[];
  /** Goes over the container's own configuration. */
  readonly config?: ContainerCreateRequest;
}

/** What the files of containers need of the engine. */
export interface FileBackend {
  stat(nameOrId: string, path: string): Promise<PathStatBody>;
  archive(nameOrId: string, path: string): Promise<ArchiveStream & { readonly stat: PathStatBody }>;
  extract(
    nameOrId: string,
    path: string,
    options: { readonly keepKinds: boolean; readonly ownedByUser: boolean },
    archive: AsyncIterable<Uint8Array>,
  ): Promise<void>;
  changes(nameOrId: string): Promise<readonly { readonly Kind: number; readonly Path: string }[]>;
  export(nameOrId: string): Promise<ArchiveStream>;
  /** Answers the id of the image. */
  commit(nameOrId: string, request: CommitOptions, signal: AbortSignal): Promise<string>;
}

const STAT_HEADER = 'X-Docker-Container-Path-Stat';

/** GET, PUT and HEAD /containers/{id}/archive */
export async function containerArchive(exchange: Exchange): Promise<void> {
  const { backend, method, parameters, query, body, reply } = exchange;
  const id = parameters.id ?? '';
  const path = query.get('path') ?? '';
  if (path === '') throw invalidParameter('bad parameter: pathcannot be empty');
  if (path.includes('\0')) throw invalidParameter('bad parameter: path holds a NUL byte');
  if (method === 'HEAD') {
    reply.text(200, '', { [STAT_HEADER]: formatStat(await backend.files.stat(id, path)) });
  } else if (method === 'PUT') {
    const keepKinds = booleanQuery(query, 'noOverwriteDirNonDir');
    const ownedByUser = booleanQuery(query, 'copyUIDGID');
    await backend.files.extract(id, path, { keepKinds, ownedByUser }, body);
    reply.empty(200);
  } else {
    await using archive = await backend.files.archive(id, path);
    await send(exchange, archive, 'application/x-tar', { [STAT_HEADER]: formatStat(archive.stat) });
  }
}

/** GET /containers/{id}/export */
export async function containerExport(exchange: Exchange): Promise<void> {
  await using archive = await exchange.backend.files.export(exchange.parameters.id ?? '');
  await send(exchange, archive, 'application/octet-stream', {});
}

/** GET /containers/{id}/changes: null where nothing has changed, as Docker has it. */
export async function containerChanges({ backend, parameters, reply }: Exchange): Promise<void> {
  const changes = await backend.files.changes(parameters.id ?? '');
  reply.json(200, changes.length === 0 ? null : changes);
}

/** POST /commit */
export async function imageCommit({ backend, query, json, signal, reply }: Exchange): Promise<void> {
  const body = await json();
  const text = (name: string): string => query.get(name) ?? '';
  const id = await backend.files.commit(
    text('container'),
    {
      repository: text('repo'),
      tag: text('tag'),
      comment: text('comment'),
      author: text('author'),
      // Absent means yes.
      pause: text('pause') === '' || booleanQuery(query, 'pause'),
      changes: query.getAll('changes'),
      ...(body === undefined || isEmptyObject(body) ? {} : { config: parseCreateBody(body) }),
    },
    signal,
  );
  reply.json(201, { Id: id });
}

async function send(
  { reply, signal }: Exchange,
  archive: ArchiveStream,
  contentType: string,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const output = reply.stream(200, contentType, headers);
  const either = AbortSignal.any([signal, archive.signal]);
  const passing = passingBytes();
  for await (const piece of archive.content) {
    await writeAll(output, piece, either);
    passing(piece.length);
  }
  output.end();
}

function isEmptyObject(value: unknown): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

function formatStat(stat: PathStatBody): string {
  return Buffer.from(JSON.stringify(stat)).toString('base64');
}
