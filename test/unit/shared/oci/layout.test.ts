import { execFileSync } from 'node:child_process';
import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { type Descriptor, choosePlatform } from '../../../../src/shared/oci/image.ts';
import { openDockerArchive } from '../../../../src/shared/oci/docker-archive.ts';
import type { ImageRoot, ImageSource } from '../../../../src/shared/oci/image-source.ts';
import { openLayoutFolder } from '../../../../src/shared/oci/layout.ts';
import type { Entry } from '../../../../src/shared/archive/entry.ts';
import { hexOf } from '../../../../src/shared/digest.ts';
import {
  type TestBlob,
  type TestImage,
  blobsOf,
  collect,
  entry,
  file,
  imageOf,
  indexOf,
  tarOf,
  writeLayout,
} from '../../../support/oci-image.ts';

const tar = await tarOf([file('a', 'hello')]);
const one = imageOf([tar]);
const two = imageOf([tar, await tarOf([file('b', 'x')])]);
const arm = imageOf([tar], { arch: 'arm64' });

const firstLayer = one.layers[0] ?? one.config;
const describe = ({ mediaType, digest, bytes }: TestBlob): Descriptor => ({
  mediaType,
  digest,
  sizeBytes: bytes.length,
  annotations: {},
});
const archives = t.testdir();
let count = 0;

async function digestOfRoot(source: ImageSource): Promise<string> {
  const root = await source.root();
  return root.kind === 'document' ? root.document.digest : 'a choice';
}

t.test('an OCI layout folder', async t => {
  const folder = t.testdir();
  const index = indexOf({ 'linux/amd64': one, 'linux/arm64': arm });
  await writeLayout(
    folder,
    { v1: one.manifest, v2: two.manifest, 'docker.io/library/app:v3': index },
    blobsOf(one, two, arm),
  );
  const open = (tag?: string): ImageSource => openLayoutFolder(folder, tag, 'image oci:app');
  t.equal(await digestOfRoot(open('v1')), one.manifest.digest);
  t.equal(await digestOfRoot(open('v2')), two.manifest.digest);
  t.equal(await digestOfRoot(open('v3')), index.digest, 'by the tag of a whole name');
  t.equal(await digestOfRoot(open('app:v3')), index.digest, 'by a short name');
  t.same(await open('v1').readManifest(describe(one.manifest)), one.manifest.bytes);
  t.same(await collect(open().streamBlob(describe(firstLayer))), one.layers[0]?.bytes);
  await t.rejects(open().root(), { code: 'OCI_TAG_MISSING', hint: /v1, v2, docker\.io\/library\/app:v3/ });
  await t.rejects(open('v9').root(), { code: 'OCI_TAG_MISSING', message: /image oci:app.*v9/ });
});

t.test('one image needs no tag; several platforms are a choice', async t => {
  const folder = t.testdir({ single: {}, platforms: {} });
  await writeLayout(join(folder, 'single'), { x: one.manifest }, blobsOf(one));
  t.equal(await digestOfRoot(openLayoutFolder(join(folder, 'single'), undefined, 'x')), one.manifest.digest);
  const platforms = join(folder, 'platforms');
  await writeLayout(platforms, {}, blobsOf(one, arm));
  await writeFile(join(platforms, 'index.json'), indexOf({ 'linux/amd64': one, 'linux/arm64': arm }).bytes);
  const root: ImageRoot = await openLayoutFolder(platforms, undefined, 'x').root();
  t.equal(root.kind === 'choice' && choosePlatform(root.index, 'arm64', 'x').digest, arm.manifest.digest);
});

async function layoutWith(t: Test, change: (folder: string) => Promise<unknown>): Promise<ImageSource> {
  const folder = t.testdir();
  await writeLayout(folder, { x: one.manifest }, blobsOf(one));
  await change(folder);
  return openLayoutFolder(folder, undefined, 'image L');
}

