import t, { type Test } from 'tap';
import {
  type ImageInput,
  assembleImageStore,
  imageFromTree,
} from '../../../../src/build/assemble/image-store.ts';
import { mergeLayers } from '../../../../src/build/assemble/merge-layers.ts';
import { type Store, openStore } from '../../../../src/build/store/store.ts';
import { Tree } from '../../../../src/build/tree/tree.ts';
import { unpackImage } from '../../../../src/build/unpack/oci-image.ts';
import { type Entry, bytesContent } from '../../../../src/shared/archive/entry.ts';
import { writeTar } from '../../../../src/shared/archive/tar.ts';
import { digestOf, hexOf } from '../../../../src/shared/digest.ts';
import { readContent } from '../../../../src/shared/fs/content-reader.ts';
import { parseImageConfig } from '../../../../src/shared/oci/image.ts';
import { OPAQUE_XATTR } from '../../../../src/shared/oci/layer.ts';
import { restoreTar } from '../../../../src/shared/oci/tar-headers.ts';
import type { ImageIndex } from '../../../../src/shared/machine-image.ts';
import { type TestImage, blobsOf, collect, entry, file, imageOf, tarOf } from '../../../support/oci-image.ts';

const EPOCH = 1_700_000_000;

function treeOf(files: Readonly<Record<string, string>>, mode = 0o644): Tree {
  const tree = new Tree(EPOCH);
  for (const [path, text] of Object.entries(files)) tree.file(path, text, { mode });
  return tree;
}

const fromTree = (tree: Tree, name = 'x'): Promise<ImageInput> =>
  imageFromTree(tree, { names: [name], arch: 'amd64', run: { Cmd: ['/bin/sh'] }, epoch: EPOCH });

async function textOf(tree: Tree, path: string): Promise<string> {
  const found = tree.lookup(path);
  if (found?.kind !== 'file') throw new Error(`${path} is no file`);
  return (await collect(readContent(found.content))).toString();
}

async function indexIn(tree: Tree): Promise<ImageIndex> {
  return JSON.parse(await textOf(tree, 'images/index.json')) as ImageIndex;
}

/** The tar that `save` on the machine would write. */
async function saved(tree: Tree, diffId: string): Promise<Buffer> {
  const folder = `layers/${diffId.slice(7)}`;
  const record = tree.lookup(`${folder}.headers`);
  if (record?.kind !== 'file') throw new Error('no record');
  const read = (path: string): AsyncIterable<Uint8Array> => {
    const found = tree.lookup(`${folder}/${path}`);
    if (found?.kind !== 'file') throw new Error(`${path} is no file`);
    return readContent(found.content);
  };
  return collect(restoreTar(readContent(record.content), read, diffId));
}

t.test('an image from a tree has the digests that any OCI tool computes', async t => {
  const tree = treeOf({ 'bin/sh': '#!', 'etc/ünï': 'x'.repeat(5000), empty: '' });
  tree.put(entry('hardlink', 'bin/ash', { target: 'bin/sh' }));
  tree.put(entry('char-device', 'dev/null', { major: 1, minor: 3 }));
  tree.symlink('lib', 'usr/lib');
  const image = await fromTree(tree);
  const [layer] = image.layers;
  if (!layer) throw new Error('no layer');
  const tar = await collect(writeTar(layer.entries));
  t.equal(layer.diffId, digestOf(tar));
  t.equal(layer.sizeBytes, tar.length);
  t.match(
    layer.entries.find(e => e.path === 'bin/ash'),
    { kind: 'file' },
    'the first of linked names is the file',
  );
  t.match(
    layer.entries.find(e => e.path === 'bin/sh'),
    { kind: 'hardlink', target: 'bin/ash' },
  );
  t.same(parseImageConfig(image.config, 'x'), {
    platform: { os: 'linux', architecture: 'amd64' },
    run: { Cmd: ['/bin/sh'] },
    diffIds: [layer.diffId],
  });
  t.same(await fromTree(tree), image, 'the same twice');
  const store = await assembleImageStore([image], { epoch: EPOCH });
  t.ok((await saved(store, layer.diffId)).equals(tar), 'saving gives the same tar');
});

