import type { Credentials } from '../../../shared/oci/auth.ts';
import { DEFAULT_REGISTRY } from '../../../shared/oci/reference.ts';
import type { RegistryOptions } from '../../../shared/oci/registry-session.ts';
import { invalidParameter } from '../docker-errors.ts';
import type { SettingsKeeper } from '../settings/settings-keeper.ts';

/** What a client sends to log in: X-Registry-Auth, or the body of POST /auth. */
export interface ClientLogin {
  readonly credentials: Credentials | undefined;
  /** The registry that the client means; absent where it does not say. */
  readonly registry?: string;
}

/** Registries as one request may speak to them; disposing of it closes its connections. */
export interface RegistryAccess extends Disposable {
  readonly options: RegistryOptions;
}

/**
 * Opens access to registries with one client's login, which is given to `registry` alone. What brings HTTP along is
 * only loaded here: most machines never pull.
 */
export async function openRegistryAccess(
  settings: Pick<SettingsKeeper, 'current' | 'certificatesOf'>,
  registry: string,
  login: ClientLogin,
): Promise<RegistryAccess> {
  const { openRegistryFetch } = await import('../../../shared/oci/registry-fetch.ts');
  const { registries: config } = settings.current;
  const connection = openRegistryFetch(config?.proxies ?? {}, host => settings.certificatesOf(host));
  return {
    options: {
      fetch: connection.fetch,
      credentials: name => Promise.resolve(name === registry ? login.credentials : undefined),
      insecure: config?.insecure ?? [],
      mirrors: config?.mirrors ?? {},
      realms: config?.realms ?? {},
    },
    [Symbol.dispose]: () => connection[Symbol.dispose](),
  };
}

/**
 * Reads X-Registry-Auth: base64url of a JSON object. Nothing, an empty object and what cannot be read mean no login,
 * as in Docker's engine.
 */
export function parseAuthHeader(header: string | undefined): ClientLogin {
  if (header === undefined || header === '') return { credentials: undefined };
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(header, 'base64').toString('utf8'));
  } catch {
    return { credentials: undefined };
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? loginOf(value as Readonly<Record<string, unknown>>)
    : { credentials: undefined };
}

/** A login as Docker's AuthConfig has it. Throws ENGINE_INVALID_PARAMETER where a field is no text. */
export function loginOf(value: Readonly<Record<string, unknown>>): ClientLogin {
  const text = (name: string): string => {
    const item = value[name] ?? '';
    if (typeof item !== 'string')
      throw invalidParameter(`invalid X-Registry-Auth header: ${name} is not a text`);
    return item;
  };
  const registry = registryOf(text('serveraddress'));
  return {
    credentials: credentialsOf(text),
    ...(registry === '' ? {} : { registry }),
  };
}

function credentialsOf(text: (name: string) => string): Credentials | undefined {
  if (text('identitytoken') !== '') return { kind: 'identity-token', token: text('identitytoken') };
  if (text('registrytoken') !== '') return { kind: 'registry-token', token: text('registrytoken') };
  const auth = Buffer.from(text('auth'), 'base64').toString('utf8');
  const colon = auth.indexOf(':');
  const username = text('username') !== '' || colon < 0 ? text('username') : auth.slice(0, colon);
  const password = text('username') !== '' || colon < 0 ? text('password') : auth.slice(colon + 1);
  return username === '' ? undefined : { kind: 'password', username, password };
}

/** A server's address as references spell it: addresses may be URLs from older times. Throws ENGINE_INVALID_PARAMETER. */
export function registryOf(address: string): string {
  const host = address.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  // What is said of the rest may hold a password.
  if (!/^(?:[A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?$/.test(host))
    throw invalidParameter('invalid server address: not a host name with or without a port');
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? DEFAULT_REGISTRY : host;
}
