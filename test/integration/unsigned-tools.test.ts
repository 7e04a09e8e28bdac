/** What a stranger's lock names as a build tool is not run: only what Debian has signed for is unpacked. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { HttpClient } from '../../src/build/fetch/http-client.ts';
import { type Lock, type LockedPackage, type LockedSuite, packageId } from '../../src/build/lock/lock.ts';
import { LockedInputs } from '../../src/build/locked-inputs.ts';
import { openDebian } from '../../src/build/resolve/debian/debian-index.ts';
import { findMirrors } from '../../src/build/resolve/debian/mirrors.ts';
import { verifyPackages } from '../../src/build/resolve/debian/verify-packages.ts';
import { openStore } from '../../src/build/store/store.ts';
import { digestOf } from '../../src/shared/digest.ts';
import { ignoreEvents } from '../../src/shared/events.ts';
import { Registry } from '../../src/shared/oci/registry.ts';
import { file, makeDeb } from '../support/deb.ts';
import { type TestMirror, makeKey, makeRepository, startMirror } from '../support/mirror.ts';

const NOW = new Date('2026-11-21T00:00:00Z');
const key = await makeKey();
const squashfs = await makeDeb('squashfs-tools', { entries: [file('usr/bin/sqfstar', 'Debian', 0o755)] });
/** Of the same name and version, with a program of the stranger's. */
const evil = await makeDeb('squashfs-tools', { entries: [file('usr/bin/sqfstar', 'stranger', 0o755)] });
// It expires before NOW: how old an index is does not matter here.
const repository = await makeRepository({
  debs: [squashfs],
  key,
  validUntil: 'Fri, 20 Nov 2026 00:00:00 UTC',
});

function lockOf(pkg: LockedPackage, suites: readonly LockedSuite[]): Lock {
  const sets = { sets: { pack: [packageId(pkg)] }, packages: { [packageId(pkg)]: pkg } };
  return {
    lockVersion: 1,
    slipway: '0.1.0',
    manifest: digestOf(''),
    recipes: {},
    files: {},
    epoch: 1,
    suites,
    tools: { amd64: sets },
    architectures: {},
  };
}

async function makeWorld(folder: string, mirror: TestMirror, specs: readonly string[]) {
  const store = await openStore(join(folder, 'store'));
  const http = new HttpClient({ env: {}, maxSockets: 2 });
  const { signal } = new AbortController();
  const common = {
    ...{ store, http, emit: ignoreEvents, signal, now: NOW, retryDelaysMs: [] },
    keys: [key.archiveKey],
    suites: [{ archive: 'debian' as const, suite: 'trixie' }],
  };
  const mirrors = () =>
    findMirrors({
      mirrors: specs.map(spec => spec.replace('MIRROR', mirror.url)),
      env: {},
      cwd: folder,
      aptFolder: '/nonexistent',
    });
  return {
    store,
    openIndex: async () => openDebian({ ...common, mirrors: await mirrors(), isRecord: true }),
    unpack: (pkg: LockedPackage, lockedSuites: readonly LockedSuite[] = [], offline = false) =>
      new LockedInputs({
        ...{ lock: lockOf(pkg, lockedSuites), arch: 'amd64', hostArch: 'amd64', store, http, mirrors },
        ...{ offline, environment: {}, emit: ignoreEvents, signal },
        registry: () => new Registry({ fetch: () => Promise.reject(new Error('no registry is asked')) }),
        verifyTools: packages =>
          verifyPackages(packages, 'amd64', { ...common, offline, mirrors, lockedSuites }),
      }).unpackTools('pack'),
    async [Symbol.asyncDispose]() {
      http[Symbol.dispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

t.test('tools that an index has are unpacked, and then need none any more', async t => {
  await using mirror = await startMirror(new Map(repository));
  await using world = await makeWorld(t.testdir(), mirror, ['debian=MIRROR']);
  const folder = await world.unpack(squashfs.package);
  await access(join(folder, 'usr/bin/sqfstar'));
  mirror.files.clear();
  t.equal(await world.unpack(squashfs.package), folder);
});

t.test("the lock's own indexes are looked at first, without network", async t => {
  await using mirror = await startMirror(new Map(repository));
  await using world = await makeWorld(t.testdir(), mirror, ['debian=MIRROR']);
  const index = await world.openIndex();
  await index.resolve('amd64', { want: ['squashfs-tools'], omit: [] });
  await world.store.blobs.write([squashfs.bytes], { name: 'deb' });
  const before = mirror.requests.length;
  await world.unpack(squashfs.package, index.suites, true);
  t.equal(mirror.requests.length, before);
});

t.test('an old tool is looked for where the permanent archive was at the time', async t => {
  await using mirror = await startMirror();
  for (const [path, bytes] of repository) mirror.files.set(`snapshot/debian/20261119T021254Z/${path}`, bytes);
  const newer = await makeRepository({ debs: [evil], key });
  for (const [path, bytes] of newer) mirror.files.set(path, bytes);
  mirror.files.delete(evil.package.path);
  await using world = await makeWorld(t.testdir(), mirror, ['debian=MIRROR', 'snapshot=MIRROR/snapshot']);
  const suite = { archive: 'debian', suite: 'trixie', date: '2026-11-19T02:12:54.000Z' } as const;
  await t.resolves(world.unpack(squashfs.package, [{ ...suite, inReleaseSha256: '0'.repeat(64) }]));
});

t.test("a stranger's package with Debian's name, from wherever it comes, is not unpacked", async t => {
  await using mirror = await startMirror(new Map(repository));
  await using world = await makeWorld(t.testdir(), mirror, ['debian=MIRROR']);
  const unverified = {
    code: 'TOOLS_UNVERIFIED',
    kind: 'integrity',
    message: `checking build tools of the lock: no signed index has squashfs-tools ${evil.package.version}`,
  };
  // As a layer of an image that the same manifest names.
  await world.store.images.write([evil.bytes], { name: 'layer' });
  await t.rejects(world.unpack(evil.package), { code: 'FETCH_MISMATCH' });
  // With Debian's hash for another version.
  const renamed = { ...squashfs.package, version: '99' };
  await t.rejects(world.unpack(renamed), { message: /no signed index has squashfs-tools 99/ });
  // From the way to the mirror, or planted in the store.
  mirror.files.set(evil.package.path, evil.bytes);
  await t.rejects(world.unpack(evil.package), unverified);
  // Signed by somebody else.
  const other = await makeRepository({ debs: [evil], key: await makeKey('stranger') });
  mirror.files.set('dists/trixie/InRelease', other.get('dists/trixie/InRelease') ?? Buffer.alloc(0));
  await t.rejects(world.unpack(evil.package), { ...unverified, cause: { code: 'RELEASE_SIGNATURE' } });
});

t.test('where no index can be had, that is what is said', async t => {
  await using mirror = await startMirror(new Map(repository));
  await using world = await makeWorld(t.testdir(), mirror, ['debian=MIRROR']);
  for (const path of [...mirror.files.keys()]) if (path.startsWith('dists/')) mirror.files.delete(path);
  await t.rejects(world.unpack(squashfs.package), {
    code: 'TOOLS_UNVERIFIED',
    kind: 'not-found',
    cause: { code: 'FETCH_NOT_FOUND' },
  });
  await t.rejects(world.unpack(squashfs.package, [], true), {
    code: 'TOOLS_UNVERIFIED',
    kind: 'unavailable',
    cause: { code: 'FETCH_OFFLINE' },
  });
});