t.test('the index lists images with ids, names and layers', async t => {
  const a = await fromTree(treeOf({ a: '1' }), 'system-images/a');
  const b = await fromTree(treeOf({ b: '2' }), 'system-images/b');
  const again = { ...a, names: ['docker.io/library/a:latest'], repoDigests: [`a@${digestOf('m')}`] };
  const tree = await assembleImageStore([a, b, again], { epoch: EPOCH });
  const index = await indexIn(tree);
  t.equal(index.schema, 1);
  t.equal(index.images.length, 2, 'one image with two names');
  const stored = index.images.find(image => image.id === digestOf(a.config));
  t.same(stored?.names, ['docker.io/library/a:latest', 'system-images/a']);
  t.same(stored?.repoDigests, [`a@${digestOf('m')}`]);
  t.equal(stored?.config, a.config);
  t.same(stored?.layers, [{ diffId: a.layers[0]?.diffId, sizeBytes: a.layers[0]?.sizeBytes }]);
});

t.test('equal files of different layers are hard links', async t => {
  const big = 'shared library '.repeat(100);
  const one = treeOf({ 'lib/libc.so': big, 'only-in-one': '1', empty: '' });
  const two = treeOf({ 'usr/lib/libc.so': big, 'copy/libc.so': big, empty: '' });
  two.file('other-mode', big, { mode: 0o755 });
  two.file('other-owner', big, { uid: 1 });
  two.file('other-attribute', big, { xattrs: new Map([['user.x', Buffer.from('y')]]) });
  two.put(file('other-time', big, { mtime: 5, mode: 0o644 }));
  two.file('same-size', big.replace('s', 'S'));
  const images = [await fromTree(one, 'one'), await fromTree(two, 'two')];
  const tree = await assembleImageStore(images, { epoch: EPOCH });
  const links = tree.entries().filter(e => e.kind === 'hardlink');
  t.equal(links.length, 1, 'one pair; the two copies in one layer stay apart');
  const [link] = links;
  if (link?.kind !== 'hardlink') throw new Error('no link');
  t.match([link.path, link.target].join(' '), /libc\.so .*libc\.so$/);
  t.not(link.path.slice(0, 71), link.target.slice(0, 71), 'from one layer to another');
  t.ok(link.target < link.path, 'the file comes before its link');
  for (const image of images) {
    const diffId = image.layers[0]?.diffId ?? '';
    t.equal(digestOf(await saved(tree, diffId)), diffId, 'each layer still saves to its digest');
  }
});

t.test('links inside a layer and across layers meet at one file', async t => {
  const linked = (extra: string): Tree => {
    const tree = treeOf({ b: 'the same content', [extra]: extra });
    tree.put(entry('hardlink', 'a', { target: 'b', mtime: EPOCH }));
    return tree;
  };
  const images = [await fromTree(linked('x'), 'x'), await fromTree(linked('y'), 'y')];
  const tree = await assembleImageStore(images, { epoch: EPOCH });
  const links = tree.entries().filter(e => e.kind === 'hardlink');
  const [first] = links;
  t.equal(links.length, 3);
  for (const link of links) {
    t.equal(link.target, first?.target);
    t.equal(tree.get(link.target)?.kind, 'file', 'no link to a link');
  }
});

t.test('the order of images and of files does not matter', async t => {
  const images = [
    await fromTree(treeOf({ a: 'xx', b: 'yy' }), 'a'),
    await fromTree(treeOf({ b: 'yy', c: 'xx' }), 'b'),
    await fromTree(treeOf({ d: 'zz', a: 'xx' }), 'c'),
  ];
  const digest = async (inputs: readonly ImageInput[]): Promise<string> => {
    const tree = await assembleImageStore(inputs, { epoch: EPOCH });
    return digestOf(await collect(writeTar(tree.entries())));
  };
  t.equal(await digest(images), await digest([...images].reverse()));
  t.equal(await digest(images), await digest([...images, ...images]));
});

async function unpacked(t: Test, image: TestImage): Promise<{ image: ImageInput; store: Store }> {
  const store = await openStore(t.testdir());
  t.teardown(() => store[Symbol.asyncDispose]());
  for (const blob of blobsOf(image)) {
    await store.images.write(one(blob.bytes), { name: 'blob', digest: blob.digest });
  }
  const locked = {
    reference: 'test:1',
    manifest: {
      digest: image.manifest.digest,
      mediaType: image.manifest.mediaType,
      sizeBytes: image.manifest.bytes.length,
    },
    config: { digest: image.config.digest, sizeBytes: image.config.bytes.length },
    layers: image.layers.map(l => ({ digest: l.digest, mediaType: l.mediaType, sizeBytes: l.bytes.length })),
  };
  const result = await unpackImage(store, locked, { arch: 'amd64' });
  return { image: { ...result, names: ['docker.io/library/test:1'], repoDigests: [] }, store };
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield bytes;
}

