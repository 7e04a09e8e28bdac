import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { bytesContent } from '../../../../src/shared/archive/entry.ts';
import { decompressAny } from '../../../../src/shared/oci/decompress-any.ts';
import { readSavedImages } from '../../../../src/shared/oci/saved-images.ts';
import {
  blobsOf,
  collect,
  descriptor,
  entry,
  file,
  imageOf,
  indexOf,
  tarOf,
  temporaryFolder,
} from '../../../support/oci-image.ts';

const layer = await tarOf([file('a', 'A')]);
const amd64 = imageOf([layer, layer]);
const arm64 = imageOf([layer], { arch: 'arm64' });
const bytes = (data: Uint8Array) => ({ content: bytesContent(data) });

async function read(t: Test, entries: Parameters<typeof tarOf>[0]) {
  const folder = await temporaryFolder();
  t.teardown(() => folder[Symbol.asyncDispose]());
  const archive = join(folder.path, 'archive.tar');
  await writeFile(archive, await tarOf(entries));
  return Array.fromAsync(readSavedImages(archive, 'amd64', 'the archive'));
}

const saved = (change: object = {}) =>
  file(
    'manifest.json',
    JSON.stringify([{ Config: 'c', RepoTags: ['x', 'y:2'], Layers: ['l', 'l2'], ...change }]),
  );
const parts = [
  file('c', '', bytes(amd64.config.bytes)),
  file('l', '', bytes(gzipSync(layer))),
  entry('symlink', 'l2', { target: 'l' }),
];

t.test('an archive of docker save', async t => {
  const [image, ...more] = await read(t, [...parts, saved()]);
  t.same(more, []);
  t.same(image?.names, ['docker.io/library/x:latest', 'docker.io/library/y:2']);
  t.same(Buffer.from(image?.config ?? []), Buffer.from(amd64.config.bytes));
  for (const [index, part] of image?.layers.entries() ?? []) {
    t.equal(part.diffId, amd64.diffIds[index]);
    t.same(await collect(part.open()), layer);
  }
});

t.test('a layout, for one architecture of several', async t => {
  const index = indexOf({ 'linux/amd64': amd64, 'linux/arm64': arm64 });
  const named = (name: string) => ({
    ...descriptor(index),
    annotations: { 'io.containerd.image.name': name },
  });
  const blobs = [...blobsOf(amd64, arm64), index];
  const images = await read(t, [
    ...new Map(
      blobs.map(blob => [blob.digest, file(`blobs/sha256/${blob.digest.slice(7)}`, '', bytes(blob.bytes))]),
    ).values(),
    file('index.json', JSON.stringify({ schemaVersion: 2, manifests: [named('a:1'), named('b:2')] })),
    file('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
  ]);
  t.equal(images.length, 1);
  t.same(images[0]?.names, ['docker.io/library/a:1', 'docker.io/library/b:2']);
  t.equal(images[0]?.layers.length, 2);
});

t.test('attacks and damage', async t => {
  const refuse = async (
    name: string,
    entries: Parameters<typeof tarOf>[0],
    expected: { readonly code: string; readonly message?: string | RegExp },
  ) => t.rejects(read(t, entries), expected, name);
  await refuse('nothing in it', [file('x', '')], { code: 'OCI_LAYOUT_MALFORMED' });
  await refuse('a file of the host', [...parts, saved({ Config: '/etc/passwd' })], {
    code: 'OCI_LAYOUT_MALFORMED',
  });
  await refuse('a climbing path', [...parts, saved({ Config: '../../../etc/passwd' })], {
    code: 'OCI_LAYOUT_MALFORMED',
  });
  await refuse('a link to the host', [entry('symlink', 'c', { target: '/etc/passwd' }), saved()], {
    code: 'OCI_LAYOUT_MALFORMED',
  });
  await refuse('a loop', [entry('symlink', 'c', { target: 'c' }), saved()], { code: 'OCI_LAYOUT_MALFORMED' });
  await refuse('too few layers', [...parts, saved({ Layers: ['l'] })], { code: 'OCI_LAYOUT_MALFORMED' });
  await refuse('a name that is none', [...parts, saved({ RepoTags: ['A B'] })], {
    code: 'OCI_REFERENCE_INVALID',
  });
  const many = (length: number, fields: object) =>
    file(
      'manifest.json',
      JSON.stringify(Array.from({ length }, () => ({ Config: 'c', Layers: [], ...fields }))),
    );
  await refuse('one configuration as many images', [...parts, many(1001, {})], {
    code: 'OCI_LAYOUT_MALFORMED',
    message: 'reading the archive: it holds more than 1000 images',
  });
  const long = imageOf([layer], { config: { Labels: { long: 'x'.repeat(500_000) } } });
  await refuse(
    'long configurations',
    [
      file('c', '', bytes(long.config.bytes)),
      file('l', '', bytes(layer)),
      file(
        'manifest.json',
        JSON.stringify(Array.from({ length: 200 }, () => ({ Config: 'c', Layers: ['l'] }))),
      ),
    ],
    { code: 'OCI_LAYOUT_MALFORMED', message: /more than 67108864 bytes of configurations/ },
  );
  const names = Array.from({ length: 1001 }, (_, i) => `x:${i}`);
  await refuse('more names than anybody gives', [...parts, many(2, { RepoTags: names })], {
    code: 'OCI_LAYOUT_MALFORMED',
    message: 'reading the archive: it holds more than 2000 names',
  });
  const blobs = Array.from({ length: 1001 }, (_, i) => ({
    ...descriptor(indexOf({ 'linux/amd64': amd64 })),
    digest: `sha256:${String(i).padStart(64, '0')}`,
  }));
  await refuse(
    'a layout of many images',
    [file('index.json', JSON.stringify({ schemaVersion: 2, manifests: blobs }))],
    { code: 'OCI_LAYOUT_MALFORMED', message: 'reading the archive: it holds more than 1000 images' },
  );
  await refuse('no table', [...parts, file('manifest.json', '7')], { code: 'OCI_LAYOUT_MALFORMED' });
});

t.test('an image is read when it is asked for', async t => {
  const folder = await temporaryFolder();
  t.teardown(() => folder[Symbol.asyncDispose]());
  const archive = join(folder.path, 'archive.tar');
  const table = [
    { Config: 'c', Layers: ['l', 'l2'] },
    { Config: 'damaged', Layers: [] },
  ];
  await writeFile(
    archive,
    await tarOf([...parts, file('damaged', '7'), file('manifest.json', JSON.stringify(table))]),
  );
  const images = readSavedImages(archive, 'amd64', 'the archive');
  t.equal((await images.next()).done, false, 'the first does not wait for the second');
  await t.rejects(images.next(), { code: 'OCI_DOCUMENT_MALFORMED' });
});

t.test('any compression', async t => {
  const chunks = async function* (data: Uint8Array) {
    await Promise.resolve();
    for (let at = 0; at < data.length; at += 3) yield data.subarray(at, at + 3);
  };
  for (const data of [layer, gzipSync(layer), zstdCompressSync(layer)]) {
    t.same(await collect(decompressAny(chunks(data), 'x')), layer);
  }
  await t.rejects(collect(decompressAny(chunks(new Uint8Array()), 'x')), { code: 'LAYER_MEDIA_TYPE' });
  await t.rejects(collect(decompressAny(chunks(gzipSync(layer)), 'x', 10)), { code: 'LAYER_TOO_LARGE' });
});
