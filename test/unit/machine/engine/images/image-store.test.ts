import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ImageCatalog } from '../../../../../src/machine/engine/images/image-catalog.ts';
import { ImageStore } from '../../../../../src/machine/engine/images/image-store.ts';
import type { ReferenceChange } from '../../../../../src/machine/engine/images/references.ts';
import { createLog } from '../../../../../src/machine/log.ts';
import { type Digest, digestOf } from '../../../../../src/shared/digest.ts';

const layer = { diffId: digestOf('a layer'), sizeBytes: 7 };
const other = { diffId: digestOf('another'), sizeBytes: 9 };
const configOf = (name: string, diffIds: readonly Digest[]): Buffer =>
  Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created: '2026-01-02T03:04:05Z',
      config: { Labels: { name } },
      rootfs: { type: 'layers', diff_ids: diffIds },
    }),
  );

/** A store in a folder, with layers as mkfs.erofs would have left them. */
async function open(folder: string, onStep: (step: string) => void = () => undefined) {
  const lines: string[] = [];
  const store = new ImageStore({
    folder,
    mounts: join(folder, 'mounts'),
    durable: true,
    busybox: '/nowhere/busybox',
    mkfsErofs: '/nowhere/mkfs.erofs',
    log: createLog({ component: 'test', write: line => void lines.push(line), level: 'error' }),
    onStep,
  });
  await store.load();
  return { store, lines };
}

function putLayer(folder: string, { diffId, sizeBytes }: typeof layer): void {
  const home = join(folder, 'layers', diffId.slice(7));
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'layer.json'), JSON.stringify({ schema: 1, diffId, sizeBytes }));
  writeFileSync(join(home, 'layer.erofs'), '');
}

/** An image that is published, so that its layer stays. */
async function publish(store: ImageStore, name: string, tags: readonly string[]): Promise<Digest> {
  return store.publish({ config: configOf(name, [layer.diffId]), layers: [layer] }, (references, id) => {
    for (const tag of tags) references.tags.set(tag, id);
  });
}

function freshWithLayer(t: Test): string {
  const folder = t.testdir();
  putLayer(folder, layer);
  // An image that names it keeps it over the first load.
  const image = join(folder, 'images', digestOf(configOf('keeper', [layer.diffId])).slice(7));
  mkdirSync(image, { recursive: true });
  writeFileSync(join(image, 'config'), configOf('keeper', [layer.diffId]));
  const id = digestOf(configOf('keeper', [layer.diffId]));
  writeFileSync(join(image, 'image.json'), JSON.stringify({ schema: 1, id, layers: [layer] }));
  return folder;
}

t.test('images and names last, and go together', async t => {
  const folder = freshWithLayer(t);
  const { store } = await open(folder);
  const id = await publish(store, 'one', ['docker.io/library/one:1', 'docker.io/library/one:2']);
  const { store: again } = await open(folder);
  t.match(again.get(id), { id, sizeBytes: 7, createdAtMs: Date.parse('2026-01-02T03:04:05Z') });
  t.same([...again.references.tags.keys()].sort(), ['docker.io/library/one:1', 'docker.io/library/one:2']);
  t.same(await again.readConfig(id), configOf('one', [layer.diffId]));
  t.equal(await again.readManifest(id), undefined);
  t.same(await again.remove(id), [], 'another image has the layer');
  t.equal(again.references.tags.size, 0);
  const { store: last } = await open(folder);
  t.equal(last.get(id), undefined);
  const [keeper] = last.images();
  t.match(await last.remove(keeper?.id ?? id), [layer]);
  t.same(readdirSync(join(folder, 'layers')), []);
});

t.test('what an engine that was killed left is completed or taken away', async t => {
  for (const [step, isThere] of [
    ['image: write', false],
    ['images: write the names', false],
    ['image: publish', true],
  ] as const) {
    await t.test(step, async t => {
      const folder = freshWithLayer(t);
      let armed = true;
      const { store } = await open(folder, next => {
        if (next === step && armed) throw new Error(step);
      });
      await t.rejects(publish(store, 'cut', ['docker.io/library/cut:1']), { message: step });
      armed = false;
      const id = digestOf(configOf('cut', [layer.diffId]));
      const { store: next } = await open(folder);
      t.equal(next.get(id) !== undefined, isThere);
      t.same(
        readdirSync(join(folder, 'images')).filter(name => name.startsWith('.')),
        [],
      );
    });
  }
  await t.test('layers in the making, and those of nobody', async t => {
    const folder = freshWithLayer(t);
    putLayer(folder, other);
    mkdirSync(join(folder, 'layers/.new-1234'));
    mkdirSync(join(folder, 'layers/.removing-5678'));
    mkdirSync(join(folder, 'images/.removing-5678'));
    await open(folder);
    t.same(readdirSync(join(folder, 'layers')), [layer.diffId.slice(7)]);
    t.notOk(existsSync(join(folder, 'images/.removing-5678')));
  });
});

t.test('an image without layers is one', async t => {
  const folder = freshWithLayer(t);
  const { store } = await open(folder);
  const config = configOf('bare', []);
  const id = await store.publish({ config, layers: [] }, (references, id) => {
    references.tags.set('docker.io/library/bare:1', id);
  });
  t.match(store.get(id), { id, layers: [], sizeBytes: 0 });
  const { store: again, lines } = await open(folder);
  t.equal(again.references.tags.get('docker.io/library/bare:1'), id);
  t.match(again.get(id), { layers: [] });
  t.same(lines, []);
});

