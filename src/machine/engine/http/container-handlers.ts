import { ToolError } from '../../../shared/errors.ts';
import { conflict, invalidParameter } from '../docker-errors.ts';
import type { WaitCondition } from './backend.ts';
import type { Exchange } from './exchange.ts';
import { booleanQuery, filtersQuery, numberQuery } from './query.ts';

const LIST_FILTERS = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
];

/** GET /containers/json */
export async function containerList({ backend, query, reply }: Exchange): Promise<void> {
  const items = backend.containers.list({
    all: booleanQuery(query, 'all'),
    limit: Math.max(0, numberQuery(query, 'limit') ?? 0),
    filters: filtersQuery(query, LIST_FILTERS),
  });
  if (!booleanQuery(query, 'size')) {
    reply.json(200, items);
    return;
  }
  const sized: unknown[] = [];
  // One after the other: measuring reads every folder.
  for (const item of items) {
    const sizes = await backend.containers.measure(item.Id).catch((error: unknown) => {
      if (error instanceof ToolError && error.kind === 'not-found') return undefined;
      throw error;
    });
    // Removed meanwhile.
    if (sizes === undefined) continue;
    const { SizeRw, SizeRootFs } = sizes;
    sized.push({ ...item, ...(SizeRw === 0 ? {} : { SizeRw }), ...(SizeRootFs === 0 ? {} : { SizeRootFs }) });
  }
  reply.json(200, sized);
}

/** GET /containers/{id}/json */
export async function containerInspect({
  backend,
  parameters,
  query,
  version,
  reply,
}: Exchange): Promise<void> {
  const id = parameters.id ?? '';
  const body = backend.containers.inspect(id, version);
  const size = booleanQuery(query, 'size') ? await backend.containers.measure(id) : {};
  reply.json(200, { ...body, ...size });
}

/** POST /containers/{id}/start */
export async function containerStart({ backend, parameters, headers, reply }: Exchange): Promise<void> {
  // A JSON object that says something has at least so many bytes.
  if (Number(headers['content-length'] ?? 0) > 7 || headers['transfer-encoding'] !== undefined) {
    throw invalidParameter(
      'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24',
    );
  }
  await backend.containers.start(parameters.id ?? '');
  reply.empty(204);
}

/** POST /containers/{id}/stop */
export async function containerStop({ backend, parameters, query, reply }: Exchange): Promise<void> {
  await backend.containers.stop(parameters.id ?? '', graceQuery(query), query.get('signal') ?? '');
  reply.empty(204);
}

/** POST /containers/{id}/restart */
export async function containerRestart({ backend, parameters, query, reply }: Exchange): Promise<void> {
  await backend.containers.restart(parameters.id ?? '', graceQuery(query), query.get('signal') ?? '');
  reply.empty(204);
}

/** POST /containers/{id}/kill */
export async function containerKill({ backend, parameters, query, reply }: Exchange): Promise<void> {
  await backend.containers.kill(parameters.id ?? '', query.get('signal') ?? '');
  reply.empty(204);
}

/** POST /containers/{id}/wait: the head of the answer comes at once, as clients start the container after it. */
export async function containerWait({ backend, parameters, query, reply, signal }: Exchange): Promise<void> {
  const code = backend.containers.wait(parameters.id ?? '', conditionQuery(query), signal);
  code.catch(() => undefined);
  // A name that does not exist is refused before the answer begins.
  await Promise.race([code, new Promise(resolve => setImmediate(resolve))]);
  const output = reply.stream(200, 'application/json');
  output.end(`${JSON.stringify({ StatusCode: await code })}\n`);
}

/** DELETE /containers/{id} */
export async function containerRemove({ backend, parameters, query, reply }: Exchange): Promise<void> {
  if (booleanQuery(query, 'link')) {
    // Names of links are lines of /etc/hosts here; a container has but one name.
    throw conflict('Conflict, cannot remove the default link name of the container');
  }
  await backend.containers.remove(
    parameters.id ?? '',
    booleanQuery(query, 'force'),
    booleanQuery(query, 'v'),
  );
  reply.empty(204);
}

function graceQuery(query: URLSearchParams): number | undefined {
  const seconds = numberQuery(query, 't');
  return seconds === undefined ? undefined : seconds * 1000;
}

function conditionQuery(query: URLSearchParams): WaitCondition {
  const text = query.get('condition') ?? '';
  if (text === '' || text === 'not-running') return 'not-running';
  if (text === 'next-exit' || text === 'removed') return text;
  throw invalidParameter(`invalid condition: "${text}"`);
}
