import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fetchBlobs } from '../../src/build/fetch/fetch-blobs.ts';
import { HttpClient } from '../../src/build/fetch/http-client.ts';
import { type DebianIndex, openDebian } from '../../src/build/resolve/debian/debian-index.ts';
import type { SuiteName } from '../../src/build/resolve/debian/in-release.ts';
import { findMirrors, packageUrls } from '../../src/build/resolve/debian/mirrors.ts';
import type { LockedPackage } from '../../src/build/lock/lock.ts';
import { type Store, openStore, storeRoot } from '../../src/build/store/store.ts';
import type { PackageSet } from '../../src/build/tools/packages.ts';
import { unpackTools } from '../../src/build/tools/unpack-tools.ts';
import { readDeb } from '../../src/build/unpack/deb.ts';
import type { Arch } from '../../src/shared/arch.ts';
import { ignoreEvents } from '../../src/shared/events.ts';
import { ContentReader } from '../../src/shared/fs/content-reader.ts';

interface Resolved {
  readonly arch: Arch;
  readonly set: PackageSet;
  /** Other suites than the build's. Their index need not be of today: they are for clients, never for an image. */
  readonly suites?: readonly SuiteName[];
}

/**
 * Sets of Debian packages resolved, fetched (into the user's store, so only once) and verified as the
 * build has them; `use` gets the store and the packages of each set.
 */
async function withPackages<T>(
  sets: readonly Resolved[],
  use: (store: Store, packages: readonly LockedPackage[]) => Promise<T>,
): Promise<T[]> {
  await using store = await openStore(storeRoot(process.env));
  using http = new HttpClient({ env: process.env, maxSockets: 4 });
  const mirrors = await findMirrors({ mirrors: [], env: process.env, cwd: process.cwd() });
  const open = { mirrors, store, http, emit: ignoreEvents, now: new Date() };
  const indexes = new Map<readonly SuiteName[] | undefined, DebianIndex>();
  const results: T[] = [];
  for (const { arch, set, suites } of sets) {
    const other = suites === undefined ? {} : { suites, isRecord: true };
    const index = indexes.get(suites) ?? (await openDebian({ ...open, ...other }));
    indexes.set(suites, index);
    const packages = await index.resolve(arch, set);
    const wants = packages.map(pkg => ({
      name: pkg.name,
      digest: `sha256:${pkg.sha256}` as const,
      sizeBytes: pkg.sizeBytes,
      urls: packageUrls(pkg, mirrors),
    }));
    await fetchBlobs(wants, { store, http, emit: ignoreEvents });
    results.push(await use(store, packages));
  }
  return results;
}

/** Folders with sets of Debian packages unpacked as the build has them. */
export function unpackPackageSets(sets: readonly Resolved[]): Promise<string[]> {
  return withPackages(sets, (store, packages) => unpackTools(store, packages));
}

/**
 * The C library as Debian ships it, in `folder`. The build's own copy does not look up users of this
 * computer, which ssh insists on.
 */
export async function unpackHostLibc(arch: Arch, folder: string): Promise<void> {
  const set = { want: ['libc6'], omit: ['libgcc-s1', 'gcc-14-base'] };
  await withPackages([{ arch, set }], async (store, [libc]) => {
    if (!libc) throw new Error('there is no libc6');
    using reader = new ContentReader();
    for (const entry of (await readDeb(store, libc)).entries) {
      const name = basename(entry.path);
      if (entry.kind === 'file' && /^(libc\.so\.6|ld-linux-.*\.so\.\d)$/.test(name)) {
        await writeFile(join(folder, name), reader.readAll(entry.content), { mode: 0o755 });
      }
    }
  });
}
