import { ToolError } from '../errors.ts';
import { ownValue } from '../own-value.ts';
import type { Credentials } from './auth.ts';
import { type Challenge, isLoopback, isSameSite, parseChallenges } from './registry-challenge.ts';
import { type Endpoint, type Transport, hasLogin, readDocument } from './registry-transport.ts';

const MAX_TOKEN_BYTES = 1 << 20;

export interface AuthorizerOptions {
  readonly credentials: (registry: string) => Promise<Credentials | undefined>;
  /** Token servers on other hosts that the user allows to get a registry's credentials: host names by registry. */
  readonly realms: Readonly<Record<string, readonly string[]>>;
}

/** What is going to be done: logging in alone, or pulling from a repository and pushing to it. */
export interface AccessScope {
  readonly repository?: string;
  readonly push?: boolean;
  /** Another repository of the registry whose blobs are taken over. */
  readonly from?: string;
}

/**
 * Answers a registry's challenges. Credentials go to the registry itself (Basic), or to the token
 * server it names if that is of the same site or allowed by the user; never anywhere else.
 */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #transport: Transport;
  /** The Authorization header by registry and repository; concurrent requests share one token. */
  readonly #known = new Map<string, Promise<string | undefined>>();

  constructor(options: AuthorizerOptions, transport: Transport) {
    this.#options = options;
    this.#transport = transport;
  }

  /** What is known for this access without asking anyone. */
  async current(endpoint: Endpoint, scope: AccessScope): Promise<string | undefined> {
    return this.#known.get(keyOf(endpoint, scope));
  }

  /**
   * The header that answers `challenge`, asking the token server where needed. `stale` is the header
   * that was refused. Undefined where there is nothing to answer with.
   * Throws OCI_REALM_REFUSED, OCI_TOKEN_FAILED, OCI_AUTH_UNSUPPORTED.
   */
  async answer(
    endpoint: Endpoint,
    scope: AccessScope,
    challenge: string,
    stale: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const key = keyOf(endpoint, scope);
    const known = this.#known.get(key);
    const header = known === undefined ? undefined : await known;
    if (header !== undefined && header !== stale) return header;
    const made = this.#make(endpoint, scope, parseChallenges(challenge), signal);
    this.#known.set(key, made);
    try {
      return await made;
    } catch (error) {
      this.#known.delete(key);
      throw error;
    }
  }

  async #make(
    endpoint: Endpoint,
    scope: AccessScope,
    challenges: readonly Challenge[],
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const credentials = await this.#options.credentials(endpoint.registry);
    if (credentials?.kind === 'registry-token') return `Bearer ${credentials.token}`;
    const bearer = challenges.find(challenge => challenge.scheme === 'bearer');
    if (bearer !== undefined)
      return `Bearer ${await this.#fetchToken(endpoint, scope, bearer, credentials, signal)}`;
    if (!challenges.some(challenge => challenge.scheme === 'basic')) {
      const schemes = challenges.map(challenge => challenge.scheme.slice(0, 20)).join(', ') || 'none';
      throw new ToolError(`${endpoint.registry} asks for a login that is not supported (${schemes})`, {
        code: 'OCI_AUTH_UNSUPPORTED',
        kind: 'unsupported',
      });
    }
    return credentials?.kind === 'password' ? basic(credentials) : undefined;
  }

  async #fetchToken(
    endpoint: Endpoint,
    scope: AccessScope,
    challenge: Challenge,
    credentials: Credentials | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const realm = this.#checkRealm(
      endpoint,
      challenge.parameters.get('realm') ?? '',
      credentials !== undefined,
    );
    const service = challenge.parameters.get('service');
    // The scope is ours, whatever the challenge proposes.
    const fields = new URLSearchParams(scopesOf(scope).map((text): [string, string] => ['scope', text]));
    if (service !== undefined) fields.set('service', service);
    const repository = scope.repository === undefined ? '' : `/${scope.repository}`;
    const what = `getting a token for ${endpoint.registry}${repository} from ${realm.host}`;
    const headers: Record<string, string> = { accept: 'application/json' };
    let body: string | undefined;
    if (credentials?.kind === 'identity-token') {
      fields.set('grant_type', 'refresh_token');
      fields.set('refresh_token', credentials.token);
      fields.set('client_id', 'slipway');
      headers['content-type'] = 'application/x-www-form-urlencoded';
      body = fields.toString();
    } else {
      for (const [key, value] of fields) realm.searchParams.append(key, value);
      if (credentials?.kind === 'password') headers.authorization = basic(credentials);
    }
    const response = await this.#transport.request(realm, { headers, body, signal, what });
    if (response.status !== 200) {
      await response.discard();
      throw tokenError(what, `it answered ${response.status}`, response.status);
    }
    const bytes = await readDocument(response, MAX_TOKEN_BYTES, what);
    let json: unknown;
    try {
      json = JSON.parse(Buffer.from(bytes).toString());
    } catch {
      throw tokenError(what, 'its answer is not JSON');
    }
    const answer: Record<string, unknown> = typeof json === 'object' && json !== null ? { ...json } : {};
    const token = answer.token ?? answer.access_token;
    if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token))
      throw tokenError(what, 'its answer holds no token');
    return token;
  }

  #checkRealm(endpoint: Endpoint, text: string, hasCredentials: boolean): URL {
    const refuse = (fault: string, hint?: string): ToolError =>
      new ToolError(
        `${endpoint.registry} names the token server "${text.slice(0, 200).replace(/[^\x20-\x7e]/g, '?')}": ${fault}`,
        {
          code: 'OCI_REALM_REFUSED',
          kind: 'forbidden',
          ...(hint === undefined ? {} : { hint }),
        },
      );
    const realm = URL.parse(text);
    if (realm === null) throw refuse('it is not a URL');
    if (hasLogin(realm)) throw refuse('it holds a login');
    const isPlain = realm.protocol === 'http:';
    if (!isPlain && realm.protocol !== 'https:') throw refuse('it is not HTTPS');
    // A registry behind HTTPS must not talk us into plain HTTP.
    const isOwnHost = realm.hostname === endpoint.base.hostname;
    if (isPlain && (endpoint.base.protocol === 'https:' || !(isLoopback(realm.hostname) || isOwnHost))) {
      throw refuse('it is not HTTPS');
    }
    const allowed = ownValue(this.#options.realms, endpoint.registry) ?? [];
    if (
      hasCredentials &&
      !isSameSite(realm.hostname, endpoint.base.hostname) &&
      !allowed.includes(realm.hostname)
    ) {
      throw refuse(
        'it is of another site, and would get your credentials; no setting "realms" allows it',
        `if you trust it, allow it: SLIPWAY_REGISTRY_REALM=${endpoint.registry}=${realm.hostname} for a build, "realms" of engine.registries on a machine`,
      );
    }
    return realm;
  }
}

function keyOf(endpoint: Endpoint, scope: AccessScope): string {
  return [endpoint.base.origin, ...scopesOf(scope)].join(' ');
}

function scopesOf({ repository, push, from }: AccessScope): string[] {
  if (repository === undefined) return [];
  const own = `repository:${repository}:${push === true ? 'pull,push' : 'pull'}`;
  return from === undefined ? [own] : [own, `repository:${from}:pull`];
}

function basic(credentials: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
}

function tokenError(what: string, fault: string, status?: number): ToolError {
  const isRefused = status === 401 || status === 403;
  return new ToolError(`${what}: ${fault}`, {
    code: 'OCI_TOKEN_FAILED',
    kind: isRefused ? 'forbidden' : 'unavailable',
    ...(isRefused ? { hint: "check the user name and password in Docker's config.json" } : {}),
  });
}
