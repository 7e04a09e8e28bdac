import t from 'tap';
import { compileGlob, compileGlobs } from '../../../../src/build/assemble/glob.ts';

const CASES: readonly [pattern: string, path: string, matches: boolean][] = [
  ['usr/share/doc', 'usr/share/doc', true],
  ['usr/share/doc', 'usr/share/doc/a/b', true],
  ['usr/share/doc', 'usr/share/doc-base', false],
  ['/usr/share/doc/', 'usr/share/doc/x', true],
  ['usr/lib/*/gconv', 'usr/lib/x86_64-linux-gnu/gconv/UTF-16.so', true],
  ['usr/lib/*/gconv', 'usr/lib/a/b/gconv', false],
  ['usr/lib/**/*.a', 'usr/lib/libx.a', true],
  ['usr/lib/**/*.a', 'usr/lib/a/b/libx.a', true],
  ['usr/lib/**/*.a', 'usr/lib/a/libx.so', false],
  ['drivers/net/**', 'drivers/net/ethernet/intel/e1000/e1000.ko', true],
  ['drivers/net/**', 'drivers/nettle', false],
  ['etc/rc?.d', 'etc/rc3.d/S01x', true],
  ['etc/rc?.d', 'etc/rc33.d', false],
  ['a.b(c)+', 'a.b(c)+', true],
  ['a.b', 'axb', false],
];

for (const [pattern, path, matches] of CASES) {
  t.equal(compileGlob(pattern).test(path), matches, `${pattern} and ${path}`);
}

t.equal(compileGlobs([])('anything'), false, 'no pattern matches nothing');
t.equal(compileGlobs(['a', 'b'])('b/c'), true);
