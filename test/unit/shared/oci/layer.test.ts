import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { Entry } from '../../../../src/shared/archive/entry.ts';
import { openFileAccess } from '../../../../src/shared/fs/file-access.ts';
import { readContent } from '../../../../src/shared/fs/content-reader.ts';
import {
  DEFAULT_LAYER_LIMITS,
  type Layer,
  type LayerLimits,
  OPAQUE_XATTR,
  isWhiteout,
  readLayer,
} from '../../../../src/shared/oci/layer.ts';
import { collect, entry, file, paxHeader, rawHeader, rawTar, tarOf } from '../../../support/oci-image.ts';

const folder = t.testdir();
let count = 0;

async function read(tar: Uint8Array, limits?: LayerLimits, forContainers = false): Promise<Layer> {
  const path = join(folder, `${++count}.tar`);
  await writeFile(path, tar);
  return readLayer(await openFileAccess(path), {
    name: 'layer X',
    file: path,
    ...(limits ? { limits } : {}),
    forContainers,
  });
}

const readEntries = async (entries: readonly Entry[]): Promise<Layer> => read(await tarOf(entries));
const paths = (layer: Layer): string[] => layer.entries.map(e => `${e.kind} ${e.path}`);
const find = (layer: Layer, path: string): Entry | undefined => layer.entries.find(e => e.path === path);

async function textOf(layer: Layer, path: string): Promise<string> {
  const found = find(layer, path);
  const real = found?.kind === 'hardlink' ? find(layer, found.target) : found;
  if (real?.kind !== 'file') throw new Error(`${path} is no file`);
  return (await collect(readContent(real.content))).toString();
}

t.test('keeps owners, modes, times and binary attributes', async t => {
  const capability = Buffer.from([1, 0, 0, 2, 0x80, 0xff, 0, 0]);
  const attributes = {
    mode: 0o4755,
    uid: 7,
    gid: 8,
    mtime: 99,
    xattrs: new Map([['security.capability', capability]]),
  };
  const layer = await readEntries([file('bin/ping', 'x', attributes)]);
  const found = find(layer, 'bin/ping');
  t.match(found, { mode: 0o4755, uid: 7, gid: 8, mtime: 99 });
  t.same(found?.xattrs?.get('security.capability'), capability);
  t.same(paths(layer), ['directory ', 'directory bin', 'file bin/ping'], 'parents are made');
});

t.test('whiteouts become what overlayfs knows', async t => {
  const layer = await readEntries([
    entry('directory', 'etc'),
    file('etc/.wh.passwd', ''),
    file('var/.wh..wh..opq', ''),
    file('var/new', 'n'),
    file('.wh..wh.plnk', ''),
    file('.wh..wh.orph/x', ''),
  ]);
  const whiteout = find(layer, 'etc/passwd');
  t.ok(whiteout && isWhiteout(whiteout));
  t.same(find(layer, 'var')?.xattrs?.get(OPAQUE_XATTR), Buffer.from('y'));
  t.notOk(paths(layer).some(path => path.includes('.wh.')));
  t.match(layer.notes, [/aufs \(2\)/]);
});

t.test('a whiteout hides lower layers only, wherever it stands in its own', async t => {
  for (const order of [0, 1]) {
    const both = [file('a', 'own'), file('.wh.a', '')];
    const layer = await readEntries(order === 0 ? both : both.reverse());
    t.equal(await textOf(layer, 'a'), 'own');
  }
  const layer = await readEntries([entry('directory', 'd'), file('d/x', '1'), file('.wh.d', '')]);
  t.same(find(layer, 'd')?.xattrs?.get(OPAQUE_XATTR), Buffer.from('y'), 'the own folder hides the lower one');
  t.equal(await textOf(layer, 'd/x'), '1');
});

t.test('hard links: the file comes first, whatever is replaced later', async t => {
  const layer = await readEntries([
    file('z', 'linked'),
    entry('hardlink', 'a', { target: 'z' }),
    entry('hardlink', 'm', { target: 'a' }),
    file('z', 'other'),
  ]);
  t.match(find(layer, 'a'), { kind: 'file' });
  t.match(find(layer, 'm'), { kind: 'hardlink', target: 'a' });
  t.equal(await textOf(layer, 'z'), 'other');
  t.equal(await textOf(layer, 'm'), 'linked');
  t.same(
    [...layer.kept],
    [
      [0, 'a'],
      [3, 'z'],
    ],
  );
});

