import { chmodSync, lstatSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { absolutePath, followsLast, goMode } from '../../../../../src/machine/engine/files/path-stat.ts';

t.test('paths keep what says that a folder is meant', t => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['a', '/a', false],
    ['/a/', '/a/', true],
    ['/a/.', '/a/.', true],
    ['/a//b/../c', '/a/c', false],
    ['/', '/', true],
    ['.', '/.', true],
    ['', '/', true],
    ['/..', '/', true],
    ['/../a/./', '/a/', true],
  ];
  for (const [path, absolute, follows] of cases) {
    t.equal(absolutePath(path), absolute, path);
    t.equal(followsLast(path), follows, path);
  }
  t.end();
});

t.test("modes in Go's bits", t => {
  const folder = t.testdir({ file: '', sub: {} });
  symlinkSync('file', join(folder, 'link'));
  chmodSync(join(folder, 'file'), 0o4755);
  chmodSync(join(folder, 'sub'), 0o3750);
  t.equal(goMode(lstatSync(join(folder, 'file'))), 2 ** 23 + 0o755);
  t.equal(goMode(lstatSync(join(folder, 'sub'))), 2 ** 31 + 2 ** 22 + 2 ** 20 + 0o750);
  t.equal(goMode(lstatSync(join(folder, 'link'))), 2 ** 27 + 0o777);
  t.equal(goMode(lstatSync('/dev/null')), 2 ** 26 + 2 ** 21 + (lstatSync('/dev/null').mode & 0o777));
  t.end();
});
