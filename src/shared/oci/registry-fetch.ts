import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { Readable, pipeline } from 'node:stream';
import { messageOf } from '../errors.ts';
import { nodeHttps } from '../node-https.ts';
import type { FetchFunction } from './registry-transport.ts';

/**
 * A `fetch` for registries that takes proxies from the given environment (`http_proxy`, `https_proxy`,
 * `no_proxy`), which the global one does not. It never follows redirects. A body is text, bytes or a stream of
 * bytes, which is sent as it comes.
 */
export function openRegistryFetch(
  env: Readonly<Record<string, string | undefined>>,
): { readonly fetch: FetchFunction } & Disposable {
  const options = { keepAlive: true, maxSockets: 8, proxyEnv: { ...env } };
  const httpAgent = new HttpAgent(options);
  let httpsAgent: HttpsAgent | undefined;
  return {
    fetch: (url, init) =>
      new Promise((resolve, reject) => {
        const isSecure = url.protocol === 'https:';
        if (isSecure) httpsAgent ??= new (nodeHttps().Agent)(options);
        const request = (isSecure ? nodeHttps().request : httpRequest)({
          agent: isSecure ? httpsAgent : httpAgent,
          host: url.hostname.replace(/^\[|\]$/g, ''),
          ...(url.port === '' ? {} : { port: Number(url.port) }),
          path: url.pathname + url.search,
          method: init.method,
          headers: { ...init.headers },
          signal: init.signal,
        });
        request.on('error', reject);
        request.on('response', message => {
          try {
            resolve(responseOf(message));
          } catch (error) {
            message.destroy();
            reject(error instanceof Error ? error : new Error(messageOf(error)));
          }
        });
        const { body } = init;
        if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) request.end(body);
        else {
          // An answer may come before everything was sent: then it counts, not the broken pipe.
          pipeline(Readable.from(body, { objectMode: false }), request, error => {
            if (error) reject(error);
          });
        }
      }),
    [Symbol.dispose]() {
      httpAgent.destroy();
      httpsAgent?.destroy();
    },
  };
}

function responseOf(message: IncomingMessage): Response {
  const headers = new Headers();
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const status = message.statusCode ?? 0;
  const hasNoBody = status === 204 || status === 205 || status === 304;
  if (hasNoBody) message.resume();
  return new Response(hasNoBody ? null : (Readable.toWeb(message) as ReadableStream<Uint8Array>), {
    status,
    headers,
  });
}