t.test('of one path the last entry counts', async t => {
  const layer = await readEntries([
    file('a/b', '1'),
    file('a', 'now a file'),
    entry('directory', 'd', { mode: 0o700 }),
    file('d/x', 'x'),
    entry('directory', 'd', { mode: 0o711 }),
  ]);
  t.equal(await textOf(layer, 'a'), 'now a file');
  t.equal(find(layer, 'a/b'), undefined);
  t.match(find(layer, 'd'), { mode: 0o711 });
  t.equal(await textOf(layer, 'd/x'), 'x', 'a folder again keeps what it holds');
});

t.test('parents that are links are followed inside the layer', async t => {
  const layer = await readEntries([
    entry('symlink', 'lib', { target: 'usr/lib' }),
    file('lib/a', 'a'),
    entry('symlink', 'abs', { target: '/etc/deep' }),
    file('abs/b', 'b'),
  ]);
  t.equal(await textOf(layer, 'usr/lib/a'), 'a');
  t.equal(await textOf(layer, 'etc/deep/b'), 'b', 'absolute: from the root of the image');
  t.match(find(layer, 'lib'), { kind: 'symlink' });
});

t.test('harmless devices pass', async t => {
  const layer = await readEntries([
    entry('char-device', 'dev/null', { major: 1, minor: 3 }),
    entry('char-device', 'gone', { major: 0, minor: 0 }),
    entry('fifo', 'run/pipe'),
  ]);
  t.same(paths(layer).slice(1), [
    'directory dev',
    'char-device dev/null',
    'char-device gone',
    'directory run',
    'fifo run/pipe',
  ]);
});

t.test('attributes without a meaning here are left out and told', async t => {
  const xattrs = new Map([
    ['security.selinux', Buffer.from('x')],
    ['user.mine', Buffer.from([0xff])],
  ]);
  const layer = await readEntries([file('a', '', { xattrs })]);
  t.same([...(find(layer, 'a')?.xattrs ?? [])], [['user.mine', Buffer.from([0xff])]]);
  t.match(layer.notes, [/layer X: left out the attribute security.selinux \(1\)/]);
});

const link = (path: string, target: string): Uint8Array =>
  rawHeader({ name: path, type: '2', linkName: target });
const hard = (path: string, target: string): Uint8Array =>
  rawHeader({ name: path, type: '1', linkName: target });

