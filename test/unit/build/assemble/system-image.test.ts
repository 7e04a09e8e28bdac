import { chmodSync } from 'node:fs';
import t from 'tap';
import { imageFromTree } from '../../../../src/build/assemble/image-store.ts';
import { assembleSystemImage } from '../../../../src/build/assemble/system-image.ts';
import type { PackageInput } from '../../../../src/build/assemble/inputs.ts';
import type { Entry } from '../../../../src/shared/archive/entry.ts';
import { parseRecipe } from '../../../../src/shared/manifest/index.ts';
import { digestTree, makePackage, textOf } from './fixtures.ts';

const assemble = (folder: string, packages: readonly PackageInput[], recipe = '') =>
  assembleSystemImage({
    recipe: parseRecipe('test', `description: test\n${recipe}`),
    recipeFolder: folder,
    packages,
    arch: 'amd64',
    epoch: 1_700_000_000,
  });

t.test('files of packages land below /usr, whichever way they are spelled', async t => {
  const { tree } = await assemble(t.testdir({}), [
    makePackage('old', { 'bin/tool': 'a', 'lib/x.so': 'b' }),
    makePackage('new', { 'usr/bin/other': 'c' }),
  ]);
  t.equal(textOf(tree, 'usr/bin/tool'), 'a');
  t.equal(tree.get('bin')?.kind, 'symlink');
  t.equal(textOf(tree, 'lib/x.so'), 'b');
  t.match(tree.get('tmp'), { kind: 'directory', mode: 0o1777 });
});

t.test('documentation, translations and the like stay out; recipes remove more', async t => {
  const { tree, packages } = await assemble(
    t.testdir({}),
    [
      makePackage('a', {
        'usr/share/doc/a/copyright': '12345',
        'usr/share/locale/de/x.mo': 'x',
        'usr/lib/x86_64-linux-gnu/gconv/X.so': 'x',
        'etc/init.d/a': 'x',
        'usr/lib/udev/hwdb.d/20-usb.hwdb': 'x',
        'usr/bin/a': 'abc',
      }),
    ],
    'remove: [/usr/lib/udev/hwdb.d]',
  );
  for (const path of [
    'usr/share/doc',
    'usr/share/locale',
    'usr/lib/x86_64-linux-gnu',
    'etc/init.d',
    'usr/lib/udev',
  ]) {
    t.notOk(tree.has(path), path);
  }
  t.same(packages, [{ name: 'a', version: '1.0-1', sizeBytes: 3, skippedScripts: [] }]);
});

t.test('two packages with one path: the same file passes, another is refused by name', async t => {
  const a = makePackage('a', { 'etc/x': 'same' });
  await t.resolves(assemble(t.testdir({}), [a, makePackage('b', { 'etc/x': 'same' })]));
  await t.rejects(assemble(t.testdir({}), [a, makePackage('b', { 'etc/x': 'other' })]), {
    code: 'PACKAGE_FILE_CONFLICT',
    message: 'assembling packages: /etc/x is in both a 1.0-1 and b 1.0-1',
  });
});

t.test('a path spelled through /bin conflicts with the one through /usr/bin', async t => {
  await t.rejects(
    assemble(t.testdir({}), [makePackage('a', { 'bin/x': '1' }), makePackage('b', { 'usr/bin/x': '2' })]),
    { code: 'PACKAGE_FILE_CONFLICT' },
  );
});

t.test('Replaces lets a package take a file over, in whichever order they come', async t => {
  const a = makePackage('a', { 'etc/x': 'new' }, { replaces: 'other (<< 3), b (<< 2)' });
  const b = makePackage('b', { 'etc/x': 'old' });
  for (const packages of [
    [a, b],
    [b, a],
  ]) {
    const { tree } = await assemble(t.testdir({}), packages);
    t.equal(textOf(tree, 'etc/x'), 'new');
  }
});

t.test('scripts that no step stands for are reported', async t => {
  const { packages } = await assemble(t.testdir({}), [
    makePackage('libc6', {}, { scripts: ['postinst', 'postrm', 'preinst'] }),
    makePackage('zeta', {}, { scripts: ['prerm', 'postinst'] }),
  ]);
  t.same(
    packages.map(item => [item.name, item.skippedScripts]),
    [
      ['libc6', ['postrm']],
      ['zeta', ['postinst', 'prerm']],
    ],
  );
});

t.test('rootfs/ lies over packages, with modes that no umask changes', async t => {
  const folder = t.testdir({
    rootfs: { etc: { x: 'mine', link: t.fixture('symlink', 'x') }, usr: { bin: { run: '#!' } } },
  });
  chmodSync(`${folder}/rootfs/etc/x`, 0o600);
  chmodSync(`${folder}/rootfs/usr/bin/run`, 0o700);
  chmodSync(`${folder}/rootfs/etc`, 0o700);
  const { tree } = await assemble(folder, [makePackage('a', { 'etc/x': 'theirs' })]);
  t.equal(textOf(tree, 'etc/x'), 'mine');
  t.match(tree.get('etc/x'), { mode: 0o644, uid: 0, gid: 0, mtime: 1_700_000_000 });
  t.match(tree.get('usr/bin/run'), { mode: 0o755 });
  t.match(tree.get('etc'), { mode: 0o755 });
  t.match(tree.get('etc/link'), { kind: 'symlink', target: 'x' });
});

