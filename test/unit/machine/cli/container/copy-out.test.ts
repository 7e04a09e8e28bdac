import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Entry, bytesContent } from '../../../../../src/shared/archive/entry.ts';
import { writeTar } from '../../../../../src/shared/archive/tar.ts';
import { extractArchive } from '../../../../../src/machine/cli/container/copy-out.ts';
import { entriesOf } from '../../../../../src/machine/cli/container/copy-in.ts';

const common = { mode: 0o644, uid: 0, gid: 0, mtime: 1000 };
const file = (path: string, text = 'x'): Entry => ({
  ...common,
  kind: 'file',
  path,
  content: bytesContent(text),
});
const folder = (path: string): Entry => ({ ...common, kind: 'directory', mode: 0o755, path });
const link = (path: string, target: string): Entry => ({ ...common, kind: 'symlink', path, target });

const extract = (entries: readonly Entry[], into: string, to: string): Promise<void> =>
  extractArchive(writeTar(entries), { folder: into, to, keepsOwners: false });

t.test('a file and a folder, under other names', async t => {
  const place = t.testdir();
  await extract([file('foo', 'hello')], place, 'bar');
  t.equal(readFileSync(join(place, 'bar'), 'utf8'), 'hello');
  t.equal(lstatSync(join(place, 'bar')).mtimeMs, 1_000_000);
  await extract([folder('d'), file('d/a', '1'), link('d/l', '/etc/passwd')], place, 'e');
  t.equal(readFileSync(join(place, 'e/a'), 'utf8'), '1');
  t.equal(readlinkSync(join(place, 'e/l')), '/etc/passwd');
  await extract([folder('d'), file('d/a', '2')], place, '');
  t.equal(readFileSync(join(place, 'a'), 'utf8'), '2', 'the content alone');
  await extract([file('foo', 'again')], place, 'bar');
  t.equal(readFileSync(join(place, 'bar'), 'utf8'), 'again', 'a file is replaced');
});

t.test('an archive that would write through its own link', async t => {
  const place = t.testdir({ outside: {}, inside: {} });
  await t.rejects(
    extract(
      [folder('d'), link('d/out', join(place, 'outside')), file('d/out/evil')],
      join(place, 'inside'),
      'd',
    ),
    { message: /it is not a folder/ },
  );
  t.notOk(existsSync(join(place, 'outside/evil')));
});

t.test('an archive that would write through a link that was there', async t => {
  const place = t.testdir({ outside: { target: 'mine' }, inside: { d: {} } });
  symlinkSync(join(place, 'outside/target'), join(place, 'inside/d/f'));
  await extract([folder('d'), file('d/f', 'theirs')], join(place, 'inside'), 'd');
  t.equal(readFileSync(join(place, 'outside/target'), 'utf8'), 'mine');
  t.equal(readFileSync(join(place, 'inside/d/f'), 'utf8'), 'theirs', 'the link was replaced');
});

t.test('an archive that leaves its folder', async t => {
  const place = t.testdir({ inside: {} });
  await t.rejects(extract([folder('d'), { ...file('x'), path: '../evil' }], join(place, 'inside'), 'd'));
  await extract([folder('d'), file('other/evil'), file('d2')], join(place, 'inside'), 'd');
  t.notOk(existsSync(join(place, 'inside/other')), 'a second root is not unpacked');
  t.notOk(existsSync(join(place, 'inside/d2')));
});

t.test('devices are left out, kinds do not change', async t => {
  const place = t.testdir({ have: {}, text: 'x' });
  await extract(
    [folder('d'), { ...common, kind: 'char-device', path: 'd/null', major: 1, minor: 3 }],
    place,
    'd',
  );
  t.notOk(existsSync(join(place, 'd/null')));
  await t.rejects(extract([file('f')], place, 'have'), { message: /cannot overwrite directory/ });
  await t.rejects(extract([folder('f')], place, 'text'), { message: /cannot overwrite non-directory/ });
});

t.test('second names of a file, and what a mode may not bring', async t => {
  const place = t.testdir({ outside: { secret: 'mine' } });
  const hard = (path: string, target: string): Entry => ({ ...common, kind: 'hardlink', path, target });
  await extract([folder('d'), { ...file('d/a', 'one'), mode: 0o4755 }, hard('d/b', 'd/a')], place, 'e');
  t.equal(readFileSync(join(place, 'e/b'), 'utf8'), 'one');
  t.equal(lstatSync(join(place, 'e/a')).ino, lstatSync(join(place, 'e/b')).ino);
  t.equal(lstatSync(join(place, 'e/a')).mode & 0o7777, 0o755, 'not as whoever copies');
  const theirs = [folder('d'), link('d/l', join(place, 'outside')), hard('d/s', 'd/l/secret')];
  await t.rejects(extract(theirs, place, 'f'), { message: /it is not a folder/ });
  await t.rejects(extract([folder('d'), hard('d/s', 'other')], place, 'g'), { message: /not copied/ });
});

t.test('files of this machine as entries', async t => {
  const place = t.testdir({ d: { a: '1', sub: { b: '2' } } });
  mkdirSync(join(place, 'd/empty'));
  symlinkSync('a', join(place, 'd/l'));
  const found: [string, string][] = [];
  for await (const entry of entriesOf(join(place, 'd'), 'new', false)) found.push([entry.path, entry.kind]);
  t.strictSame(found, [
    ['new', 'directory'],
    ['new/a', 'file'],
    ['new/empty', 'directory'],
    ['new/l', 'symlink'],
    ['new/sub', 'directory'],
    ['new/sub/b', 'file'],
  ]);
  await t.rejects(entriesOf(join(place, 'nope'), '', false).next(), { message: /no such file or directory/ });
});