const LOWER: Entry[] = [
  entry('directory', 'etc'),
  file('etc/passwd', 'root'),
  file('etc/group', 'root'),
  entry('directory', 'var', { mode: 0o700 }),
  file('var/log', 'old'),
  file('bin/a', 'program'),
  entry('hardlink', 'bin/b', { target: 'bin/a' }),
  file('.wh.nothing-below', ''),
];
const UPPER: Entry[] = [
  file('etc/.wh.passwd', ''),
  file('etc/group', 'changed'),
  file('var/.wh..wh..opq', ''),
  file('var/new', 'new'),
  file('bin/.wh.a', ''),
];

for (const compression of ['none', 'gzip', 'zstd'] as const) {
  t.test(`an OCI image keeps its layers and digests (${compression})`, async t => {
    const tars = [await tarOf(LOWER), await tarOf(UPPER)];
    const { image } = await unpacked(t, imageOf(tars, { compression }));
    const tree = await assembleImageStore([image], { epoch: EPOCH });
    const [lower, upper] = image.layers.map(layer => `layers/${hexOf(layer.diffId)}`);
    t.match(tree.get(`${upper}/etc/passwd`), { kind: 'char-device', major: 0, minor: 0 });
    t.same(tree.get(`${upper}/var`)?.xattrs?.get(OPAQUE_XATTR), Buffer.from('y'));
    t.notOk(tree.has(`${lower}/nothing-below`), 'the lowest layer has nothing to hide');
    t.match(tree.get(`${lower}/bin/b`), { kind: 'hardlink', target: `${lower}/bin/a` });
    for (const [index, layer] of image.layers.entries()) {
      t.ok(
        (await saved(tree, layer.diffId)).equals(tars[index] ?? Buffer.alloc(0)),
        'saves to the same bytes',
      );
    }
    const [stored] = (await indexIn(tree)).images;
    t.equal(stored?.id, digestOf(stored?.config ?? ''), 'the id is the digest of the configuration');
  });
}

t.test('layers merge to what a container sees', async t => {
  const { image } = await unpacked(t, imageOf([await tarOf(LOWER), await tarOf(UPPER)]));
  const tree = mergeLayers(image.layers, EPOCH);
  t.same(
    tree.entries().map(e => e.path),
    ['', 'bin', 'bin/b', 'etc', 'etc/group', 'var', 'var/new'],
  );
  t.equal(await textOf(tree, 'etc/group'), 'changed');
  t.equal(await textOf(tree, 'bin/b'), 'program', 'a link outlives the name that held the content');
  t.notOk(tree.get('var')?.xattrs, 'no mark of overlayfs is left');
});

t.test('refuses layers that are not what the configuration says', async t => {
  const tar = await tarOf([file('a', 'x')]);
  const wrong = imageOf([tar], { diffIds: [digestOf('another')] });
  await t.rejects(unpacked(t, wrong), { code: 'OCI_DIFF_ID_MISMATCH', message: /test:1: layer sha256:/ });
  await t.rejects(unpacked(t, imageOf([tar], { diffIds: [] })), { code: 'OCI_DIFF_ID_MISMATCH' });
  await t.rejects(unpacked(t, imageOf([tar], { arch: 'arm64' })), { code: 'OCI_PLATFORM_MISSING' });
});

t.test('nothing half-made stays when a layer is refused', async t => {
  const tar = await tarOf([entry('block-device', 'dev/sda', { major: 8, minor: 0 })]);
  const folder = t.testdir();
  const store = await openStore(folder);
  t.teardown(() => store[Symbol.asyncDispose]());
  const image = imageOf([tar]);
  for (const blob of blobsOf(image))
    await store.images.write(one(blob.bytes), { name: 'b', digest: blob.digest });
  const locked = {
    reference: 'test:1',
    manifest: { digest: image.manifest.digest, mediaType: image.manifest.mediaType, sizeBytes: 1 },
    config: { digest: image.config.digest, sizeBytes: 1 },
    layers: image.layers.map(l => ({ digest: l.digest, mediaType: l.mediaType, sizeBytes: l.bytes.length })),
  };
  await t.rejects(unpackImage(store, locked, { arch: 'amd64' }), {
    code: 'LAYER_DEVICE_REFUSED',
    message: /dev\/sda/,
  });
  t.equal((await store.usage()).results.count, 0);
});

t.test('an image without layers, and content in memory', async t => {
  const { image } = await unpacked(t, imageOf([]));
  const tree = await assembleImageStore([image], { epoch: EPOCH });
  t.equal((await indexIn(tree)).images.length, 1);
  const bytes = new Tree(EPOCH);
  bytes.file('x', bytesContent('y'));
  t.equal((await fromTree(bytes)).layers.length, 1);
});
