import { join } from 'node:path';
import { execa } from 'execa';
import { ToolError, messageOf } from '../../shared/errors.ts';

export interface NpmOptions {
  /** The caller's environment: npm finds its registry, credentials, proxies and cache through it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly offline: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Lets the host's npm fetch a package's archive into `folder` and returns its path; what npm has in its
 * cache is not downloaded again. npm is the one program of the host that a build may start: it installed
 * Slipway, and it alone knows where its user gets packages from. The caller checks the integrity.
 *
 * Throws NPM_MISSING where there is no npm, NODE_NOT_FETCHED when it does not get the package.
 */
export async function fetchNpmPackage(
  npmPackage: string,
  version: string,
  folder: string,
  { environment, offline, signal }: NpmOptions,
): Promise<string> {
  const result = await execa(
    'npm',
    [
      'pack',
      `${npmPackage}@${version}`,
      '--json',
      `--pack-destination=${folder}`,
      offline ? '--offline' : '--prefer-offline',
    ],
    {
      cwd: folder,
      env: { ...environment, npm_config_loglevel: 'error', npm_config_ignore_scripts: 'true' },
      extendEnv: false,
      stdin: 'ignore',
      reject: false,
      timeout: 10 * 60_000,
      ...(signal ? { cancelSignal: signal } : {}),
    },
  );
  signal?.throwIfAborted();
  if (result.code === 'ENOENT') {
    throw new ToolError(`fetching ${npmPackage} ${version}: npm is not installed`, {
      code: 'NPM_MISSING',
      kind: 'environment',
      hint: 'install npm; it comes with Node.js',
    });
  }
  if (result.exitCode !== 0) {
    throw new ToolError(`fetching ${npmPackage} ${version} with npm: ${lastLine(result.stderr)}`, {
      code: 'NODE_NOT_FETCHED',
      kind: 'unavailable',
      hint: offline
        ? 'build once without --offline'
        : `see whether "npm view ${npmPackage}@${version}" works`,
    });
  }
  return join(folder, archiveName(result.stdout, npmPackage));
}

function archiveName(output: string, npmPackage: string): string {
  try {
    const packed = JSON.parse(output) as unknown;
    const list: unknown[] = Array.isArray(packed) ? packed : Object.values(packed as object);
    const { filename } = list[0] as { filename: string };
    if (/^[a-z0-9.-]+\.tgz$/.test(filename)) return filename;
  } catch (error) {
    throw unexpected(npmPackage, messageOf(error));
  }
  throw unexpected(npmPackage, 'no archive was named');
}

function unexpected(npmPackage: string, what: string): ToolError {
  return new ToolError(`fetching ${npmPackage}: npm answered something unexpected: ${what}`, {
    code: 'NODE_NOT_FETCHED',
    kind: 'environment',
    hint: 'update npm',
  });
}

function lastLine(text: string): string {
  return (
    text
      .trim()
      .split('\n')
      .filter(line => !/complete log/i.test(line))
      .at(-1) ?? 'it gave no reason'
  );
}
