import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import type { Arch } from '../../../shared/arch.ts';
import { canonicalJson, digestOf } from '../../../shared/digest.ts';
import { ToolError } from '../../../shared/errors.ts';
import type { EmitEvent } from '../../../shared/events.ts';
import { type Want, fetchBlobs } from '../../fetch/fetch-blobs.ts';
import { fetchDocument } from '../../fetch/fetch-document.ts';
import type { HttpClient } from '../../fetch/http-client.ts';
import { redactUrl } from '../../fetch/redact-url.ts';
import type { LockedPackage, LockedSuite } from '../../lock/lock.ts';
import { type Store, resultKey } from '../../store/store.ts';
import { decompress } from '../../unpack/decompress.ts';
import { COMPACT_FORMAT, compactIndex } from './compact-index.ts';
import { type Release, type SuiteName, checkReleaseTimes, parseInRelease } from './in-release.ts';
import { type ArchiveKey, DEBIAN_KEYS } from './keys/archive-keys.ts';
import { type Mirrors, suiteUrls } from './mirrors.ts';
import { type Catalog, PackageTable, joinTables } from './package-table.ts';
import { type PackageSet, resolvePackages } from './solve.ts';

export interface OpenDebianOptions {
  readonly mirrors: Mirrors;
  readonly store: Store;
  readonly http: HttpClient;
  readonly emit: EmitEvent;
  /** Now: what signatures, `Valid-Until` and dates from the future are judged by. */
  readonly now: Date;
  readonly signal?: AbortSignal;
  /** Use the indexes of `previousSuites` from the store, no network. */
  readonly offline?: boolean;
  /** The suites of the lock there is: a suite must not go back behind it. */
  readonly previousSuites?: readonly LockedSuite[];
  /** The indexes only have to be Debian's; expired and old ones will do. */
  readonly isRecord?: boolean;
  /** For tests: other keys, suites, and times. */
  readonly keys?: readonly ArchiveKey[];
  readonly suites?: readonly SuiteName[];
  readonly stallMs?: number;
  readonly retryDelaysMs?: readonly number[];
}

/** Debian 13, the security suite last: of equal versions the first suite's is taken. */
export const TRIXIE_SUITES: readonly SuiteName[] = [
  { archive: 'debian', suite: 'trixie' },
  { archive: 'debian', suite: 'trixie-updates' },
  { archive: 'debian-security', suite: 'trixie-security' },
];

const MAX_RELEASE_BYTES = 4 * 1024 ** 2;
const MAX_INDEX_BYTES = 512 * 1024 ** 2;

/** The verified indexes of Debian 13. */
export interface DebianIndex {
  /** For the lock, in the order of TRIXIE_SUITES. */
  readonly suites: readonly LockedSuite[];
  /** Chooses packages (see `resolvePackages`); fetches the architecture's indexes when first asked. */
  resolve(arch: Arch, set: PackageSet): Promise<LockedPackage[]>;
  /** Whether the architecture's indexes have this very package: name, version, architecture and hash. */
  has(arch: Arch, pkg: LockedPackage): Promise<boolean>;
}

/**
 * Fetches and verifies the signed indexes. Each suite is taken from the first mirror whose index is
 * signed, of the right suite, in time and not older than the lock's; a mirror that is passed over is
 * named in a warning.
 *
 * Errors: RELEASE_* of the last mirror tried, FETCH_NOT_FOUND, FETCH_FAILED; FETCH_OFFLINE.
 */
export async function openDebian(options: OpenDebianOptions): Promise<DebianIndex> {
  const names = options.suites ?? TRIXIE_SUITES;
  const releases = await Promise.all(names.map(name => openRelease(name, options)));
  const catalogs = new Map<Arch, Promise<Catalog>>();
  const catalogOf = (arch: Arch): Promise<Catalog> => {
    const known = catalogs.get(arch);
    if (known) return known;
    const opened = openCatalog(releases, arch, options);
    catalogs.set(arch, opened);
    return opened;
  };
  return {
    suites: releases.map(release => release.locked),
    async resolve(arch, set) {
      return resolvePackages(await catalogOf(arch), set, arch);
    },
    async has(arch, pkg) {
      const text = canonicalJson(pkg);
      return (await catalogOf(arch))
        .named(pkg.name)
        .some(({ package: known }) => canonicalJson(known) === text);
    },
  };
}

