import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSystemError } from '../../shared/errors.ts';
import { type Credentials, parseDockerConfig } from '../../shared/oci/auth.ts';
import { DEFAULT_REGISTRY } from '../../shared/oci/reference.ts';
import { CommandFailure } from './failure.ts';
import type { Session } from './session.ts';

/** Docker Hub's key among the credentials. */
export const HUB_KEY = 'https://index.docker.io/v1/';

/** Where credentials are kept: Docker's own place. */
export function configPath(env: Session['env']): string {
  const folder =
    env.DOCKER_CONFIG ?? join(env.HOME === undefined || env.HOME === '/' ? '/root' : env.HOME, '.docker');
  return join(folder, 'config.json');
}

/** The key of a registry, as Docker writes it. */
export function registryKey(server: string): string {
  const host = server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return ['', DEFAULT_REGISTRY, 'index.docker.io', 'registry-1.docker.io'].includes(host) ? HUB_KEY : host;
}

/** The header that gives the engine the credentials for a registry; empty ones when there are none. */
export async function registryHeader(session: Session, registry: string): Promise<Record<string, string>> {
  const config = await readConfig(session);
  const found = config.auths.get(registry);
  const encoded = Buffer.from(JSON.stringify(authConfig(found, registry))).toString('base64');
  // Base64 for URLs, but with its padding, as Docker's client writes it.
  return { 'X-Registry-Auth': encoded.replaceAll('+', '-').replaceAll('/', '_') };
}

function authConfig(found: Credentials | undefined, registry: string): object {
  const serveraddress = registryKey(registry);
  switch (found?.kind) {
    case undefined:
      return {};
    case 'password':
      return { username: found.username, password: found.password, serveraddress };
    case 'identity-token':
      return { identitytoken: found.token, serveraddress };
    case 'registry-token':
      return { registrytoken: found.token, serveraddress };
  }
}

async function readConfig({ env }: Session): Promise<ReturnType<typeof parseDockerConfig>> {
  const path = configPath(env);
  return parseDockerConfig((await readIfThere(path)) ?? '{}', path);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

type Entry = { readonly auth: string } | { readonly identitytoken: string };

/**
 * Keeps or forgets the credentials of a registry; everything else in the file stays. Answers whether there were
 * any. The file is the owner's alone and is replaced in one step.
 */
export async function saveCredentials(
  { env }: Session,
  key: string,
  entry: Entry | undefined,
): Promise<boolean> {
  const path = configPath(env);
  const text = (await readIfThere(path)) ?? '{}';
  // Throws for what is no configuration, before it is written over.
  parseDockerConfig(text, path);
  const config = JSON.parse(text) as Record<string, unknown>;
  const auths = { ...(config.auths as Record<string, unknown> | undefined) };
  const existed = key in auths;
  if (entry === undefined) {
    if (!existed) return false;
    Reflect.deleteProperty(auths, key);
  } else auths[key] = entry;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}`;
  try {
    await using file = await open(temporary, 'w', 0o600);
    await file.writeFile(`${JSON.stringify({ ...config, auths }, null, '\t')}\n`);
    await file.sync();
  } catch (error) {
    if (isSystemError(error, 'EROFS', 'EACCES', 'ENOSPC')) {
      throw new CommandFailure(1, `Error saving credentials: ${error.message}`);
    }
    throw error;
  }
  await rename(temporary, path);
  return existed;
}
