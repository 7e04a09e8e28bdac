import { ToolError, isSystemError, messageOf } from '../errors.ts';
import { isLoopback } from './registry-challenge.ts';
import { StallWatch } from './stall-watch.ts';

/** Text, bytes, or bytes as they come, which can be sent only once. */
export type RequestBody = string | Uint8Array<ArrayBuffer> | AsyncIterable<Uint8Array>;

/** What is asked of `fetch`; redirects are followed here, never by it. */
export interface FetchInit {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  readonly redirect: 'manual';
  readonly signal: AbortSignal;
}

/** What is needed of an answer; that of the global `fetch` is one. */
export interface FetchResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** Bytes as they come. */
  readonly body: (AsyncIterable<Uint8Array> & { cancel(): Promise<void> }) | null;
}

/** Values of headers by name in any case; several of one name are joined by commas. */
export interface ResponseHeaders {
  get(name: string): string | null;
}

export type FetchFunction = (url: URL, init: FetchInit) => Promise<FetchResponse>;

/** A registry's address, or a mirror's. */
export interface Endpoint {
  /** Whose credentials are meant: the registry's host as references spell it, or the mirror's host. */
  readonly registry: string;
  /** Scheme, host and path prefix; a trailing slash. */
  readonly base: URL;
}

export interface TransportOptions {
  readonly fetch: FetchFunction;
  /** Hosts (with port where there is one) that may be spoken to without TLS, besides this computer. */
  readonly insecure: readonly string[];
  /** Waiting times before each further attempt. */
  readonly retryDelaysMs: readonly number[];
  /** Without a byte for this long an attempt is given up. */
  readonly stallMs: number;
}

export interface TransportRequest {
  readonly headers: Readonly<Record<string, string>>;
  /** GET unless given; POST with a body. */
  readonly method?: 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | undefined;
  /** A stream is sent once: such a request is never tried again. */
  readonly body?: RequestBody | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What is being done, for errors: `resolving image alpine:3.22`. */
  readonly what: string;
  /** Follow redirects; those of token servers, and of uploads, are not followed. */
  readonly follow?: boolean;
}

/** An answer whose body has not been read. */
export interface TransportResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** Whether it comes from the origin that was asked, and not from where that redirected to. */
  readonly isOwnOrigin: boolean;
  /** The body; throws OCI_REGISTRY_UNREACHABLE when it breaks off or stalls. */
  body(): AsyncGenerator<Uint8Array>;
  discard(): Promise<void>;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);
const MAX_WAIT_MS = 20_000;

/** HTTP as a registry client needs it: retries, stall timeout, and redirects that carry no secrets away. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /**
   * Sends a request and returns the answer's head. Network faults and transient statuses are tried
   * again. Authorization is sent to the first origin alone.
   * Throws OCI_REGISTRY_UNREACHABLE, OCI_CERTIFICATE_REFUSED, OCI_REDIRECT_REFUSED.
   */
  async request(url: URL, request: TransportRequest): Promise<TransportResponse> {
    for (let attempt = 0; ; attempt++) {
      const delayMs = isStream(request.body) ? undefined : this.#options.retryDelaysMs[attempt];
      try {
        const response = await this.#follow(url, request);
        if (!TRANSIENT.has(response.status) || delayMs === undefined) return response;
        await response.discard();
        await this.wait(retryAfterMs(response.headers) ?? delayMs, request.signal);
      } catch (error) {
        request.signal?.throwIfAborted();
        if (!isUnreachable(error) || delayMs === undefined) throw error;
        await this.wait(delayMs, request.signal);
      }
    }
  }

  /** Waits; rejects at once when the signal fires. */
  wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop);
        resolve();
      }, ms);
      if (signal?.aborted) stop();
      else signal?.addEventListener('abort', stop, { once: true });
    });
  }

  /** True where plain HTTP may be spoken. */
  isPlainAllowed(url: URL): boolean {
    return (
      isLoopback(url.hostname) ||
      this.#options.insecure.some(host => host === url.host || host === url.hostname)
    );
  }

  async #follow(start: URL, request: TransportRequest): Promise<TransportResponse> {
    let url = start;
    for (let hops = 0; ; hops++) {
      const response = await this.#send(url, start, request);
      const location = response.headers.get('location');
      if (!REDIRECTS.has(response.status) || location === null) return response;
      await response.discard();
      const next = URL.parse(location, url.href);
      const refuse = (fault: string): ToolError =>
        new ToolError(`${request.what}: ${url.host} redirects to "${shownUrl(location)}": ${fault}`, {
          code: 'OCI_REDIRECT_REFUSED',
          kind: 'forbidden',
        });
      if (request.follow !== true) throw refuse('this it has to answer itself');
      if (hops >= MAX_REDIRECTS) throw refuse(`more than ${MAX_REDIRECTS} redirects`);
      if (next === null) throw refuse('it is not a URL');
      if (hasLogin(next)) throw refuse('it holds a login');
      const isPlain = next.protocol === 'http:';
      if (!isPlain && next.protocol !== 'https:') throw refuse('it is not HTTPS');
      if (isPlain && (url.protocol === 'https:' || !this.isPlainAllowed(next)))
        throw refuse('it is not HTTPS');
      url = next;
    }
  }

  async #send(url: URL, start: URL, request: TransportRequest): Promise<TransportResponse> {
    const isOwnOrigin = url.origin === start.origin;
    const { authorization, ...others } = request.headers;
    const headers = {
      ...others,
      'user-agent': 'slipway',
      // Compression would hide the length that is checked.
      'accept-encoding': 'identity',
      ...(authorization !== undefined && isOwnOrigin ? { authorization } : {}),
    };
    const stall = new StallWatch(this.#options.stallMs, request.signal);
    try {
      const { body } = request;
      const response = await this.#options.fetch(url, {
        method: request.method ?? (body === undefined ? 'GET' : 'POST'),
        ...(body === undefined ? {} : { body: isStream(body) ? watched(body, stall) : body }),
        headers,
        redirect: 'manual',
        signal: stall.signal,
      });
      stall.touch();
      return {
        status: response.status,
        headers: response.headers,
        isOwnOrigin,
        body: () => readBody(response, stall, url, request),
        discard: async () => {
          stall.end();
          await response.body?.cancel().catch(() => undefined);
        },
      };
    } catch (cause) {
      stall.end();
      request.signal?.throwIfAborted();
      if (isCertificateFault(cause)) throw untrusted(request.what, url, cause);
      throw unreachable(request.what, url, stall.fired ? 'it does not answer' : reasonOf(cause), cause);
    }
  }
}