t.test('an image that could not be read again takes no name', async t => {
  const folder = freshWithLayer(t);
  const { store } = await open(folder);
  const id = await publish(store, 'one', ['docker.io/library/x:1']);
  const name = (references: ReferenceChange, id: Digest): void => {
    references.tags.set('docker.io/library/x:1', id);
  };
  for (const [config, layers] of [
    [configOf('gone', [other.diffId]), [other]],
    [Buffer.from('{}'), [layer]],
    [configOf('odd', []), [{ ...layer, sizeBytes: 0.5 }]],
  ] as const) {
    await t.rejects(store.publish({ config, layers }, name));
    t.equal(store.references.tags.get('docker.io/library/x:1'), id);
  }
  t.same(
    readdirSync(join(folder, 'images')).filter(name => name.startsWith('.')),
    [],
  );
  const { store: again, lines } = await open(folder);
  t.equal(again.references.tags.get('docker.io/library/x:1'), id);
  t.same(lines, []);
});

t.test('more names than can be read again are not taken', async t => {
  const folder = freshWithLayer(t);
  const { store } = await open(folder);
  const id = await publish(store, 'one', ['docker.io/library/one:1']);
  const many = Array.from({ length: 45_000 }, (_, i) => `docker.io/library/many:${i}`);
  await t.rejects(publish(store, 'many', many), { code: 'RECORD_TOO_LARGE' });
  await t.rejects(
    store.rename(references => {
      for (const name of many) references.tags.set(name, id);
    }),
    { code: 'RECORD_TOO_LARGE' },
  );
  t.same([...store.references.tags.keys()], ['docker.io/library/one:1']);
  const { store: again, lines } = await open(folder);
  t.same([...again.references.tags.keys()], ['docker.io/library/one:1']);
  t.equal(again.get(digestOf(configOf('many', [layer.diffId]))), undefined);
  t.same(lines, []);
});

t.test('damaged files are left alone, with the layers they may need', async t => {
  const folder = freshWithLayer(t);
  putLayer(folder, other);
  const broken = join(folder, 'images', 'f'.repeat(64));
  mkdirSync(broken);
  writeFileSync(join(broken, 'image.json'), '{');
  const { store, lines } = await open(folder);
  t.equal([...store.images()].length, 1);
  t.match(lines.join(''), /an image cannot be read; it is left alone/);
  t.ok(existsSync(broken));
  t.equal(readdirSync(join(folder, 'layers')).length, 2);
  writeFileSync(join(folder, 'images/references.json'), '{"schema":1,"tags":{"x":"nonsense"},"digests":{}}');
  const again = await open(folder);
  t.equal(again.store.images().length, 1, 'without its names');
  t.match(again.lines.join(''), /the names of images cannot be read/);
  t.ok(existsSync(join(folder, 'images/references.json.unreadable')), 'for somebody to look at');
  writeFileSync(join(folder, 'images/references.json'), 'null');
  t.equal((await open(folder)).store.images().length, 1);
});

t.test('an image that is removed while it is used stays for those who use it', async t => {
  const folder = freshWithLayer(t);
  const { store } = await open(folder);
  const catalog = new ImageCatalog();
  catalog.attach(store);
  const id = await publish(store, 'one', ['docker.io/library/one:1']);
  t.same(await store.remove(id, () => true), []);
  t.equal(store.references.tags.size, 0);
  t.throws(() => catalog.resolve(id), { code: 'IMAGE_NOT_FOUND' });
  t.notOk(catalog.all().some(image => image.id === id));
  t.match(catalog.byId(id), { id, names: [] }, 'by its id');
  const { store: again } = await open(folder);
  t.same([...again.forgotten], [id], 'the next engine knows it too');
  t.equal(again.images().length, 1);
  t.equal(await publish(again, 'one', ['docker.io/library/one:2']), id);
  t.equal(again.forgotten.size, 0, 'it is back');
  const { store: third } = await open(folder);
  t.equal(third.images().length, 2);
  await third.removeForgotten(id, () => false);
  t.ok(third.get(id), 'it was pulled again before its turn came');
  await third.remove(id, () => true);
  await third.removeForgotten(id, () => false);
  t.equal(third.get(id), undefined);
  t.equal(third.forgotten.size, 0);
});

t.test('names in several stores', async t => {
  const memory = freshWithLayer(t);
  const state = join(memory, 'state');
  putLayer(state, layer);
  const catalog = new ImageCatalog();
  const first = (await open(memory)).store;
  const second = (await open(state)).store;
  putLayer(state, layer);
  await second.layers.load();
  catalog.attach(first);
  catalog.attach(second);
  const name = 'docker.io/library/web:1';
  const old = await publish(first, 'old', [name]);
  t.equal(catalog.resolve('web:1').id, old);
  const young = await publish(second, 'young', [name]);
  t.equal(catalog.resolve('web:1').id, young, 'what is on state goes first');
  t.same(catalog.byId(old)?.names, []);
  t.equal(catalog.writable, second);
  using held = catalog.hold(young);
  t.ok(held);
  t.ok(catalog.isHeld(young));
  t.throws(() => catalog.resolve('sha256'), { message: 'No such image: sha256:latest' });
});
