import t from 'tap';
import { ImageCatalog } from '../../../../../src/machine/engine/images/image-catalog.ts';

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const config = JSON.stringify({
  architecture: 'amd64',
  os: 'linux',
  config: { User: 'app' },
  rootfs: { type: 'layers', diff_ids: [digest('1')] },
});
const index = {
  schema: 1,
  images: [
    {
      id: digest('a'),
      names: ['system-images/udev'],
      repoDigests: [],
      config,
      layers: [{ diffId: digest('1'), sizeBytes: 5 }],
    },
    {
      id: digest('b'),
      names: ['docker.io/library/redis:7'],
      repoDigests: [`docker.io/library/redis@${digest('d')}`],
      config,
      layers: [
        { diffId: digest('1'), sizeBytes: 5 },
        { diffId: digest('2'), sizeBytes: 6 },
      ],
    },
  ],
};

t.test('images by every kind of name', async t => {
  const folder = t.testdir({ images: { 'index.json': JSON.stringify(index) } });
  const catalog = new ImageCatalog();
  await catalog.addStore(folder);
  await catalog.addStore(t.testdirName + '/nowhere');
  for (const name of ['system-images/udev', digest('a'), 'aaaa', 'sha256:aa'])
    t.equal(catalog.resolve(name).id, digest('a'), name);
  for (const name of ['redis:7', 'docker.io/library/redis:7', 'library/redis:7', `redis@${digest('d')}`]) {
    t.equal(catalog.resolve(name).id, digest('b'), name);
    t.equal(catalog.resolveBuiltIn(name).id, digest('b'), name);
  }
  const redis = catalog.resolve('redis:7');
  t.match(redis, { sizeBytes: 11, run: { User: 'app' }, isReadOnly: true });
  using layers = await catalog.openLayers(redis);
  t.same(layers.folders, [`${folder}/layers/${'1'.repeat(64)}`, `${folder}/layers/${'2'.repeat(64)}`]);
  t.equal((await redis.home.readConfig(redis.id)).toString(), config);
  t.ok(catalog.isBuiltIn('docker.io/library/redis:7'));
  t.throws(() => catalog.writable, { code: 'IMAGE_STORE_MISSING' });
  for (const [name, shown] of [
    ['redis', 'redis:latest'],
    ['nope', 'nope:latest'],
    ['cccc', 'cccc:latest'],
    [digest('c'), digest('c')],
  ] as const) {
    t.throws(() => catalog.resolve(name), { message: `No such image: ${shown}`, kind: 'not-found' }, name);
  }
  for (const name of ['', '../etc']) {
    t.throws(
      () => catalog.resolve(name),
      { message: 'invalid reference format', kind: 'invalid-input' },
      name,
    );
  }
});

t.test('a malformed index is named', async t => {
  for (const bad of [
    {},
    { schema: 2, images: [] },
    { schema: 1, images: [{ id: 'x' }] },
    { schema: 1, images: [{ ...index.images[0], layers: [{ diffId: '../..' }] }] },
  ]) {
    const folder = t.testdir({ images: { 'index.json': JSON.stringify(bad) } });
    await t.rejects(new ImageCatalog().addStore(folder), {
      code: 'IMAGE_INDEX_MALFORMED',
      kind: 'integrity',
    });
  }
});
