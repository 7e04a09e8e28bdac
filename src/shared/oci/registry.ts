import { createHash } from 'node:crypto';
import { type Digest, digestOf } from '../digest.ts';
import { ToolError } from '../errors.ts';
import type { Credentials } from './auth.ts';
import { DOCUMENT_LIMITS, type Descriptor } from './image.ts';
import { type ManifestDocument, digestMismatch, sizeMismatch } from './image-source.ts';
import { MANIFEST_ACCEPT } from './media-types.ts';
import { DEFAULT_REGISTRY, type ImageReference, formatReference } from './reference.ts';
import { Authorizer } from './registry-auth.ts';
import {
  type Endpoint,
  type FetchFunction,
  Transport,
  type TransportResponse,
  isUnreachable,
  readDocument,
} from './registry-transport.ts';

/** Docker Hub's names are docker.io's, but its API answers here. */
const HUB_HOST = 'registry-1.docker.io';

const RETRY_DELAYS_MS = [500, 2000, 5000];
/** A connection that brought less than this before it broke counts as a failed attempt. */
const RESUME_PROGRESS = 1 << 20;

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

/**
 * Pulls from registries (OCI distribution specification 1.1). All that is addressed by a digest is
 * checked against it while it streams; errors name the reference.
 */
export class Registry {
  readonly #options: RegistryOptions;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#transport = new Transport({
      fetch: options.fetch,
      insecure: options.insecure ?? [],
      retryDelaysMs: options.retryDelaysMs ?? RETRY_DELAYS_MS,
      stallMs: options.stallMs ?? 30_000,
    });
    this.#authorizer = new Authorizer(
      {
        credentials: options.credentials ?? (() => Promise.resolve(undefined)),
        realms: options.realms ?? {},
      },
      this.#transport,
    );
  }

  /**
   * The manifest or index of a reference: by digest where it has one (or `digest` is given), else by tag.
   * Throws OCI_NOT_FOUND, OCI_UNAUTHORIZED, OCI_REGISTRY_UNREACHABLE, OCI_REGISTRY_REFUSED, OCI_DIGEST_MISMATCH,
   * OCI_DOCUMENT_TOO_LARGE, OCI_REDIRECT_REFUSED, OCI_REALM_REFUSED, OCI_TOKEN_FAILED.
   */
  async fetchManifest(
    reference: ImageReference,
    options: { readonly digest?: Digest; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ManifestDocument> {
    const wanted = options.digest ?? reference.digest;
    const name = wanted ?? reference.tag ?? 'latest';
    const what = `resolving image ${formatReference(reference)}`;
    return this.#eachEndpoint(reference, async endpoint => {
      const response = await this.#get(endpoint, reference, `manifests/${name}`, {
        headers: { accept: MANIFEST_ACCEPT },
        signal: options.signal,
        what,
      });
      const bytes = await readDocument(response, DOCUMENT_LIMITS.manifest, what);
      const digest = digestOf(bytes);
      const claimed = response.headers.get('docker-content-digest');
      if (wanted !== undefined && digest !== wanted) throw digestMismatch(what, digest, wanted);
      if (claimed?.startsWith('sha256:') && claimed !== digest) throw digestMismatch(what, digest, claimed);
      const mediaType = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
      const isGeneric = mediaType === undefined || ['', 'application/json', 'text/plain'].includes(mediaType);
      return { bytes, digest, mediaType: isGeneric ? undefined : mediaType };
    });
  }

  /**
   * A blob's bytes. A connection that breaks is taken up where it broke. The stream throws before its
   * end unless size and digest are the descriptor's: OCI_DIGEST_MISMATCH, OCI_SIZE_MISMATCH, and as fetchManifest.
   */
  async *fetchBlob(
    reference: ImageReference,
    descriptor: Descriptor,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<Uint8Array> {
    const what = `fetching image ${formatReference(reference)}: blob ${descriptor.digest}`;
    const hash = createHash('sha256');
    let received = 0;
    const delays = this.#options.retryDelaysMs ?? RETRY_DELAYS_MS;
    for (let attempt = 0; ; attempt++) {
      const before = received;
      const response = await this.#eachEndpoint(reference, endpoint =>
        this.#get(endpoint, reference, `blobs/${descriptor.digest}`, {
          headers: received === 0 ? {} : { range: `bytes=${received}-` },
          signal: options.signal,
          what,
        }),
      );
      if (response.status === 206 && !isRangeFrom(response.headers, received)) {
        await response.discard();
        throw sizeMismatch(what, 'the registry sent another range than was asked for');
      }
      // A server without ranges sends everything again.
      let toSkip = response.status === 206 ? 0 : received;
      try {
        for await (const whole of response.body()) {
          const piece = whole.subarray(Math.min(toSkip, whole.length));
          toSkip -= whole.length - piece.length;
          received += piece.length;
          if (received > descriptor.sizeBytes) {
            throw sizeMismatch(
              what,
              `it is longer than the ${descriptor.sizeBytes} bytes that the manifest states`,
            );
          }
          hash.update(piece);
          if (piece.length > 0) yield piece;
        }
        break;
      } catch (error) {
        options.signal?.throwIfAborted();
        // Progress earns fresh attempts: a long download over a bad line still ends.
        if (received - before >= RESUME_PROGRESS) attempt = 0;
        const delayMs = delays[attempt];
        if (!isUnreachable(error) || delayMs === undefined) throw error;
        await this.#transport.wait(delayMs, options.signal);
      }
    }
    if (received !== descriptor.sizeBytes) {
      throw sizeMismatch(what, `it has ${received} bytes instead of ${descriptor.sizeBytes}`);
    }
    const digest = `sha256:${hash.digest('hex')}`;
    if (digest !== descriptor.digest) throw digestMismatch(what, digest, descriptor.digest);
  }

  /** Mirrors first; what a mirror can't give, the next one or the registry may. */
  async #eachEndpoint<T>(reference: ImageReference, action: (endpoint: Endpoint) => Promise<T>): Promise<T> {
    const endpoints = this.#endpointsOf(reference);
    for (const [index, endpoint] of endpoints.entries()) {
      try {
        return await action(endpoint);
      } catch (error) {
        const isLast = index === endpoints.length - 1;
        if (isLast || !(error instanceof ToolError) || error.kind === 'integrity') throw error;
      }
    }
    throw new Error('a registry has an address');
  }

  #endpointsOf(reference: ImageReference): Endpoint[] {
    const { registry } = reference;
    const mirrors = (this.#options.mirrors?.[registry] ?? []).map(text => {
      const base = URL.parse(text.endsWith('/') ? text : `${text}/`);
      if (base === null || !['http:', 'https:'].includes(base.protocol) || base.username !== '') {
        throw new ToolError(`the mirror of ${registry} is not an http or https URL without a login`, {
          code: 'OCI_MIRROR_INVALID',
          kind: 'invalid-input',
        });
      }
      return { registry: base.host, base };
    });
    const host = registry === DEFAULT_REGISTRY ? HUB_HOST : registry;
    const secure = new URL(`https://${host}/`);
    const isPlain = this.#transport.isPlainAllowed(secure);
    return [...mirrors, { registry, base: isPlain ? new URL(`http://${host}/`) : secure }];
  }

  async #get(
    endpoint: Endpoint,
    reference: ImageReference,
    path: string,
    request: {
      readonly headers: Readonly<Record<string, string>>;
      readonly signal: AbortSignal | undefined;
      readonly what: string;
    },
  ): Promise<TransportResponse> {
    const { repository } = reference;
    const url = new URL(`v2/${repository}/${path}`, endpoint.base);
    let authorization = await this.#authorizer.current(endpoint, repository);
    for (let isRetry = false; ; isRetry = true) {
      const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
      const response = await this.#transport.request(url, { ...request, headers, follow: true });
      if (response.status === 200 || response.status === 206) return response;
      const challenge = response.headers.get('www-authenticate');
      // A challenge from where we were redirected to is not the registry's, and gets no answer.
      if (response.status !== 401 || isRetry || !response.isOwnOrigin || challenge === null) {
        throw await refusal(response, request.what, endpoint, authorization !== undefined);
      }
      await response.discard();
      const stale = authorization;
      authorization = await this.#authorizer.answer(endpoint, repository, challenge, stale, request.signal);
      if (authorization === undefined) throw unauthorized(request.what, endpoint, false, '');
    }
  }
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
      hint: 'try later, log in, or set a mirror with SLIPWAY_REGISTRY_MIRROR',
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

function isRangeFrom(headers: Headers, offset: number): boolean {
  return headers.get('content-range')?.startsWith(`bytes ${offset}-`) === true;
}