const hostile: [name: string, tar: Uint8Array, code: string, message: RegExp][] = [
  ['an absolute path', rawTar(rawHeader({ name: '/etc/passwd' }, 'x')), 'TAR_PATH_UNSAFE', /\/etc\/passwd/],
  ['a path with ..', rawTar(rawHeader({ name: 'a/../../etc/passwd' }, 'x')), 'TAR_PATH_UNSAFE', /\.\./],
  [
    'a PAX path with ..',
    rawTar(paxHeader({ path: '../x' }), rawHeader({ name: 'x' })),
    'TAR_PATH_UNSAFE',
    /\.\.\/x/,
  ],
  ['a link that climbs out', rawTar(link('a/b', '../../etc')), 'LAYER_LINK_ESCAPE', /a\/b leads out/],
  ['a link that climbs out and back', rawTar(link('a', 'b/../../c')), 'LAYER_LINK_ESCAPE', /leads out/],
  ['an absolute link that climbs out', rawTar(link('a', '/../../etc')), 'LAYER_LINK_ESCAPE', /leads out/],
  [
    'a file behind a loop of links',
    rawTar(link('a', 'b'), link('b', 'a'), rawHeader({ name: 'a/x' })),
    'LAYER_LINK_ESCAPE',
    /loop/,
  ],
  ['a hard link to an absolute path', rawTar(hard('a', '/etc/shadow')), 'TAR_PATH_UNSAFE', /shadow/],
  ['a hard link with ..', rawTar(hard('a', '../../etc/shadow')), 'TAR_PATH_UNSAFE', /shadow/],
  ['a hard link to nothing', rawTar(hard('a', 'etc/shadow')), 'LAYER_HARDLINK_BROKEN', /a names etc\/shadow/],
  [
    'a hard link to a folder',
    rawTar(rawHeader({ name: 'd/', type: '5' }), hard('a', 'd')),
    'LAYER_HARDLINK_BROKEN',
    /a names d/,
  ],
  [
    'a hard link through a link to the host',
    rawTar(link('l', '/etc'), hard('a', 'l/shadow')),
    'LAYER_HARDLINK_BROKEN',
    /l\/shadow/,
  ],
  [
    'a disk',
    rawTar(rawHeader({ name: 'dev/sda', type: '4', major: 8 })),
    'LAYER_DEVICE_REFUSED',
    /dev\/sda is a block-device 8:0/,
  ],
  [
    'kernel memory',
    rawTar(rawHeader({ name: 'dev/mem', type: '3', major: 1, minor: 1 })),
    'LAYER_DEVICE_REFUSED',
    /dev\/mem/,
  ],
  [
    'a disk named null',
    rawTar(rawHeader({ name: 'dev/null', type: '4', major: 8 })),
    'LAYER_DEVICE_REFUSED',
    /dev\/null/,
  ],
  [
    'null elsewhere',
    rawTar(rawHeader({ name: 'x', type: '3', major: 1, minor: 3 })),
    'LAYER_DEVICE_REFUSED',
    /x is a char-device 1:3/,
  ],
  [
    'null behind a link',
    rawTar(link('dev', 'x'), rawHeader({ name: 'dev/mem', type: '3', major: 1, minor: 1 })),
    'LAYER_DEVICE_REFUSED',
    /dev\/mem/,
  ],
  ['a whiteout of nothing', rawTar(rawHeader({ name: 'a/.wh.' })), 'LAYER_WHITEOUT_MALFORMED', /\.wh\./],
  [
    'a whiteout of the parent',
    rawTar(rawHeader({ name: 'a/.wh...' })),
    'LAYER_WHITEOUT_MALFORMED',
    /a\/\.wh\.\.\./,
  ],
  [
    'a whiteout of the folder itself',
    rawTar(rawHeader({ name: 'a/.wh..' })),
    'LAYER_WHITEOUT_MALFORMED',
    /a\/\.wh\.\./,
  ],
  [
    'files below a whiteout',
    rawTar(rawHeader({ name: '.wh.a/b' })),
    'LAYER_WHITEOUT_MALFORMED',
    /below a whiteout/,
  ],
  [
    'a whiteout that is a folder',
    rawTar(rawHeader({ name: '.wh.a/', type: '5' })),
    'LAYER_WHITEOUT_MALFORMED',
    /\.wh\.a/,
  ],
  [
    'a forged overlayfs redirect',
    rawTar(
      paxHeader({ 'SCHILY.xattr.trusted.overlay.redirect': '/etc' }),
      rawHeader({ name: 'a/', type: '5' }),
    ),
    'LAYER_XATTR_REFUSED',
    /trusted\.overlay\.redirect/,
  ],
  [
    'a forged overlayfs attribute of users',
    rawTar(paxHeader({ 'SCHILY.xattr.user.overlay.opaque': 'y' }), rawHeader({ name: 'a/', type: '5' })),
    'LAYER_XATTR_REFUSED',
    /user\.overlay\.opaque/,
  ],
  [
    'a name that is too long',
    rawTar(paxHeader({ path: 'x'.repeat(256) }), rawHeader({ name: 'x' })),
    'TAR_PATH_UNSAFE',
    /too long/,
  ],
  ['a size beyond the end', rawTar(rawHeader({ name: 'a', sizeBytes: 4096 })), 'TAR_TRUNCATED', /early/],
  [
    'a tar that is cut off',
    rawTar(rawHeader({ name: 'a' }, 'x'.repeat(600))).subarray(0, 800),
    'TAR_TRUNCATED',
    /early/,
  ],
  [
    'a wrong checksum',
    rawTar(Buffer.from(rawHeader({ name: 'a' })).fill('b', 0, 1)),
    'TAR_MALFORMED',
    /checksum/,
  ],
  ['no tar at all', Buffer.alloc(2048, 'x'), 'TAR_MALFORMED', /layer X/],
];

for (const [name, tar, code, message] of hostile) {
  t.test(`refuses ${name}`, t => t.rejects(read(tar), { code, message }));
}

