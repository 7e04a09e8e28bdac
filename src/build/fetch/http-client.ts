import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type IncomingMessage, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { fileURLToPath } from 'node:url';
import { isSystemError, messageOf } from '../../shared/errors.ts';
import { redactUrl } from './redact-url.ts';

/** Why one attempt at one address failed; decides whether it is tried again. */
export type FetchFaultKind =
  /** The source does not have it: 404, 410, no such file. */
  | 'not-found'
  /** It refuses, or answers what trying again will not change. */
  | 'refused'
  /** Connection, time, 5xx, 429: may pass. */
  | 'network';

/** One attempt's fault; never shown alone, `fetchBlobs` collects them. */
export class FetchFault extends Error {
  readonly kind: FetchFaultKind;

  constructor(kind: FetchFaultKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'FetchFault';
    this.kind = kind;
  }
}

export interface GetOptions {
  readonly signal: AbortSignal;
  /** Given up when no byte came for so long, while connecting or after, or hardly any of a body. */
  readonly stallMs: number;
}

export interface HttpClientOptions {
  /** Where `http_proxy`, `https_proxy` and `no_proxy` are looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly maxSockets: number;
}

const MAX_REDIRECTS = 5;
/** A mirror that delivers less than this in bytes a second is as good as none. */
const LOWEST_RATE = 1000;

/**
 * Gets files by `http:`, `https:` and `file:` addresses. Proxies are taken from the given environment;
 * a user name and password in an address go to that origin only, not to where it redirects.
 */
export class HttpClient implements Disposable {
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;

  constructor(options: HttpClientOptions) {
    const common = { keepAlive: true, maxSockets: options.maxSockets, proxyEnv: { ...options.env } };
    this.#http = new HttpAgent(common);
    this.#https = new HttpsAgent(common);
  }

  /** The bytes at an address as they come. Throws FetchFault, or the signal's reason. */
  async *get(url: string, options: GetOptions): AsyncGenerator<Uint8Array> {
    if (!URL.canParse(url)) throw new FetchFault('refused', 'the address is malformed');
    const first = new URL(url);
    if (first.protocol === 'file:') yield* readLocal(first);
    else yield* this.#getHttp(first, options);
  }

  [Symbol.dispose](): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  async *#getHttp(first: URL, options: GetOptions): AsyncGenerator<Uint8Array> {
    let url = first;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#request(url, url.origin === first.origin ? first : undefined, options);
      const status = response.statusCode ?? 0;
      if ([301, 302, 303, 307, 308].includes(status)) {
        response.destroy();
        if (redirects >= MAX_REDIRECTS)
          throw new FetchFault('refused', `more than ${MAX_REDIRECTS} redirects`);
        url = redirectTarget(url, response.headers.location);
        continue;
      }
      if (status !== 200) {
        response.destroy();
        throw new FetchFault(faultKindOf(status), `answer ${status} ${response.statusMessage ?? ''}`.trim());
      }
      yield* readBody(response, options);
      return;
    }
  }

  #request(url: URL, credentials: URL | undefined, options: GetOptions): Promise<IncomingMessage> {
    const isSecure = url.protocol === 'https:';
    return new Promise((resolve, reject) => {
      const request = (isSecure ? httpsRequest : httpRequest)({
        agent: isSecure ? this.#https : this.#http,
        host: url.hostname.replace(/^\[|\]$/g, ''),
        ...(url.port === '' ? {} : { port: Number(url.port) }),
        path: url.pathname + url.search,
        headers: { 'user-agent': 'slipway', accept: '*/*', 'accept-encoding': 'identity' },
        ...(credentials && credentials.username !== '' ? { auth: readCredentials(credentials) } : {}),
        signal: options.signal,
        timeout: options.stallMs,
      });
      request.on('timeout', () => request.destroy(stalled(options.stallMs)));
      request.on('error', error => reject(faultOf(error, options.signal)));
      request.on('response', response => {
        // From here `readBody` watches over time; both at once would race for the error.
        request.removeAllListeners('timeout').setTimeout(0);
        resolve(response);
      });
      request.end();
    });
  }
}

function readCredentials(url: URL): string {
  try {
    return `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  } catch (error) {
    throw new FetchFault('refused', 'its user name or password is malformed', error);
  }
}

async function* readBody(response: IncomingMessage, options: GetOptions): AsyncGenerator<Uint8Array> {
  // The socket's own timeout starts anew with each byte, also while nobody reads here.
  const timer = setTimeout(() => response.destroy(stalled(options.stallMs)), options.stallMs);
  // Only the time spent waiting for the source counts.
  let waitedMs = 0;
  let receivedBytes = 0;
  let sinceMs = performance.now();
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      waitedMs += performance.now() - sinceMs;
      receivedBytes += piece.length;
      if (waitedMs >= options.stallMs) {
        if ((receivedBytes * 1000) / waitedMs < LOWEST_RATE) throw tooSlow(options.stallMs);
        waitedMs = receivedBytes = 0;
      }
      timer.refresh();
      yield piece;
      timer.refresh();
      sinceMs = performance.now();
    }
  } catch (error) {
    throw faultOf(error, options.signal);
  } finally {
    clearTimeout(timer);
    response.destroy();
  }
}

async function* readLocal(url: URL): AsyncGenerator<Uint8Array> {
  try {
    const path = fileURLToPath(url);
    if (!(await stat(path)).isFile()) throw new FetchFault('not-found', 'not a regular file');
    for await (const piece of createReadStream(path, { highWaterMark: 256 * 1024 })) yield piece as Buffer;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) throw new FetchFault('not-found', 'no such file', error);
    if (isSystemError(error, 'EACCES', 'EPERM', 'EIO'))
      throw new FetchFault('refused', messageOf(error), error);
    throw error;
  }
}

function redirectTarget(from: URL, location: string | undefined): URL {
  if (location === undefined || !URL.canParse(location, from.href)) {
    throw new FetchFault('refused', 'a redirect without an address');
  }
  const target = new URL(location, from);
  if (target.protocol !== 'http:' && target.protocol !== 'https:') {
    throw new FetchFault('refused', `a redirect to ${redactUrl(target.href)}, which is not HTTP`);
  }
  return target;
}

function faultKindOf(status: number): FetchFaultKind {
  if (status === 404 || status === 410) return 'not-found';
  return status >= 500 || status === 429 || status === 408 ? 'network' : 'refused';
}

function stalled(stallMs: number): FetchFault {
  return new FetchFault('network', `no byte came for ${stallMs / 1000} s`);
}

function tooSlow(stallMs: number): FetchFault {
  return new FetchFault('network', `fewer than ${LOWEST_RATE} bytes a second came for ${stallMs / 1000} s`);
}

function faultOf(error: unknown, signal: AbortSignal): Error {
  if (signal.aborted) return signal.reason instanceof Error ? signal.reason : new Error('interrupted');
  if (error instanceof FetchFault) return error;
  if (isSystemError(error, 'ECONNRESET') || messageOf(error) === 'aborted') {
    return new FetchFault('network', 'the connection was cut', error);
  }
  if (isSystemError(error, 'ENOTFOUND', 'EAI_AGAIN')) {
    return new FetchFault('network', 'the host name does not resolve', error);
  }
  if (isSystemError(error, 'ECONNREFUSED'))
    return new FetchFault('network', 'the connection was refused', error);
  return new FetchFault('network', messageOf(error), error);
}
