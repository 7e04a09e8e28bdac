import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { Readable, pipeline } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import { nodeHttps } from '../node-https.ts';
import type { FetchFunction, FetchResponse } from './registry-transport.ts';

/** What of TLS is different for one host; texts are PEM. */
export interface HostCertificates {
  /** Trusted besides those that are known to everybody. */
  readonly authorities: readonly string[];
  /** What is shown to the host, with its key. */
  readonly certificate?: string;
  readonly key?: string;
}

/**
 * A `fetch` for registries that takes proxies from the given environment (`http_proxy`, `https_proxy`,
 * `no_proxy`), which the global one does not. It never follows redirects. A body is text, bytes or a stream of
 * bytes, which is sent as it comes.
 * @param certificatesOf asked once for each `host[:port]` spoken to over TLS
 */
export function openRegistryFetch(
  env: Readonly<Record<string, string | undefined>>,
  certificatesOf: (host: string) => HostCertificates | undefined = () => undefined,
): { readonly fetch: FetchFunction } & Disposable {
  const options = { keepAlive: true, maxSockets: 8, proxyEnv: { ...env } };
  const httpAgent = new HttpAgent(options);
  const httpsAgents = new Map<string, HttpsAgent>();
  let everybodys: HttpsAgent | undefined;
  const agentFor = (host: string): HttpsAgent => {
    const known = httpsAgents.get(host);
    if (known !== undefined) return known;
    const own = certificatesOf(host);
    const agent =
      own === undefined
        ? (everybodys ??= new (nodeHttps().Agent)(options))
        : new (nodeHttps().Agent)({ ...options, ...tlsOptionsOf(own) });
    httpsAgents.set(host, agent);
    return agent;
  };
  return {
    fetch: (url, init) =>
      new Promise((resolve, reject) => {
        const isSecure = url.protocol === 'https:';
        const request = (isSecure ? nodeHttps().request : httpRequest)({
          agent: isSecure ? agentFor(url.host) : httpAgent,
          host: url.hostname.replace(/^\[|\]$/g, ''),
          ...(url.port === '' ? {} : { port: Number(url.port) }),
          path: url.pathname + url.search,
          method: init.method,
          headers: { ...init.headers },
          signal: init.signal,
        });
        request.on('error', reject);
        request.on('response', message => resolve(responseOf(message, init.method)));
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
      for (const agent of httpsAgents.values()) agent.destroy();
    },
  };
}

/** Node's own answer as it is: `Response` brings a second HTTP client along, and its streams copy. */
function responseOf(message: IncomingMessage, method: string): FetchResponse {
  const status = message.statusCode ?? 0;
  const hasNoBody = method === 'HEAD' || status === 204 || status === 205 || status === 304;
  // Nobody asks for it, but the connection is only free again at its end.
  if (hasNoBody) message.resume();
  const cancel = (): Promise<void> => {
    message.destroy();
    return Promise.resolve();
  };
  return {
    status,
    headers: { get: name => message.headersDistinct[name.toLowerCase()]?.join(', ') ?? null },
    body: hasNoBody ? null : Object.assign(message as AsyncIterable<Uint8Array>, { cancel }),
  };
}

function tlsOptionsOf({ authorities, certificate, key }: HostCertificates): SecureContextOptions {
  return {
    ca: [...process.getBuiltinModule('node:tls').rootCertificates, ...authorities],
    ...(certificate === undefined ? {} : { cert: certificate, key }),
  };
}
