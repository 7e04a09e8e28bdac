import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Place, existsBelow } from '../../../../src/machine/host/place.ts';
import { removeBelow } from '../../../../src/machine/host/remove-tree.ts';

const name = (text: string): Buffer => Buffer.from(text);

t.test('files are reached by name and never through links', async t => {
  const folder = t.testdir({ root: { sub: { file: 'inside' } }, outside: { secret: 'x' } });
  symlinkSync('../outside', join(folder, 'root/out'));
  await using root = await Place.open(join(folder, 'root'));
  await using sub = await root.child(name('sub'));
  t.equal(sub?.stat.isDirectory(), true);
  await using file = await sub?.child(name('file'));
  await using handle = await file?.openFile();
  t.equal((await handle?.readFile())?.toString(), 'inside');
  await using link = await root.child(name('out'));
  t.equal(link?.stat.isSymbolicLink(), true);
  t.equal((await root.readLink(name('out')))?.toString(), '../outside');
  t.equal(await root.readLink(name('sub')), undefined);
  t.equal(await link?.child(name('secret')), undefined);
  t.equal(await root.child(name('missing')), undefined);
  t.equal(await root.statChild(name('missing')), undefined);
  for (const bad of ['', '.', '..', 'a/b', 'a\0b'])
    t.throws(() => root.pathOf(name(bad)), /not the name/, bad);
});

t.test('links below a root lead to what they name inside of it', async t => {
  const folder = t.testdir({
    root: { run: { ready: '' }, var: {}, lib: { deep: { up: '' } } },
    'only-outside': '',
  });
  const root = join(folder, 'root');
  symlinkSync('/run', join(root, 'var/run'));
  symlinkSync('../../run/./ready', join(root, 'lib/deep/relative'));
  symlinkSync('/var/run/ready', join(root, 'chain'));
  symlinkSync('../../../../../../lib', join(root, 'above'));
  symlinkSync(join(folder, 'only-outside'), join(root, 'escape'));
  symlinkSync('../only-outside', join(root, 'climb'));
  symlinkSync('loop', join(root, 'loop'));
  symlinkSync('/nothing', join(root, 'dangling'));
  for (const path of [
    '/var/run/ready',
    '/lib/deep/relative',
    '/chain',
    '/above/deep/up',
    '/lib/../chain',
    '/',
  ]) {
    t.equal(await existsBelow(root, path), true, path);
  }
  for (const path of ['/escape', '/climb', '/loop', '/dangling', '/run/ready/x', '/../only-outside']) {
    t.equal(await existsBelow(root, path), false, path);
  }
});

t.test('a folder that is exchanged while it is open stays the same', async t => {
  const folder = t.testdir({ root: { sub: { file: 'inside' } }, outside: { file: 'outside' } });
  await using root = await Place.open(join(folder, 'root'));
  await using sub = await root.child(name('sub'));
  renameSync(join(folder, 'root/sub'), join(folder, 'root/moved'));
  symlinkSync('../outside', join(folder, 'root/sub'));
  await using file = await sub?.child(name('file'));
  await using handle = await file?.openFile();
  t.equal((await handle?.readFile())?.toString(), 'inside');
});

t.test('names are bytes', async t => {
  const folder = t.testdir({});
  const odd = Buffer.from([0x66, 0xff, 0x0a, 0x20]);
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), odd]), 'x');
  await using root = await Place.open(folder);
  const names: Buffer[] = [];
  for await (const each of root.names()) names.push(each);
  t.same(names, [odd]);
  await using file = await root.child(odd);
  t.equal(file?.stat.isFile(), true);
});

t.test('a tree is removed however deep it is, and nothing behind a link', async t => {
  const folder = t.testdir({ root: { tree: { a: { b: { c: 'x' } } } }, outside: { kept: 'x' } });
  symlinkSync('../../outside', join(folder, 'root/tree/out'));
  // Deeper than a path can be written down.
  let top = join(folder, 'root/tree/deep');
  mkdirSync(top);
  const long = 'd'.repeat(200);
  for (let round = 0; round < 8; round += 1) {
    const inner = join(folder, `inner${round}`);
    mkdirSync(join(inner, ...Array.from({ length: 12 }, () => long)), { recursive: true });
    writeFileSync(join(inner, long, 'file'), 'x');
    // What was made so far goes to the new one's end.
    renameSync(top, join(inner, ...Array.from({ length: 12 }, () => long), 'below'));
    top = inner;
  }
  renameSync(top, join(folder, 'root/tree/deep'));
  await using root = await Place.open(join(folder, 'root'));
  await removeBelow(root, name('tree'));
  t.same(readdirSync(join(folder, 'root')), []);
  t.equal(readFileSync(join(folder, 'outside/kept'), 'utf8'), 'x');
  await removeBelow(root, name('tree'));
  t.notOk(existsSync(join(folder, 'root/tree')));
  t.ok(lstatSync(folder).isDirectory());
});
