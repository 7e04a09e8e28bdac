import { compareApiVersions } from '../../engine-api/api-version.ts';
import { type Exchange, writeAll } from './exchange.ts';
import { invalidParameter } from '../docker-errors.ts';
import { filtersQuery, timeQuery } from './query.ts';

/** GET /version */
export async function version({ backend, reply }: Exchange): Promise<void> {
  reply.json(200, await backend.system.version());
}

/** GET /info */
export async function info({ backend, version, reply }: Exchange): Promise<void> {
  const body = await backend.system.info();
  reply.json(200, compareApiVersions(version, '1.25') < 0 ? oldInfo(body) : body);
}

/** Before API 1.25 security options were names alone. */
function oldInfo(body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const options = Array.isArray(body.SecurityOptions) ? body.SecurityOptions.map(String) : [];
  return {
    ...body,
    ExecutionDriver: '<not supported>',
    SecurityOptions: options.map(option => /(?<=^name=)[^,]*/.exec(option)?.[0] ?? option),
  };
}

/** GET /events */
export async function events({ backend, query, reply, signal }: Exchange): Promise<void> {
  const filters = filtersQuery(query);
  const sinceNs = boundQuery(query, 'since');
  const untilNs = boundQuery(query, 'until');
  const range = {
    ...(sinceNs === undefined ? {} : { sinceNs }),
    ...(untilNs === undefined ? {} : { untilNs }),
  };
  if (sinceNs !== undefined && untilNs !== undefined && sinceNs > untilNs) {
    throw invalidParameter(
      `\`since\` time (${query.get('since')}) cannot be after \`until\` time (${query.get('until')})`,
    );
  }
  const source = backend.system.events(range, filters, signal);
  const output = reply.stream(200, 'application/json');
  for await (const event of source) await writeAll(output, `${JSON.stringify(event)}\n`, signal);
  output.end();
}

/** Here 0 is the beginning of time, not nothing. */
function boundQuery(query: URLSearchParams, name: string): bigint | undefined {
  return query.get(name) === '0' ? 0n : timeQuery(query, name);
}

const USAGE_TYPES = ['container', 'image', 'volume', 'build-cache'];

/** GET /system/df */
export async function diskUsage({ backend, query, version, reply }: Exchange): Promise<void> {
  const types = query.getAll('type');
  for (const type of types) {
    if (!USAGE_TYPES.includes(type)) throw invalidParameter(`unknown object type: ${type}`);
  }
  reply.json(200, await backend.system.diskUsage(types.length === 0 ? USAGE_TYPES : types, version));
}

/** POST /build/prune: `docker system prune` asks for it too. What is never built has no cache. */
export function buildPrune({ query, reply }: Exchange): Promise<void> {
  filtersQuery(query);
  const kept = query.get('keep-storage') ?? '';
  if (kept !== '' && !/^[-+]?\d{1,18}$/.test(kept)) {
    throw invalidParameter(
      `keep-storage is in bytes and expects an integer, got ${kept}: strconv.Atoi: parsing ${JSON.stringify(kept)}: invalid syntax`,
    );
  }
  reply.json(200, { CachesDeleted: null, SpaceReclaimed: 0 });
  return Promise.resolve();
}
