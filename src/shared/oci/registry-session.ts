import { ToolError } from '../errors.ts';
import { ownValue } from '../own-value.ts';
import type { Credentials } from './auth.ts';
import { DEFAULT_REGISTRY } from './reference.ts';
import { type AccessScope, Authorizer } from './registry-auth.ts';
import {
  type Endpoint,
  type FetchFunction,
  type RequestBody,
  Transport,
  type TransportRequest,
  type TransportResponse,
  hasLogin,
  isStream,
  readDocument,
} from './registry-transport.ts';

/** Docker Hub's names are docker.io's, but its API answers here. */
const HUB_HOST = 'registry-1.docker.io';

const RETRY_DELAYS_MS = [500, 2000, 5000];

export interface RegistryOptions {
  readonly fetch: FetchFunction;
  /** What the user has for a registry or for a mirror's host. */
  readonly credentials?: (registry: string) => Promise<Credentials | undefined>;
  /** Registries spoken to in plain HTTP; those on this computer's loopback are anyway. */
  readonly insecure?: readonly string[];
  /** Base URLs asked before the registry itself, by registry. */
  readonly mirrors?: Readonly<Record<string, readonly string[]>>;
  /** Token servers of another site that may get a registry's credentials: host names by registry. */
  readonly realms?: Readonly<Record<string, readonly string[]>>;
  readonly retryDelaysMs?: readonly number[];
  readonly stallMs?: number;
}

/** One request to a registry's API. */
export interface SessionRequest {
  readonly method?: TransportRequest['method'];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For errors: `resolving image alpine:3.22`. */
  readonly what: string;
  /** Statuses that are an answer; 200 and 206 unless given. */
  readonly accept?: readonly number[];
}

/** Requests to registries with logins, mirrors and errors in words: what pulling and pushing share. */
export class RegistrySession {
  readonly #options: RegistryOptions;
  readonly #authorizer: Authorizer;
  readonly transport: Transport;
  readonly retryDelaysMs: readonly number[];

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.retryDelaysMs = options.retryDelaysMs ?? RETRY_DELAYS_MS;
    this.transport = new Transport({
      fetch: options.fetch,
      insecure: options.insecure ?? [],
      retryDelaysMs: this.retryDelaysMs,
      stallMs: options.stallMs ?? 30_000,
    });
    this.#authorizer = new Authorizer(
      {
        credentials: options.credentials ?? (() => Promise.resolve(undefined)),
        realms: options.realms ?? {},
      },
      this.transport,
    );
  }

  /** Mirrors first; what a mirror can't give, the next one or the registry may. */
  async eachEndpoint<T>(registry: string, action: (endpoint: Endpoint) => Promise<T>): Promise<T> {
    const endpoints = [...this.#mirrorsOf(registry), this.endpointOf(registry)];
    const passed: string[] = [];
    for (const [index, endpoint] of endpoints.entries()) {
      try {
        return await action(endpoint);
      } catch (error) {
        const isLast = index === endpoints.length - 1;
        if (!(error instanceof ToolError) || error.kind === 'integrity') throw error;
        if (isLast) throw afterMirrors(error, passed);
        passed.push(error.message);
      }
    }
    throw new Error('a registry has an address');
  }

  /** The registry itself. */
  endpointOf(registry: string): Endpoint {
    const host = registry === DEFAULT_REGISTRY ? HUB_HOST : registry;
    const secure = new URL(`https://${host}/`);
    const isPlain = this.transport.isPlainAllowed(secure);
    return { registry, base: isPlain ? new URL(`http://${host}/`) : secure };
  }

  #mirrorsOf(registry: string): Endpoint[] {
    return (ownValue(this.#options.mirrors ?? {}, registry) ?? []).map(text => {
      const base = URL.parse(text.endsWith('/') ? text : `${text}/`);
      if (base === null || !['http:', 'https:'].includes(base.protocol) || hasLogin(base)) {
        throw new ToolError(`the mirror of ${registry} is not an http or https URL without a login`, {
          code: 'OCI_MIRROR_INVALID',
          kind: 'invalid-input',
        });
      }
      return { registry: base.host, base };
    });
  }

  /**
   * Sends a request, logging in where the registry asks for it. Throws OCI_NOT_FOUND, OCI_UNAUTHORIZED,
   * OCI_RATE_LIMITED, OCI_REGISTRY_REFUSED for statuses that are no answer, and what the transport and the
   * authorizer throw. A body that is a stream is sent once: a login that has run out meanwhile is refused then.
   * @param path below the endpoint, `v2/NAME/…`; or a whole URL of the endpoint's own
   */
  async request(
    endpoint: Endpoint,
    scope: AccessScope,
    path: string | URL,
    request: SessionRequest,
  ): Promise<TransportResponse> {
    const url = new URL(path, endpoint.base);
    const { what, signal, accept = [200, 206] } = request;
    // What was redirected to takes no uploads of ours.
    const follow = request.method === undefined || request.method === 'HEAD';
    let authorization = await this.#authorizer.current(endpoint, scope);
    for (let isRetry = false; ; isRetry = true) {
      const headers: Record<string, string> = { ...request.headers };
      if (authorization !== undefined) headers.authorization = authorization;
      const response = await this.transport.request(url, { ...request, signal, headers, follow });
      if (accept.includes(response.status)) return response;
      const challenge = response.headers.get('www-authenticate');
      // A challenge from where we were redirected to is not the registry's, and gets no answer.
      const isFinal = isRetry || isStream(request.body) || !response.isOwnOrigin;
      if (response.status !== 401 || isFinal || challenge === null) {
        throw await refusal(response, what, endpoint, authorization !== undefined);
      }
      await response.discard();
      const stale = authorization;
      authorization = await this.#authorizer.answer(endpoint, scope, challenge, stale, signal);
      if (authorization === undefined) throw unauthorized(what, endpoint, false, '');
    }
  }
}

