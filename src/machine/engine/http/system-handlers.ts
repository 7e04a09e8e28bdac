import { API_VERSION } from '../../engine-api/api-version.ts';
import { type Exchange, writeAll } from './exchange.ts';
import { filtersQuery } from './query.ts';

/** GET and HEAD /_ping */
export function ping({ method, reply }: Exchange): void {
  reply.text(200, method === 'HEAD' ? '' : 'OK', {
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
    'Builder-Version': '1',
    Swarm: 'inactive',
    'Api-Version': API_VERSION,
  });
}

/** GET /version */
export async function version({ backend, reply }: Exchange): Promise<void> {
  reply.json(200, await backend.system.version());
}

/** GET /info */
export async function info({ backend, reply }: Exchange): Promise<void> {
  reply.json(200, await backend.system.info());
}

/** GET /events */
export async function events({ backend, query, reply, signal }: Exchange): Promise<void> {
  const filters = filtersQuery(query, ['container', 'event', 'image', 'label', 'type', 'scope']);
  const source = backend.system.events(filters, signal);
  const output = reply.stream(200, 'application/json');
  for await (const event of source) await writeAll(output, `${JSON.stringify(event)}\n`, signal);
  output.end();
}
