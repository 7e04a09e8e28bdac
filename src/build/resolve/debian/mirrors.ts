import { readFile, readdir, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ToolError, isSystemError } from '../../../shared/errors.ts';
import type { LockedPackage } from '../../lock/lock.ts';
import { parseDeb822 } from '../../unpack/deb822.ts';

/** Where Debian's archives may be had, best first; base addresses without a slash at their end. */
export interface Mirrors {
  readonly debian: readonly string[];
  readonly security: readonly string[];
  /** Bases of a permanent archive: `BASE/debian/20260912T000000Z/…`. */
  readonly snapshot: readonly string[];
  /** Who named them, for messages: `--mirror`, `SLIPWAY_MIRROR`, a file's name. */
  readonly origin: string;
}

export interface MirrorOptions {
  /** `--mirror`, as often as it was given. */
  readonly mirrors: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What relative folders are relative to. */
  readonly cwd: string;
  /** `/etc/apt` of the build host. */
  readonly aptFolder?: string;
}

/**
 * Finds mirrors: from the first of `--mirror`, `SLIPWAY_MIRROR`, the user's file `slipway/mirrors`
 * (below `XDG_CONFIG_HOME` or `~/.config`) and the sources of the build host's own `apt` that names any.
 *
 * A mirror is an address or a folder: of the archive `debian` (its sibling `debian-security` is then
 * looked for by that name), or of one archive only, written `debian=…`, `debian-security=…`. A folder may
 * also hold `.deb` files and nothing else. `snapshot=BASE` adds a permanent archive.
 * Throws MIRROR_MALFORMED, MIRROR_UNKNOWN.
 */
export async function findMirrors(options: MirrorOptions): Promise<Mirrors> {
  const { env } = options;
  const configFolder = env.XDG_CONFIG_HOME ?? (env.HOME ? join(env.HOME, '.config') : undefined);
  const configFile = configFolder === undefined ? undefined : join(configFolder, 'slipway', 'mirrors');
  const levels: [string, () => Promise<readonly string[]>][] = [
    ['--mirror', () => Promise.resolve(options.mirrors)],
    ['SLIPWAY_MIRROR', () => Promise.resolve((env.SLIPWAY_MIRROR ?? '').split(/[\s,]+/).filter(Boolean))],
    [configFile ?? 'configuration', () => (configFile ? readConfig(configFile) : Promise.resolve([]))],
    ["apt's sources", () => readAptSources(options.aptFolder ?? '/etc/apt')],
  ];
  const snapshot: string[] = [];
  let found: Mirrors | undefined;
  for (const [origin, read] of levels) {
    // A permanent archive named further down still helps those named first.
    const mirrors = await joinSpecs(await read(), origin, options.cwd);
    snapshot.push(...mirrors.snapshot);
    if (!found && mirrors.debian.length + mirrors.security.length > 0) found = mirrors;
  }
  if (!found && snapshot.length === 0) throw unknownMirror();
  return { debian: [], security: [], origin: 'snapshot', ...found, snapshot };
}

/** Mirrors that are known to be none: for `--offline`, where the store alone counts. */
export const NO_MIRRORS: Mirrors = { debian: [], security: [], snapshot: [], origin: 'none' };

/**
 * Addresses of a package's file, best first: each mirror as an archive and, for folders, as a flat
 * collection of `.deb` files, then the permanent archives at `suiteDates`.
 */
export function packageUrls(
  pkg: LockedPackage,
  mirrors: Mirrors,
  suiteDates: readonly string[] = [],
): readonly string[] {
  const bases = pkg.archive === 'debian' ? mirrors.debian : mirrors.security;
  const path = pkg.path.split('/').map(encodeURIComponent).join('/');
  const { name, version, arch } = pkg;
  const flatNames = [...new Set([version.replaceAll(':', '%3a'), version.replace(/^\d+:/, ''), version])].map(
    text => `${name}_${text}_${arch}.deb`,
  );
  const flat = bases
    .filter(base => base.startsWith('file:'))
    .flatMap(base => flatNames.map(file => `${base}/${encodeURIComponent(file)}`));
  const dates = [...new Set(suiteDates.map(snapshotDate))];
  const snapshots = mirrors.snapshot.flatMap(base =>
    dates.map(date => `${base}/${pkg.archive}/${date}/${path}`),
  );
  return [...bases.map(base => `${base}/${path}`), ...flat, ...snapshots];
}

/** Addresses of a file below a suite's folder. */
export function suiteUrls(
  archive: LockedPackage['archive'],
  path: string,
  mirrors: Mirrors,
): readonly string[] {
  const bases = archive === 'debian' ? mirrors.debian : mirrors.security;
  return bases.map(base => `${base}/dists/${path}`);
}

/** The permanent archives as they were at a time, as mirrors. */
export function snapshotMirrors({ snapshot, origin }: Mirrors, date: string): Mirrors {
  const at = snapshotDate(date);
  return {
    debian: snapshot.map(base => `${base}/debian/${at}`),
    security: snapshot.map(base => `${base}/debian-security/${at}`),
    snapshot: [],
    origin,
  };
}

/** The permanent archive's spelling of a time. */
function snapshotDate(date: string): string {
  return new Date(date).toISOString().replace(/[-:]|\.\d+/g, '');
}

