import { API_VERSION } from '../../engine-api/api-version.ts';
import type { Exchange } from './exchange.ts';

/** GET and HEAD /_ping: needs nothing of the engine, and nothing of the rest of its API. */
export function ping({ method, reply }: Pick<Exchange, 'method' | 'reply'>): void {
  reply.text(200, method === 'HEAD' ? '' : 'OK', {
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
    'Builder-Version': '1',
    Swarm: 'inactive',
    'Api-Version': API_VERSION,
  });
}