const blobPath = (folder: string, blob: TestBlob): string => join(folder, 'blobs/sha256', hexOf(blob.digest));
const faults: [name: string, change: (folder: string) => Promise<unknown>, code: string][] = [
  ['no oci-layout', f => rm(join(f, 'oci-layout')), 'OCI_LAYOUT_MALFORMED'],
  [
    'another version',
    f => writeFile(join(f, 'oci-layout'), '{"imageLayoutVersion":"2.0"}'),
    'OCI_LAYOUT_MALFORMED',
  ],
  ['no index', f => rm(join(f, 'index.json')), 'OCI_LAYOUT_MALFORMED'],
  [
    'an index that is a manifest',
    f => writeFile(join(f, 'index.json'), one.manifest.bytes),
    'OCI_MEDIA_TYPE_CONFUSION',
  ],
  [
    'an index that is a link to the host',
    async f => {
      await rm(join(f, 'index.json'));
      await symlink('/etc/passwd', join(f, 'index.json'));
    },
    'OCI_LAYOUT_MALFORMED',
  ],
  [
    'a pipe for an index',
    async f => {
      await rm(join(f, 'index.json'));
      execFileSync('mkfifo', [join(f, 'index.json')]);
    },
    'OCI_LAYOUT_MALFORMED',
  ],
  [
    'a folder for an index',
    async f => {
      await rm(join(f, 'index.json'));
      execFileSync('mkdir', [join(f, 'index.json')]);
    },
    'OCI_LAYOUT_MALFORMED',
  ],
  [
    'a huge index',
    f => writeFile(join(f, 'index.json'), Buffer.alloc(9 << 20, ' ')),
    'OCI_DOCUMENT_TOO_LARGE',
  ],
  ['a manifest that is missing', f => rm(blobPath(f, one.manifest)), 'OCI_LAYOUT_MALFORMED'],
  [
    'a manifest that is another',
    f => writeFile(blobPath(f, one.manifest), Buffer.alloc(one.manifest.bytes.length)),
    'OCI_DIGEST_MISMATCH',
  ],
  [
    'a manifest that is longer',
    f => writeFile(blobPath(f, one.manifest), Buffer.alloc(9999)),
    'OCI_SIZE_MISMATCH',
  ],
];

for (const [name, change, code] of faults) {
  t.test(`refuses a layout with ${name}`, async t => {
    const source = await layoutWith(t, change);
    await t.rejects(source.root(), { code, message: /image L/ });
  });
}

t.test('refuses a layer that is not what its descriptor says', async t => {
  const layer = firstLayer;
  const other = await layoutWith(t, f => writeFile(blobPath(f, layer), Buffer.alloc(layer.bytes.length)));
  await t.rejects(collect(other.streamBlob(describe(layer))), { code: 'OCI_DIGEST_MISMATCH' });
  const long = await layoutWith(t, f => writeFile(blobPath(f, layer), Buffer.alloc(1 << 20)));
  await t.rejects(collect(long.streamBlob(describe(layer))), { code: 'OCI_SIZE_MISMATCH' });
});

/** As `docker save` wrote before it wrote layouts. */
function oldArchive(
  images: readonly { image: TestImage; names: readonly string[] }[],
  tars: readonly Uint8Array[],
): Entry[] {
  const layers = tars.map((bytes, i) =>
    file(`layer${i}/layer.tar`, '', { content: { kind: 'bytes', bytes } }),
  );
  const manifest = images.map(({ image, names }) => ({
    Config: `${hexOf(image.config.digest)}.json`,
    RepoTags: names,
    Layers: image.diffIds.map((_, i) => `layer${i}/layer.tar`),
  }));
  return [
    ...layers,
    ...images.map(({ image }) =>
      file(`${hexOf(image.config.digest)}.json`, Buffer.from(image.config.bytes).toString()),
    ),
    file('manifest.json', JSON.stringify(manifest)),
  ];
}

async function archive(entries: readonly Entry[] | Uint8Array, tag?: string): Promise<ImageSource> {
  const path = join(archives, `${++count}.tar`);
  await writeFile(path, entries instanceof Uint8Array ? entries : await tarOf(entries));
  return openDockerArchive(path, tag, 'image A');
}

t.test('an old archive of docker save gets the same manifest each time', async t => {
  const entries = oldArchive([{ image: one, names: ['app:1'] }], [tar]);
  const source = await archive(entries);
  const root = await source.root();
  if (root.kind !== 'document') throw new Error('no document');
  const manifest = JSON.parse(Buffer.from(root.document.bytes).toString()) as {
    layers: { digest: `sha256:${string}`; size: number; mediaType: string }[];
  };
  t.equal(manifest.layers[0]?.digest, one.diffIds[0]);
  t.match(manifest.layers[0]?.mediaType, /diff\.tar$/);
  t.equal(await digestOfRoot(await archive([...entries].reverse())), root.document.digest);
  const layer = {
    digest: one.diffIds[0] ?? 'sha256:',
    sizeBytes: tar.length,
    mediaType: '',
    annotations: {},
  };
  t.same(await collect(source.streamBlob(layer)), tar);
  t.same(await collect(source.streamBlob(describe(one.config))), one.config.bytes);
});

t.test('compressed layers in an old archive are seen', async t => {
  const source = await archive(oldArchive([{ image: one, names: [] }], [gzipSync(tar)]));
  const root = await source.root();
  t.match(root.kind === 'document' && Buffer.from(root.document.bytes).toString(), /diff\.tar\.gzip/);
});