async function openRelease(name: SuiteName, options: OpenDebianOptions): Promise<Release> {
  const { now, store, emit } = options;
  const keys = options.keys ?? DEBIAN_KEYS;
  const previous = options.previousSuites?.find(
    one => one.archive === name.archive && one.suite === name.suite,
  );
  const path = `${name.suite}/InRelease`;
  if (options.offline) {
    const kept = previous && (await store.blobs.find(`sha256:${previous.inReleaseSha256}`));
    if (kept === undefined) {
      throw new ToolError(`resolving packages: the index of ${name.suite} is not in the store`, {
        code: 'FETCH_OFFLINE',
        kind: 'unavailable',
        hint: 'run "slipway lock" once without --offline',
      });
    }
    return parseInRelease(await readFile(kept), name, `the stored ${path}`, keys, now);
  }
  const faults: ToolError[] = [];
  const urls = suiteUrls(name.archive, path, options.mirrors);
  for (const url of urls.length > 0 ? urls : [undefined]) {
    try {
      const document = await fetchDocument(`the index of ${name.suite}`, url === undefined ? [] : [url], {
        http: options.http,
        signal: options.signal ?? new AbortController().signal,
        maxBytes: MAX_RELEASE_BYTES,
        stallMs: options.stallMs ?? 30_000,
        retryDelaysMs: options.retryDelaysMs ?? [500, 2000],
      });
      const source = redactUrl(document.url);
      const release = await parseInRelease(document.bytes, name, source, keys, now);
      if (!options.isRecord) checkReleaseTimes(release, previous, source, now);
      await store.blobs.write([document.bytes], { name: source, digest: digestOf(document.bytes) });
      for (const fault of faults) {
        if (fault.kind === 'integrity') {
          emit({ type: 'warning', message: `passed over a mirror: ${fault.message}` });
        }
      }
      return release;
    } catch (error) {
      if (!(error instanceof ToolError) || error.code.startsWith('STORE_')) throw error;
      faults.push(error);
    }
  }
  // What is wrong with an index says more than that another mirror has none.
  throw faults.find(fault => fault.kind === 'integrity') ?? joinFaults(name, faults);
}

function joinFaults(name: SuiteName, faults: readonly ToolError[]): ToolError {
  const [first, ...rest] = faults;
  if (first && rest.length === 0) return first;
  const worst = faults.find(fault => fault.code !== 'FETCH_NOT_FOUND') ?? first;
  const lines = faults.flatMap(fault => fault.message.split('\n').slice(1));
  return new ToolError(
    `fetching the index of ${name.suite}: no mirror delivered it${lines.map(line => `\n${line}`).join('')}`,
    {
      code: worst?.code ?? 'FETCH_NOT_FOUND',
      kind: worst?.kind ?? 'not-found',
      hint: 'name another mirror with --mirror or SLIPWAY_MIRROR',
    },
  );
}

async function openCatalog(
  releases: readonly Release[],
  arch: Arch,
  options: OpenDebianOptions,
): Promise<Catalog> {
  const tables: PackageTable[] = [];
  for (const release of releases) {
    const { archive, suite } = release.locked;
    const path = `main/binary-${arch}/Packages.xz`;
    const file = release.files.get(path);
    if (!file) {
      throw new ToolError(`reading the index of ${suite}: it has no ${path}`, {
        code: 'INDEX_MISSING',
        kind: 'not-found',
        hint: `use a mirror that has packages for ${arch}`,
      });
    }
    const key = resultKey('debian-index', { format: COMPACT_FORMAT, sha256: file.sha256 });
    const { path: compact } = await options.store.result(key, async output => {
      const byHash = `${suite}/main/binary-${arch}/by-hash/SHA256/${file.sha256}`;
      const want: Want = {
        name: `${suite} ${arch} index`,
        digest: `sha256:${file.sha256}`,
        sizeBytes: file.sizeBytes,
        urls: [
          ...(release.hasByHash ? suiteUrls(archive, byHash, options.mirrors) : []),
          ...suiteUrls(archive, `${suite}/${path}`, options.mirrors),
        ],
        goneHint: 'the mirror is being updated; try again, or name another one with --mirror',
      };
      const [blob] = await fetchBlobs([want], options);
      await writeCompact(blob?.path ?? '', want.name, output);
    });
    // Only fields of Policy's ASCII are kept.
    tables.push(new PackageTable(await readFile(compact, 'latin1'), { archive, suite, arch }));
  }
  return joinTables(tables);
}

async function writeCompact(input: string, name: string, output: string): Promise<void> {
  const file = await open(output, 'wx', 0o644);
  try {
    const compressed = createReadStream(input, { highWaterMark: 256 * 1024 });
    for await (const piece of compactIndex(
      decompress('xz', compressed, { name, maxBytes: MAX_INDEX_BYTES }),
    )) {
      for (let done = 0; done < piece.length;) done += (await file.write(piece, done)).bytesWritten;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