t.test('files, links and mount points of the recipe', async t => {
  const folder = t.testdir({ 'a.txt': 'from the folder' });
  const { tree } = await assemble(
    folder,
    [],
    `
files:
  - { path: /etc/a, source: a.txt, mode: '0440' }
  - { path: /etc/b, contents: b }
  - { path: /var/c, directory: true, mode: '0711' }
links: { /usr/bin/sh: busybox }
config:
  binds: ['/run/log:/run/log', '/run/slipway/cloud-config.json:/run/config.json:ro', '/dev:/dev']
  tmpfs: ['/var/lib/x:size=1M']
`,
  );
  t.equal(textOf(tree, 'etc/a'), 'from the folder');
  t.match(tree.get('etc/a'), { mode: 0o440 });
  t.match(tree.get('etc/b'), { mode: 0o600 });
  t.match(tree.get('var/c'), { kind: 'directory', mode: 0o711 });
  t.match(tree.get('usr/bin/sh'), { kind: 'symlink', target: 'busybox' });
  t.equal(tree.get('run/log')?.kind, 'directory');
  t.equal(tree.get('run/config.json')?.kind, 'file');
  t.equal(tree.get('var/lib/x')?.kind, 'directory');
});

t.test('a recipe for other architectures is refused', async t => {
  await t.rejects(assemble(t.testdir({}), [], 'architectures: [arm64]'), { code: 'RECIPE_ARCH_UNSUPPORTED' });
});

t.test('the order of packages does not show in the result', async t => {
  const folder = t.testdir({ rootfs: { etc: { z: '1', a: '2' } } });
  const packages = ['d', 'a', 'c', 'b'].map(name =>
    makePackage(name, { [`usr/bin/${name}`]: name, 'etc/shared': 'same', [`etc/${name}/x`]: name }),
  );
  const one = await digestTree((await assemble(folder, packages)).tree);
  t.equal(await digestTree((await assemble(folder, packages.toReversed())).tree), one);
});

t.test('certificates are joined where there are any', async t => {
  const { tree } = await assemble(t.testdir({}), [
    makePackage('ca-certificates', {
      'usr/share/ca-certificates/mozilla/B.crt': 'bbb',
      'usr/share/ca-certificates/mozilla/A.crt': 'aaa',
    }),
  ]);
  t.equal(textOf(tree, 'etc/ssl/certs/ca-certificates.crt'), 'aaa\nbbb\n');
  t.notOk((await assemble(t.testdir({}), [])).tree.has('etc/ssl'));
});

t.test('PAM gets its profile where its modules are, and refuses what has no profile', async t => {
  const pam = makePackage('libpam-modules', { 'usr/lib/x86_64-linux-gnu/security/pam_unix.so': '' });
  const { tree } = await assemble(t.testdir({}), [pam]);
  t.match(textOf(tree, 'etc/pam.d/common-auth'), 'auth required pam_unix.so');
  t.match(textOf(tree, 'etc/pam.d/other'), 'pam_deny.so');
});

t.test('alternatives: the best program that is there', async t => {
  const { tree } = await assemble(t.testdir({}), [makePackage('mawk', { 'usr/bin/mawk': '' })]);
  t.match(tree.get('usr/bin/awk'), { kind: 'symlink', target: '/usr/bin/mawk' });
  t.notOk(tree.has('usr/bin/editor'));
});

t.test('a name that is left out leaves the file to its other names', async t => {
  const gzip = makePackage('gzip', { 'usr/bin/gunzip': { mode: 0o755, text: '#!/bin/sh' } });
  const names = ['usr/bin/uncompress', 'usr/share/doc/gzip/x', 'usr/bin/zcat'];
  const links = names.map((path): Entry => {
    return { kind: 'hardlink', path, target: 'usr/bin/gunzip', mode: 0o755, uid: 0, gid: 0, mtime: 5 };
  });
  const linked = { ...gzip, entries: [...gzip.entries, ...links] };
  const { tree } = await assemble(t.testdir({}), [linked], 'remove: [usr/bin/gunzip]');
  t.notOk(tree.has('usr/bin/gunzip'));
  t.match(tree.get('usr/bin/uncompress'), { kind: 'file', mode: 0o755 });
  t.match(tree.get('usr/bin/zcat'), { kind: 'hardlink', target: 'usr/bin/uncompress' });
  t.equal(textOf(tree, 'usr/bin/uncompress'), '#!/bin/sh');
  const rest = await assemble(t.testdir({}), [linked], 'remove: [usr/bin/gunzip, usr/bin/uncompress]');
  t.equal(textOf(rest.tree, 'usr/bin/zcat'), '#!/bin/sh');
  await t.resolves(imageFromTree(tree, { names: ['x'], arch: 'amd64', run: {}, epoch: 1 }));
});
