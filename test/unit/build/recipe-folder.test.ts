import { chmodSync, renameSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { digestFolder, loadRecipe } from '../../../src/build/recipe-folder.ts';

const TREE = { 'image.yml': 'packages: [busybox]\n', files: { 'a.sh': '#!/bin/sh\n', b: 'b' } };

t.test('the digest is of names, kinds, contents and executable bits', async t => {
  const one = t.testdir({
    x: TREE,
    y: { files: { b: 'b', 'a.sh': '#!/bin/sh\n' }, 'image.yml': TREE['image.yml'] },
  });
  const [x, y] = [join(one, 'x'), join(one, 'y')];
  const digest = await digestFolder(x);
  t.match(digest, /^sha256:[0-9a-f]{64}$/);
  t.equal(await digestFolder(y), digest, 'whatever order they were made in');

  utimesSync(join(y, 'image.yml'), 1, 1);
  chmodSync(join(y, 'image.yml'), 0o600);
  chmodSync(join(y, 'files'), 0o700);
  t.equal(await digestFolder(y), digest, 'times and the umask are no part of it');

  const changes: [string, () => void, () => void][] = [
    [
      'an executable bit',
      () => chmodSync(join(y, 'files/a.sh'), 0o755),
      () => chmodSync(join(y, 'files/a.sh'), 0o644),
    ],
    ['content', () => writeFileSync(join(y, 'files/b'), 'c'), () => writeFileSync(join(y, 'files/b'), 'b')],
    [
      'a name',
      () => renameSync(join(y, 'files/b'), join(y, 'files/c')),
      () => renameSync(join(y, 'files/c'), join(y, 'files/b')),
    ],
    [
      'a place',
      () => renameSync(join(y, 'files/b'), join(y, 'b')),
      () => renameSync(join(y, 'b'), join(y, 'files/b')),
    ],
    ['a file more', () => writeFileSync(join(y, 'new'), ''), () => unlinkSync(join(y, 'new'))],
    ['a link', () => symlinkSync('b', join(y, 'new')), () => unlinkSync(join(y, 'new'))],
  ];
  const seen = new Set<string>([digest]);
  for (const [what, change, undo] of changes) {
    change();
    seen.add(await digestFolder(y));
    undo();
    t.equal(await digestFolder(y), digest, `${what} and back`);
  }
  t.equal(seen.size, changes.length + 1, 'each change gives another digest');
});

t.test('a link is what it says, not where it leads', async t => {
  const folder = t.testdir({ secret: 'x', site: {} });
  symlinkSync('../secret', join(folder, 'site', 'link'));
  symlinkSync('.', join(folder, 'site', 'loop'));
  const digest = await digestFolder(join(folder, 'site'));
  writeFileSync(join(folder, 'secret'), 'y');
  t.equal(await digestFolder(join(folder, 'site')), digest);
});

t.test('a recipe that is not there', async t => {
  const folder = t.testdir({ empty: {}, file: '', odd: { 'image.yml': {} } });
  for (const name of ['none', 'empty', 'file', 'odd'])
    await t.rejects(loadRecipe(name, join(folder, name), `./${name}`), {
      code: 'RECIPE_NOT_FOUND',
      message: new RegExp(`^reading the recipe \\./${name}: .*image\\.yml can't be read$`),
    });
});

t.test('a recipe with faults names its file', async t => {
  const folder = t.testdir({ 'image.yml': 'packages: busybox\n' });
  await t.rejects(loadRecipe('x', folder, './x'), { code: 'RECIPE_INVALID', message: /image\.yml:1:/ });
});

t.test("a recipe's digest is of what an image gets of the folder", async t => {
  const folder = t.testdir({
    'image.yml':
      'description: d\npackages: [busybox]\nfiles:\n  - {path: srv, source: current}\n  - {path: one, source: v1/f}\n',
    v1: { f: '1' },
    v2: { f: '1' },
    rootfs: { etc: { motd: 'hello' } },
    'README.md': 'x',
  });
  symlinkSync('v2', join(folder, 'current'));
  const digestNow = async (): Promise<string> => (await loadRecipe('x', folder, './x')).digest;
  const seen = [await digestNow()];
  writeFileSync(join(folder, 'README.md'), 'y');
  t.equal(await digestNow(), seen[0], 'other files do not count');
  for (const [path, text] of [
    ['v2/f', 'behind the link'],
    ['v1/f', 'x'],
    ['rootfs/etc/motd', 'x'],
    ['image.yml', 'description: d\npackages: [busybox]\nfiles: [{path: all, source: .}]\n'],
    ['README.md', 'z'],
  ] as const) {
    writeFileSync(join(folder, path), text);
    seen.push(await digestNow());
  }
  t.equal(new Set(seen).size, seen.length, 'each change gives another digest');
});