t.test('several images in an archive need a tag', async t => {
  const tars = [tar, await tarOf([file('b', 'x')])];
  const entries = oldArchive(
    [
      { image: one, names: ['app:1', 'app:latest'] },
      { image: two, names: ['other:2'] },
    ],
    tars,
  );
  await t.rejects(archive(entries), { code: 'OCI_TAG_MISSING', hint: /app:1, app:latest, other:2/ });
  const digest = await digestOfRoot(await archive(entries, 'app:1'));
  t.equal(await digestOfRoot(await archive(entries, 'docker.io/library/app:latest')), digest);
  t.not(await digestOfRoot(await archive(entries, '2')), digest);
});

t.test('a new archive is a layout in a tar and keeps its digests', async t => {
  const folder = t.testdir();
  await writeLayout(folder, { v1: one.manifest }, blobsOf(one));
  const blobs = blobsOf(one).map(blob =>
    file(`blobs/sha256/${hexOf(blob.digest)}`, '', { content: { kind: 'bytes', bytes: blob.bytes } }),
  );
  const entries = [
    ...blobs,
    file('oci-layout', await readFile(join(folder, 'oci-layout'), 'utf8')),
    file('index.json', await readFile(join(folder, 'index.json'), 'utf8')),
    file('manifest.json', 'ignored'),
  ];
  const source = await archive(entries);
  t.equal(await digestOfRoot(source), one.manifest.digest);
  t.same(await collect(source.streamBlob(describe(firstLayer))), one.layers[0]?.bytes);
});

t.test('links in an archive lead to its own files and nowhere else', async t => {
  const entries = oldArchive([{ image: one, names: [] }], [tar]);
  const [layer, ...rest] = entries as [Entry, ...Entry[]];
  const real = { ...layer, path: 'real/layer.tar' } as Entry;
  const linked = await archive([
    real,
    entry('symlink', 'layer0/layer.tar', { target: '../real/layer.tar' }),
    ...rest,
  ]);
  t.equal(await digestOfRoot(linked), await digestOfRoot(await archive(entries)));
  for (const target of ['/etc/passwd', '../../../../../../etc/passwd', 'layer.tar']) {
    const bad = archive([entry('symlink', 'layer0/layer.tar', { target }), ...rest]);
    await t.rejects(
      bad,
      { code: 'OCI_LAYOUT_MALFORMED', message: /there is no file layer0\/layer\.tar/ },
      target,
    );
  }
});

t.test('whatever the configuration of an archive is called', async t => {
  const text = Buffer.from(one.config.bytes).toString();
  const layer = entry('file', 'layer.tar', { content: { kind: 'bytes', bytes: tar } });
  const open = (name: string): Promise<ImageSource> =>
    archive([
      file(name, text),
      layer,
      file('manifest.json', JSON.stringify([{ Config: name, RepoTags: null, Layers: ['layer.tar'] }])),
    ]);
  const { digest } = one.config;
  const docker = await digestOfRoot(await open(`${hexOf(digest)}.json`));
  // crane, kaniko and ko; other programs.
  for (const name of [digest, 'config.json']) t.equal(await digestOfRoot(await open(name)), docker, name);
  for (const name of [`sha256:${'0'.repeat(64)}`, `${'0'.repeat(64)}.json`])
    await t.rejects(open(name), { code: 'OCI_DIGEST_MISMATCH' }, name);
});

t.test('refuses archives that are none', async t => {
  const config = file(`${hexOf(one.config.digest)}.json`, Buffer.from(one.config.bytes).toString());
  const saved = (manifest: unknown): Entry[] => [
    config,
    file('l', 'x'),
    file('manifest.json', JSON.stringify(manifest)),
  ];
  const good = { Config: config.path, RepoTags: null, Layers: ['l'] };
  const bad: [Entry[] | Uint8Array, string][] = [
    [[file('x', 'y')], 'OCI_LAYOUT_MALFORMED'],
    [saved({}), 'OCI_LAYOUT_MALFORMED'],
    [saved([]), 'OCI_LAYOUT_MALFORMED'],
    [saved([{ ...good, Layers: 'l' }]), 'OCI_LAYOUT_MALFORMED'],
    [saved([{ ...good, Layers: [] }]), 'OCI_LAYOUT_MALFORMED'],
    [saved([{ ...good, Layers: ['../../etc/passwd'] }]), 'OCI_LAYOUT_MALFORMED'],
    [saved([{ ...good, Config: 'l' }]), 'OCI_DOCUMENT_MALFORMED'],
    [gzipSync(tar), 'OCI_LAYOUT_MALFORMED'],
    [Buffer.from('x'.repeat(2000)), 'TAR_MALFORMED'],
    [tar.subarray(0, 700), 'TAR_TRUNCATED'],
  ];
  for (const [entries, code] of bad) await t.rejects(archive(entries), { code, message: /image A/ });
  await t.rejects(openDockerArchive('/nonexistent.tar', undefined, 'image A'), {
    code: 'OCI_LAYOUT_MALFORMED',
  });
});
