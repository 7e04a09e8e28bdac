import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { foreignImages } from '../../../../src/build/collect-images.ts';
import type { Lock } from '../../../../src/build/lock/lock.ts';
import { loadProject } from '../../../../src/build/project.ts';
import { projectImages } from '../../../../src/build/resolve/project-images.ts';
import { lockStaleness, resolveProject } from '../../../../src/build/resolve/resolve-project.ts';
import { openStore } from '../../../../src/build/store/store.ts';
import { ignoreEvents } from '../../../../src/shared/events.ts';
import { Registry } from '../../../../src/shared/oci/registry.ts';
import { blobsOf, file, imageOf, indexOf, tarOf, writeLayout } from '../../../support/oci-image.ts';

const packageRoot = join(import.meta.dirname, '../../../..');
const registry = new Registry({ fetch: () => Promise.reject(new Error('no registry is asked')) });
const [amd64, arm64] = ['amd64', 'arm64'].map(arch => imageOf([], { arch }));
if (!amd64 || !arm64) throw new Error('there are two images');
const both = indexOf({ 'linux/amd64': amd64, 'linux/arm64': arm64 });

/** A project with one local image, and what resolving it takes. */
async function makeWorld(folder: string, image: string) {
  await writeFile(join(folder, 'slipway.yml'), `services:\n  - {name: web, image: "${image}"}\n`);
  const project = await loadProject({
    manifests: [],
    workingDirectory: folder,
    packageRoot,
    allowHostFiles: false,
    emit: ignoreEvents,
  });
  const store = await openStore(join(folder, 'store'));
  const images = projectImages(project, { store, registry });
  const options = (previous: Lock | undefined, arch: 'amd64' | 'arm64' = 'amd64') => ({
    ...images,
    ...{ slipwayVersion: '0.1.0', arch, hostArch: 'amd64' as const, previous, update: undefined },
    emit: ignoreEvents,
    openDebian: async () => ({
      suites: [
        { archive: 'debian' as const, suite: 'trixie', date: '2026-01-01T00:00:00Z', inReleaseSha256: '' },
      ],
      resolve: async () => [],
      has: async () => true,
    }),
  });
  return { project, store, images, options, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

t.test('every architecture of a lock gets its own image', async t => {
  const folder = t.testdir({ layout: {} });
  await writeLayout(join(folder, 'layout'), { v1: both }, blobsOf(amd64, arm64));
  await using world = await makeWorld(folder, 'oci:layout:v1');
  const first = await resolveProject(world.project, world.options(undefined));
  const lock = await resolveProject(world.project, world.options(first, 'arm64'));
  const digestIn = (arch: 'amd64' | 'arm64'): string | undefined =>
    Object.values(lock.architectures[arch]?.images ?? {})[0]?.manifest.digest;
  t.equal(digestIn('amd64'), amd64.manifest.digest);
  t.equal(digestIn('arm64'), arm64.manifest.digest);
});

t.test('an image on disk that has changed makes the lock stale', async t => {
  const change = {
    layout: async (folder: string, text: string): Promise<void> => {
      const image = imageOf([await tarOf([file('a', text)])]);
      await mkdir(join(folder, 'layout'), { recursive: true });
      await writeLayout(join(folder, 'layout'), { v1: image.manifest }, blobsOf(image));
    },
    'docker-archive': async (folder: string, text: string): Promise<void> => {
      const layer = await tarOf([file('a', text)]);
      const { config } = imageOf([layer]);
      const entries = [
        file('config.json', Buffer.from(config.bytes).toString()),
        file('layer.tar', layer.toString('latin1')),
        file('manifest.json', '[{"Config":"config.json","RepoTags":null,"Layers":["layer.tar"]}]'),
      ];
      await writeFile(join(folder, 'app.tar'), await tarOf(entries));
    },
  };
  for (const [kind, write, image] of [
    ['a layout', change.layout, 'oci:layout:v1'],
    ['an archive of docker save', change['docker-archive'], 'docker-archive:app.tar'],
  ] as const) {
    const folder = t.testdir({});
    await write(folder, 'one');
    await using world = await makeWorld(folder, image);
    const { project, options } = world;
    const first = await resolveProject(project, options(undefined));
    t.equal(await lockStaleness(project, first, options(first)), undefined, kind);
    await write(folder, 'two!');
    t.equal(await lockStaleness(project, first, options(first)), `the image ${image} has changed`, kind);
    const second = await resolveProject(project, options(first));
    t.equal(await lockStaleness(project, second, options(second)), undefined, kind);
    t.strictNotSame(second.architectures.amd64?.images, first.architectures.amd64?.images, kind);
  }
});

t.test("a registry's image stays what the lock says", async t => {
  await using world = await makeWorld(t.testdir({}), 'alpine:3.22');
  const [image] = foreignImages(world.project);
  if (!image) throw new Error('the project has an image');
  t.equal(await world.images.identifyImage(image, 'amd64'), undefined);
});

t.test('a registry that does not have what looks like a built-in image', async t => {
  for (const [image, hint] of [
    ['ntpd', 'did you mean "system-images/ntp", which is built in?'],
    ['sysem-images/ntp', 'did you mean "system-images/ntp", which is built in?'],
    ['nginx', 'run once without --offline'],
  ] as const) {
    await using world = await makeWorld(t.testdir({}), image);
    const images = projectImages(world.project, { store: world.store, registry, offline: true });
    const [wanted] = foreignImages(world.project);
    if (!wanted) throw new Error('the manifest names an image');
    await t.rejects(images.resolveImage(wanted, 'amd64'), { code: 'OCI_OFFLINE', hint }, image);
  }
});