/** Where the registry cannot be reached, what its mirrors said is the better half of the reason. */
function afterMirrors(error: ToolError, passed: readonly string[]): ToolError {
  const { code, kind, hint } = error;
  if (passed.length === 0 || kind !== 'unavailable') return error;
  const message = `${error.message}; before that, ${passed.join('; ')}`;
  return new ToolError(message, { code, kind, cause: error, ...(hint === undefined ? {} : { hint }) });
}

async function refusal(
  response: TransportResponse,
  what: string,
  endpoint: Endpoint,
  hadLogin: boolean,
): Promise<ToolError> {
  const said = await reasonIn(response);
  const { status } = response;
  if (status === 401 || status === 403) return unauthorized(what, endpoint, hadLogin, said);
  if (status === 404) {
    return new ToolError(`${what}: not found in ${endpoint.base.host}${said}`, {
      code: 'OCI_NOT_FOUND',
      kind: 'not-found',
      hint: 'check the name and tag; a private image is also "not found" without a login',
    });
  }
  if (status === 429) {
    return new ToolError(`${what}: ${endpoint.base.host} allows no more requests for now${said}`, {
      code: 'OCI_RATE_LIMITED',
      kind: 'unavailable',
      hint: 'try later, log in, or set a mirror (SLIPWAY_REGISTRY_MIRROR; on a machine `engine.registries.mirrors`)',
    });
  }
  return new ToolError(`${what}: ${endpoint.base.host} answered ${status}${said}`, {
    code: 'OCI_REGISTRY_REFUSED',
    kind: status >= 500 ? 'unavailable' : 'forbidden',
  });
}

/** What the registry says about it, from the body's `errors`, cut short and fit for a terminal. */
async function reasonIn(response: TransportResponse): Promise<string> {
  try {
    const bytes = await readDocument(response, 64 * 1024, '');
    const json = JSON.parse(Buffer.from(bytes).toString()) as { errors?: { message?: unknown }[] };
    const message = json.errors?.[0]?.message;
    return typeof message === 'string' ? ` (${message.slice(0, 160).replace(/[^\x20-\x7e]/g, '?')})` : '';
  } catch {
    return '';
  }
}

function unauthorized(what: string, endpoint: Endpoint, hadLogin: boolean, said: string): ToolError {
  return new ToolError(
    `${what}: ${endpoint.base.host} ${hadLogin ? 'refuses access' : 'asks for a login'}${said}`,
    {
      code: 'OCI_UNAUTHORIZED',
      kind: 'forbidden',
      hint: hadLogin
        ? 'check that the image exists and that this user may pull it'
        : `run "docker login ${endpoint.registry}", or set DOCKER_AUTH_CONFIG`,
    },
  );
}