/** Whether a body can be sent only once. */
export function isStream(body: RequestBody | undefined): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && Symbol.asyncIterator in body;
}

/** What is being sent counts as life, as what comes does. */
async function* watched(body: AsyncIterable<Uint8Array>, stall: StallWatch): AsyncGenerator<Uint8Array> {
  for await (const piece of body) {
    stall.touch();
    yield piece;
  }
}

/** A whole body of at most `limit` bytes. Throws OCI_DOCUMENT_TOO_LARGE. */
export async function readDocument(
  response: TransportResponse,
  limit: number,
  what: string,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body()) {
    size += piece.length;
    if (size > limit) {
      throw new ToolError(`${what}: the answer is longer than ${limit} bytes`, {
        code: 'OCI_DOCUMENT_TOO_LARGE',
        kind: 'integrity',
      });
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** True for faults that another attempt or another mirror may not have. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof ToolError && error.code === 'OCI_REGISTRY_UNREACHABLE';
}

async function* readBody(
  response: FetchResponse,
  stall: StallWatch,
  url: URL,
  request: TransportRequest,
): AsyncGenerator<Uint8Array> {
  try {
    if (response.body === null) return;
    for await (const piece of response.body) {
      stall.touch();
      yield piece;
    }
  } catch (cause) {
    request.signal?.throwIfAborted();
    if (cause instanceof ToolError) throw cause;
    throw unreachable(request.what, url, stall.fired ? 'it stopped sending' : reasonOf(cause), cause);
  } finally {
    stall.end();
    await response.body?.cancel().catch(() => undefined);
  }
}

function retryAfterMs(headers: ResponseHeaders): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, MAX_WAIT_MS) : undefined;
}

function unreachable(what: string, url: URL, fault: string, cause: unknown): ToolError {
  return new ToolError(`${what}: ${url.protocol}//${url.host}: ${fault}`, {
    code: 'OCI_REGISTRY_UNREACHABLE',
    kind: 'unavailable',
    hint: "check the registry's name and the network; proxies are taken from https_proxy and no_proxy",
    cause,
  });
}

/** What OpenSSL and Node say of certificates; another attempt would meet the same. */
function isCertificateFault(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    /CERT|LEAF_SIGNATURE|^INVALID_(CA|PURPOSE)$/.test(String(error.code))
  );
}

function untrusted(what: string, url: URL, cause: unknown): ToolError {
  return new ToolError(
    `${what}: ${url.protocol}//${url.host}: the certificate is refused: ${reasonOf(cause)}`,
    {
      code: 'OCI_CERTIFICATE_REFUSED',
      kind: 'forbidden',
      hint: 'trust its authority: NODE_EXTRA_CA_CERTS for a build, certs.d on a machine',
      cause,
    },
  );
}

/** `fetch` says only "fetch failed" and hides why in causes. */
function reasonOf(error: unknown): string {
  let last: unknown = error;
  while (last instanceof Error && last.cause instanceof Error) last = last.cause;
  // Node names the function of the C library.
  if (isSystemError(last, 'ENOTFOUND')) return 'no such host';
  if (isSystemError(last, 'EAI_AGAIN')) return 'no name server answers';
  const isSeveral = last instanceof AggregateError && last.errors.length > 0;
  return messageOf(isSeveral ? (last as AggregateError).errors[0] : last).replace(/[^\x20-\x7e]/g, '?');
}

/** Without the query, which often is a signature that gives access. */
function shownUrl(text: string): string {
  return text
    .replace(/[?#].*$/s, '')
    .replace(/\/\/[^/@]*@/, '//')
    .slice(0, 200)
    .replace(/[^\x20-\x7e]/g, '?');
}

/** Whether a URL holds a login, of which a password alone is one too: nobody else's words may choose who we are. */
export function hasLogin({ username, password }: URL): boolean {
  return username !== '' || password !== '';
}
