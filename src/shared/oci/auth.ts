import { ToolError } from '../errors.ts';
import { DEFAULT_REGISTRY } from './reference.ts';

/** What a user has for one registry. */
export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** OAuth2 refresh token, exchanged at the token server. */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** A token that the registry takes as it is. */
  | { readonly kind: 'registry-token'; readonly token: string };

/** The parts of Docker's config.json that say how to log in. */
export interface DockerConfig {
  readonly auths: ReadonlyMap<string, Credentials>;
  /** Program suffix by registry: `docker-credential-SUFFIX`. */
  readonly helpers: ReadonlyMap<string, string>;
  readonly store: string | undefined;
}

/**
 * Starts `docker-credential-NAME get` with `input` on its standard input; the caller owns processes.
 * It rejects where the program can't be started.
 */
export type CredentialHelper = (
  program: string,
  input: string,
) => Promise<{ readonly exitCode: number; readonly stdout: string }>;

const HELPER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/**
 * Reads Docker's config.json (`auths`, `credHelpers`, `credsStore`). Throws OCI_AUTH_CONFIG, which never
 * shows the content.
 * @param file for messages
 */
export function parseDockerConfig(text: string, file: string): DockerConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw authConfigError(file, 'it is not JSON');
  }
  if (!isObject(json)) throw authConfigError(file, 'it is not an object');
  const auths = new Map<string, Credentials>();
  for (const [key, value] of entriesOf(json.auths, file, 'auths')) {
    const found = parseAuth(value, file, key);
    if (found !== undefined) auths.set(registryOf(key), found);
  }
  const helpers = new Map<string, string>();
  for (const [key, value] of entriesOf(json.credHelpers, file, 'credHelpers')) {
    helpers.set(registryOf(key), helperName(value, file));
  }
  const store = json.credsStore;
  return { auths, helpers, store: store === undefined || store === '' ? undefined : helperName(store, file) };
}

/**
 * The credentials for a registry: its helper, else the general store, else `auths`, as Docker looks.
 * Throws OCI_CREDENTIAL_HELPER when a helper fails in another way than "not found".
 */
export async function findCredentials(
  config: DockerConfig,
  registry: string,
  runHelper: CredentialHelper,
): Promise<Credentials | undefined> {
  const helper = config.helpers.get(registry) ?? config.store;
  if (helper !== undefined) {
    const found = await askHelper(helper, registry, runHelper);
    if (found !== undefined || config.helpers.has(registry)) return found;
  }
  return config.auths.get(registry);
}

async function askHelper(
  helper: string,
  registry: string,
  runHelper: CredentialHelper,
): Promise<Credentials | undefined> {
  const program = `docker-credential-${helper}`;
  const fail = (fault: string, cause?: unknown): ToolError =>
    new ToolError(`asking ${program} for ${registry}: ${fault}`, {
      code: 'OCI_CREDENTIAL_HELPER',
      kind: 'environment',
      hint: "check credHelpers and credsStore in Docker's config.json, or log in again",
      cause,
    });
  let answer: { readonly exitCode: number; readonly stdout: string };
  try {
    answer = await runHelper(program, registry === DEFAULT_REGISTRY ? HUB_KEY : registry);
  } catch (cause) {
    throw fail('it can not be started', cause);
  }
  if (answer.exitCode !== 0) {
    if (answer.stdout.includes('credentials not found')) return undefined;
    throw fail(`it ended with exit code ${answer.exitCode}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(answer.stdout);
  } catch {
    throw fail('its answer is not JSON');
  }
  const username = isObject(json) ? json.Username : undefined;
  const secret = isObject(json) ? json.Secret : undefined;
  if (typeof username !== 'string' || typeof secret !== 'string')
    throw fail('its answer has no Username and Secret');
  if (username === '' && secret === '') return undefined;
  return username === '<token>'
    ? { kind: 'identity-token', token: secret }
    : { kind: 'password', username, password: secret };
}

/** Docker Hub's key in config.json and for helpers. */
const HUB_KEY = 'https://index.docker.io/v1/';

/** Keys are hosts, or URLs from older times. */
function registryOf(key: string): string {
  const host = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? DEFAULT_REGISTRY : host;
}

function parseAuth(value: unknown, file: string, key: string): Credentials | undefined {
  if (!isObject(value)) throw authConfigError(file, `auths of ${registryOf(key)} is not an object`);
  const text = (name: string): string => {
    const found = value[name];
    return typeof found === 'string' ? found : '';
  };
  if (text('identitytoken') !== '') return { kind: 'identity-token', token: text('identitytoken') };
  if (text('registrytoken') !== '') return { kind: 'registry-token', token: text('registrytoken') };
  const auth = text('auth');
  if (auth === '') {
    const username = text('username');
    return username === '' ? undefined : { kind: 'password', username, password: text('password') };
  }
  const plain = Buffer.from(auth, 'base64').toString('utf8');
  const colon = plain.indexOf(':');
  if (colon < 1) throw authConfigError(file, `auth of ${registryOf(key)} is not base64 of "user:password"`);
  // Docker pads passwords with NUL.
  return {
    kind: 'password',
    username: plain.slice(0, colon),
    password: plain.slice(colon + 1).replace(/\0+$/, ''),
  };
}

function helperName(value: unknown, file: string): string {
  if (typeof value === 'string' && HELPER_NAME.test(value)) return value;
  throw authConfigError(file, 'the name of a credential helper is malformed');
}

function entriesOf(value: unknown, file: string, key: string): [string, unknown][] {
  if (value === undefined || value === null) return [];
  if (!isObject(value)) throw authConfigError(file, `"${key}" is not an object`);
  return Object.entries(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function authConfigError(file: string, fault: string): ToolError {
  return new ToolError(`reading ${file}: ${fault}`, {
    code: 'OCI_AUTH_CONFIG',
    kind: 'invalid-input',
    hint: 'log in again, or correct the file',
  });
}