async function joinSpecs(specs: readonly string[], origin: string, cwd: string): Promise<Mirrors> {
  const debian: string[] = [];
  const security: string[] = [];
  const snapshot: string[] = [];
  for (const spec of specs) {
    const [, archive, rest] = /^(debian|debian-security|snapshot)=(.*)$/.exec(spec) ?? [];
    const base = await baseUrl(rest ?? spec, origin, cwd);
    switch (archive) {
      case 'debian':
        debian.push(base);
        break;
      case 'debian-security':
        security.push(base);
        break;
      case 'snapshot':
        snapshot.push(base);
        break;
      default: {
        const isArchive = base.endsWith('/debian');
        debian.push(base, ...(isArchive ? [] : [`${base}/debian`]));
        security.push(
          isArchive ? `${base}-security` : `${base}/debian-security`,
          ...(isArchive ? [] : [base]),
        );
      }
    }
  }
  return { debian: unique(debian), security: unique(security), snapshot: unique(snapshot), origin };
}

async function baseUrl(text: string, origin: string, cwd: string): Promise<string> {
  if (/^(?:https?|file):\/\//.test(text) && URL.canParse(text)) {
    const url = new URL(text);
    if (url.search === '' && url.hash === '') return url.href.replace(/\/+$/, '');
  } else if (!/^[a-z]+:/.test(text) && text !== '') {
    const folder = isAbsolute(text) ? text : resolve(cwd, text);
    const found = await stat(folder).catch(() => undefined);
    if (found?.isDirectory()) return pathToFileURL(folder).href.replace(/\/+$/, '');
  }
  throw new ToolError(
    `reading the mirror ${JSON.stringify(redact(text))} of ${origin}: neither an address nor a folder`,
    {
      code: 'MIRROR_MALFORMED',
      kind: 'invalid-input',
      hint: 'write http://HOST/debian, https://…, file://… or the path of a folder that exists',
    },
  );
}

async function readConfig(file: string): Promise<readonly string[]> {
  const text = await readOptional(file);
  return (text ?? '')
    .split('\n')
    .map(line => line.replace(/#.*/, '').trim())
    .filter(Boolean);
}

/** Addresses of Debian's archives among the sources of the host's apt, recognised by their suites. */
async function readAptSources(folder: string): Promise<readonly string[]> {
  const names = await readdir(join(folder, 'sources.list.d')).catch(() => []);
  const files = [
    join(folder, 'sources.list'),
    ...names.sort().map(name => join(folder, 'sources.list.d', name)),
  ];
  const specs: string[] = [];
  for (const file of files) {
    const text = await readOptional(file);
    if (text === undefined) continue;
    if (file.endsWith('.list')) specs.push(...parseListFile(text));
    else if (file.endsWith('.sources')) specs.push(...parseSourcesFile(text, file));
  }
  return unique(specs);
}

/** One line each: `deb [options] URI SUITE COMPONENT…`. */
export function parseListFile(text: string): string[] {
  const specs: string[] = [];
  for (const line of text.split('\n')) {
    const [, uri = '', suite = '', components = ''] =
      /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)/.exec(line) ?? [];
    specs.push(...specOf(uri, [suite], components.trim().split(/\s+/)));
  }
  return specs;
}

/** Paragraphs with `Types`, `URIs`, `Suites`, `Components` (sources.list(5)); a damaged file names nothing. */
export function parseSourcesFile(text: string, name: string): string[] {
  let paragraphs;
  try {
    paragraphs = parseDeb822(text, name);
  } catch (error) {
    if (error instanceof ToolError) return [];
    throw error;
  }
  return paragraphs.flatMap(fields => {
    const words = (field: string): string[] => (fields.get(field) ?? '').split(/\s+/).filter(Boolean);
    const isOff = /^(no|false|0|off|without|disable)$/i.test(fields.get('enabled') ?? '');
    if (isOff || !words('types').includes('deb')) return [];
    return words('uris').flatMap(uri => specOf(uri, words('suites'), words('components')));
  });
}

/** Debian's releases since security suites are called NAME-security; the same host has trixie too. */
const SUITE =
  /^(?:bullseye|bookworm|trixie|forky|duke|sid|unstable|testing|stable|oldstable)(-updates|-security)?$/;

function specOf(uri: string, suites: readonly string[], components: readonly string[]): string[] {
  if (!/^(?:https?|file):\//.test(uri) || !URL.canParse(uri) || !components.includes('main')) return [];
  const kinds = suites.map(suite => SUITE.exec(suite)).filter(match => match !== null);
  const base = uri.replace(/^file:\/(?!\/)/, 'file:///').replace(/\/+$/, '');
  return unique(kinds.map(match => `${match[1] === '-security' ? 'debian-security' : 'debian'}=${base}`));
}

function unknownMirror(): ToolError {
  return new ToolError(
    'finding a mirror of Debian: none is named, and this computer has no apt sources of Debian',
    {
      code: 'MIRROR_UNKNOWN',
      kind: 'environment',
      hint: 'set --mirror or SLIPWAY_MIRROR to the address of a Debian archive, or to a folder with one',
    },
  );
}

async function readOptional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'EISDIR')) return undefined;
    throw error;
  }
}

function redact(text: string): string {
  return text.replace(/\/\/[^/@]*@/, '//').slice(0, 200);
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
