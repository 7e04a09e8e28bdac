import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError, isSystemError } from '../../../shared/errors.ts';
import {
  type CredentialHelper,
  type Credentials,
  type DockerConfig,
  findCredentials,
  parseDockerConfig,
} from '../../../shared/oci/auth.ts';
import { DEFAULT_REGISTRY } from '../../../shared/oci/reference.ts';
import type { RegistryOptions } from '../../../shared/oci/registry.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What the host says about registries, to be completed with a `fetch`:
 *
 * - logins: `DOCKER_AUTH_CONFIG` (the JSON itself), else `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`;
 *   read when the first registry asks for one;
 * - `SLIPWAY_REGISTRY_MIRROR=docker.io=https://mirror.example,…`: asked first;
 * - `SLIPWAY_REGISTRY_INSECURE=host:port,…`: spoken to in plain HTTP;
 * - `SLIPWAY_REGISTRY_REALM=registry=host,…`: token servers of another site that may get the login.
 *
 * Throws OCI_REGISTRY_SETTING. The function for logins throws OCI_AUTH_CONFIG, OCI_CREDENTIAL_HELPER.
 */
export function parseRegistrySettings(
  env: Environment,
  runHelper: CredentialHelper,
): Omit<RegistryOptions, 'fetch'> & {
  readonly credentials: (registry: string) => Promise<Credentials | undefined>;
} {
  let config: Promise<DockerConfig | undefined> | undefined;
  return {
    mirrors: parsePairs(env, 'SLIPWAY_REGISTRY_MIRROR'),
    insecure: splitList(env.SLIPWAY_REGISTRY_INSECURE),
    realms: parsePairs(env, 'SLIPWAY_REGISTRY_REALM'),
    async credentials(registry) {
      config ??= loadDockerConfig(env);
      const found = await config;
      return found === undefined ? undefined : findCredentials(found, registry, runHelper);
    },
  };
}

async function loadDockerConfig(env: Environment): Promise<DockerConfig | undefined> {
  const inline = env.DOCKER_AUTH_CONFIG;
  if (inline) return parseDockerConfig(inline, 'DOCKER_AUTH_CONFIG');
  const home = env.HOME ? join(env.HOME, '.docker') : undefined;
  const folder = [env.DOCKER_CONFIG, home].find(Boolean);
  if (folder === undefined) return undefined;
  const file = join(folder, 'config.json');
  try {
    return parseDockerConfig(await readFile(file, 'utf8'), file);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    if (!isSystemError(error, 'EACCES', 'EISDIR')) throw error;
    throw new ToolError(`reading ${file}: ${error.code ?? 'it can not be read'}`, {
      code: 'OCI_AUTH_CONFIG',
      kind: 'environment',
      hint: 'make the file readable, or set DOCKER_CONFIG to another folder',
      cause: error,
    });
  }
}

function parsePairs(env: Environment, variable: string): Record<string, string[]> {
  const pairs: Record<string, string[]> = {};
  for (const item of splitList(env[variable])) {
    const equals = item.indexOf('=');
    const registry = item.slice(0, equals);
    const value = item.slice(equals + 1);
    if (equals < 1 || value === '' || /[/@]/.test(registry)) {
      throw new ToolError(`reading ${variable}: an item is not REGISTRY=VALUE`, {
        code: 'OCI_REGISTRY_SETTING',
        kind: 'invalid-input',
        hint: `for example ${variable}=${DEFAULT_REGISTRY}=${variable.endsWith('MIRROR') ? 'https://' : ''}registry.example`,
      });
    }
    (pairs[registry] ??= []).push(value);
  }
  return pairs;
}

function splitList(text: string | undefined): string[] {
  return (text ?? '').split(/[\s,]+/).filter(Boolean);
}
