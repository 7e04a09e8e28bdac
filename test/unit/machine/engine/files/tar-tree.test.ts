import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Entry } from '../../../../../src/shared/archive/entry.ts';
import { readTar } from '../../../../../src/shared/archive/tar.ts';
import { FileView } from '../../../../../src/machine/engine/files/file-view.ts';
import { tarTree } from '../../../../../src/machine/engine/files/tar-tree.ts';
import { Place } from '../../../../../src/machine/host/place.ts';

async function archive(folder: string, tarName: string): Promise<Buffer> {
  await using view = await FileView.open(folder, []);
  await using place = await Place.open(folder);
  const pieces: Buffer[] = [];
  for await (const piece of tarTree(view, { place, names: [], tarName: Buffer.from(tarName) }))
    pieces.push(piece);
  return Buffer.concat(pieces);
}

async function entriesOf(tar: Buffer): Promise<Entry[]> {
  const entries: Entry[] = [];
  async function* source(): AsyncGenerator<Uint8Array> {
    yield tar;
  }
  for await (const entry of readTar(source(), { name: 'test' })) entries.push(entry);
  return entries;
}

t.test('files of every kind, sorted, with links to one file', async t => {
  const long = 'long'.repeat(40);
  const folder = t.testdir({ b: { file: 'text' }, a: '', [long]: 'x', ümlaut: '' });
  linkSync(join(folder, 'b/file'), join(folder, 'c'));
  symlinkSync('/etc/passwd', join(folder, 'link'));
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  const entries = await entriesOf(await archive(folder, 'top'));
  t.same(
    entries.map(({ kind, path }) => `${kind} ${path}`),
    [
      'directory top',
      'file top/a',
      'directory top/b',
      'file top/b/file',
      'hardlink top/c',
      'fifo top/fifo',
      'symlink top/link',
      `file top/${long}`,
      'file top/ümlaut',
    ],
  );
  t.match(entries[4], { target: 'top/b/file' });
  t.match(entries[6], { target: '/etc/passwd' });
  t.match(entries[3], { content: { bytes: Buffer.from('text') } });
  t.match(await entriesOf(await archive(folder, './')), [{ path: '' }, { path: 'a' }]);
  t.match(await entriesOf(await archive(folder, '')), [{ path: 'a' }, { path: 'b' }]);
});

t.test('names that are no text, and numbers that do not fit', async t => {
  const folder = t.testdir({});
  const odd = Buffer.from([0xff, 0xfe, 0x78]);
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), odd]), 'x');
  truncateSync(Buffer.concat([Buffer.from(`${folder}/`), odd]), 9 * 1024 ** 3);
  utimesSync(folder, 10_000_000_000, 10_000_000_000);
  await using view = await FileView.open(folder, []);
  await using place = await Place.open(folder);
  const tar = tarTree(view, { place, names: [], tarName: Buffer.from('d') });
  const first = await tar.next();
  await tar.return(undefined);
  const head = first.value as Buffer;
  t.ok(head.includes(odd), 'as the bytes that they are');
  t.ok(head.includes(`size=${9 * 1024 ** 3}\n`));
  t.ok(head.includes('mtime=10000000000\n'));
});

t.test('folders nested too deep are refused', async t => {
  const folder = t.testdir({});
  let path = folder;
  for (let depth = 0; depth < 520; depth += 1) path = join(path, 'd');
  mkdirSync(path, { recursive: true });
  await t.rejects(archive(folder, 'x'), { code: 'TREE_TOO_DEEP' });
});
