import { request } from 'node:http';

/** What an engine answered to one request. */
export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * Sends one request and reads the whole answer. Rejects when the engine is not there, or goes away before it has
 * answered.
 */
export type ApiClient = (
  method: string,
  path: string,
  body?: object | Buffer,
  signal?: AbortSignal,
) => Promise<ApiAnswer>;

/** Speaks to an engine's socket, a connection for each request. */
export function apiClient(socketPath: string): ApiClient {
  return (method, path, body, signal) =>
    new Promise((resolve, reject) => {
      const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
      const sent = request(
        {
          socketPath,
          method,
          path,
          agent: false,
          ...(signal === undefined ? {} : { signal }),
          headers: {
            ...(bytes === body ? {} : { 'Content-Type': 'application/json' }),
            ...(bytes === undefined ? {} : { 'Content-Length': bytes.length }),
          },
        },
        response => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
          });
        },
      );
      sent.on('error', reject);
      sent.end(bytes);
    });
}

/** Numbers from 0 up to 1, the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    // xorshift32 (Marsaglia)
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}
