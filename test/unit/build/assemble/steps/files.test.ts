import { symlinkSync } from 'node:fs';
import t from 'tap';
import { assembleFiles } from '../../../../../src/build/assemble/steps/files.ts';
import type { FileSpec } from '../../../../../src/shared/manifest/index.ts';

const place = { file: 'x.yml', line: 1, column: 1, text: '' };
const from = (source: string, optional = false): FileSpec => ({
  kind: 'source',
  path: 'opt',
  source,
  optional,
  mode: 0o640,
  uid: 33,
  gid: 44,
  place,
  sourcePlace: place,
});
const read = (folder: string, spec: FileSpec, allowOutside = false) =>
  assembleFiles({ files: [spec], folder, allowOutside, epoch: 9 });

t.test('a folder as source: what is below it, in order, links as they are', async t => {
  const folder = t.testdir({ etc: { b: 'B', a: { c: 'C' }, link: t.fixture('symlink', '/etc/passwd') } });
  const entries = await read(folder, from('etc'));
  t.match(entries, [
    { path: 'opt', kind: 'directory', mode: 0o750 },
    { path: 'opt/a', kind: 'directory', mode: 0o750 },
    { path: 'opt/a/c', kind: 'file', mode: 0o640, mtime: 9 },
    { path: 'opt/b', kind: 'file' },
    { path: 'opt/link', kind: 'symlink', target: '/etc/passwd' },
  ]);
  t.equal(entries.length, 5);
});

t.test('a source outside of the folder is refused, also through a link; unless it is allowed', async t => {
  const root = t.testdir({ secret: 'key', inside: { ok: 'x' } });
  const folder = `${root}/inside`;
  symlinkSync('../secret', `${folder}/link`);
  for (const source of ['../secret', `${root}/secret`, 'link', '..']) {
    await t.rejects(read(folder, from(source)), { code: 'FILE_OUTSIDE_FOLDER' }, source);
  }
  t.equal((await read(folder, from('../secret'), true)).length, 1);
});

t.test('a missing source is an error, or nothing where it is optional', async t => {
  const folder = t.testdir({});
  await t.rejects(read(folder, from('none')), { code: 'FILE_MISSING' });
  t.same(await read(folder, from('none', true)), []);
});

t.test('text, folders and links with their owners', async t => {
  const base = { path: 'x', mode: 0o600, uid: 1, gid: 2, place };
  const files: FileSpec[] = [
    { ...base, kind: 'contents', contents: 'text' },
    { ...base, kind: 'directory' },
    { ...base, kind: 'symlink', target: '/y' },
  ];
  t.match(await assembleFiles({ files, folder: '/', epoch: 9 }), [
    { kind: 'file', uid: 1, gid: 2, mtime: 9 },
    { kind: 'directory', mode: 0o600 },
    { kind: 'symlink', target: '/y' },
  ]);
});
