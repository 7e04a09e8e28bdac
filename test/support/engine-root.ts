import { HttpClient } from '../../src/build/fetch/http-client.ts';
import { fetchBlobs } from '../../src/build/fetch/fetch-blobs.ts';
import { openDebian } from '../../src/build/resolve/debian/debian-index.ts';
import { findMirrors, packageUrls } from '../../src/build/resolve/debian/mirrors.ts';
import { openStore, storeRoot } from '../../src/build/store/store.ts';
import { unpackTools } from '../../src/build/tools/unpack-tools.ts';
import { hostArch } from '../../src/shared/arch.ts';
import { ignoreEvents } from '../../src/shared/events.ts';

/** The programs of a machine's engine, and Docker's own client to talk to it. */
const PACKAGES = [
  'conmon',
  'crun',
  'busybox-static',
  'docker-cli',
  'erofs-utils',
  'socat',
  'tini',
  'netavark',
  'aardvark-dns',
  'nftables',
  'iproute2',
  'libc6',
  'libgcc-s1',
];

/** Needed by maintainer scripts and by features that are not used here. */
const OMIT = [
  'adduser',
  'debconf',
  'gcc-14-base',
  'criu',
  'docker-buildx',
  'docker-compose',
  'podman',
  'golang-github-containers-common',
];

/**
 * The folder with the engine's programs and their libraries: SLIPWAY_TEST_ENGINE where it is set, else
 * Debian's packages, resolved, fetched, verified and unpacked into the store as any other.
 */
export async function findEngineRoot(): Promise<string> {
  const given = process.env.SLIPWAY_TEST_ENGINE;
  if (given) return given;
  const arch = hostArch(process.arch);
  if (!arch) throw new Error(`no packages for ${process.arch}`);
  await using store = await openStore(storeRoot(process.env));
  using http = new HttpClient({ env: process.env, maxSockets: 4 });
  const mirrors = await findMirrors({ mirrors: [], env: process.env, cwd: process.cwd() });
  const index = await openDebian({ mirrors, store, http, emit: ignoreEvents, now: new Date() });
  const packages = await index.resolve(arch, { want: PACKAGES, omit: OMIT });
  const wants = packages.map(pkg => ({
    name: pkg.name,
    digest: `sha256:${pkg.sha256}` as const,
    sizeBytes: pkg.sizeBytes,
    urls: packageUrls(pkg, mirrors),
  }));
  await fetchBlobs(wants, { store, http, emit: ignoreEvents });
  return await unpackTools(store, packages);
}