t.test('refuses more entries and bytes than allowed', async t => {
  const tar = await tarOf([file('a', '1'), file('b', '2'.repeat(100)), file('c', '3')]);
  await t.rejects(read(tar, { maxBytes: 1e6, maxEntries: 2 }), { code: 'TAR_TOO_LARGE' });
  await t.rejects(read(tar, { maxBytes: 50, maxEntries: 10 }), { code: 'TAR_TOO_LARGE' });
});

t.test('nothing that lies behind a link is among the entries', async t => {
  const layer = await readEntries([
    entry('symlink', 'a', { target: 'b' }),
    file('a/x', '1'),
    entry('symlink', 'b/link', { target: '../a' }),
    file('b/link/y', '2'),
    file('a/.wh.z', ''),
  ]);
  const links = new Set(layer.entries.filter(e => e.kind === 'symlink').map(e => e.path));
  for (const { path } of layer.entries) {
    const parents = path.split('/').map((_, i, parts) => parts.slice(0, i).join('/'));
    t.notOk(
      parents.some(parent => links.has(parent)),
      path,
    );
  }
  t.ok(find(layer, 'b/z'));
});

t.test('a small layer does not become large in memory', async t => {
  const limits = { maxBytes: 1 << 20, maxEntries: 100, maxTextBytes: 10_000 };
  const deep = (name: string): string => `${'d'.repeat(200)}/${name}`;
  const cases: Record<string, readonly [Uint8Array, RegExp]> = {
    'folders that it does not name': [
      rawTar(
        paxHeader({ path: `${'a/'.repeat(90)}x` }),
        rawHeader({ name: 'x' }),
        ...Array.from({ length: 20 }, (_, i) => rawHeader({ name: `y${i}` })),
      ),
      /more than 100 files and folders/,
    ],
    'long names': [
      await tarOf(Array.from({ length: 90 }, (_, i) => file(deep(String(i)), ''))),
      /take more than 10000 bytes/,
    ],
    'names that are long behind a link': [
      await tarOf([
        entry('symlink', 'l', { target: deep('t') }),
        ...Array.from({ length: 60 }, (_, i) => file(`l/${i}`, '')),
      ]),
      /take more than 10000 bytes/,
    ],
    'large attributes': [
      await tarOf([file('x', '', { xattrs: new Map([['user.x', Buffer.alloc(10_000)]]) })]),
      /take more than 10000 bytes/,
    ],
    'many attributes, left out or not': [
      await tarOf([
        file('x', '', {
          xattrs: new Map(Array.from({ length: 60 }, (_, i) => [`other.${i}`, Buffer.alloc(0)])),
        }),
      ]),
      /take more than 10000 bytes/,
    ],
    'whiteouts with long names': [
      await tarOf(Array.from({ length: 60 }, (_, i) => file(`.wh.${'x'.repeat(200)}${i}`, ''))),
      /take more than 10000 bytes/,
    ],
    'one file again and again': [
      await tarOf(Array.from({ length: 60 }, () => file('x'.repeat(200), ''))),
      /take more than 10000 bytes/,
    ],
  };
  for (const [name, [tar, fault]] of Object.entries(cases)) {
    await t.rejects(read(tar, limits), { code: 'LAYER_TOO_LARGE', message: fault }, name);
    await t.resolves(read(tar), name);
  }
});

t.test('where a layer is only the root of containers, devices and climbing links are theirs', async t => {
  const tar = rawTar(
    link('a/b', '../../../etc'),
    link('up', '../..'),
    rawHeader({ name: 'up/file' }, 'x'),
    rawHeader({ name: 'dev/sda', type: '4', major: 8 }),
    rawHeader({ name: 'dev/fuse', type: '3', major: 10, minor: 229 }),
  );
  const layer = await read(tar, DEFAULT_LAYER_LIMITS, true);
  t.match(find(layer, 'a/b'), { kind: 'symlink', target: '../../../etc' });
  t.match(find(layer, 'dev/sda'), { kind: 'block-device', major: 8, minor: 0 });
  t.match(find(layer, 'dev/fuse'), { kind: 'char-device', major: 10, minor: 229 });
  t.equal(await textOf(layer, 'file'), 'x', 'behind a link that climbs there is the root');
  await t.rejects(read(rawTar(hard('a', '../x')), DEFAULT_LAYER_LIMITS, true), { code: 'TAR_PATH_UNSAFE' });
});
