import t from 'tap';
import { compactIndex } from '../../../../../src/build/resolve/debian/compact-index.ts';

const INDEX = `Package: a
Source: src
Version: 1
Installed-Size: 5
Maintainer: Ünï <x@y>
Architecture: amd64
Depends: b,
 c
Description: long
 more text
Homepage: http://x
SHA256: 00

Package: b
Tag: x,
 y
Version: 2
`;

async function compact(text: string, piece: number): Promise<string> {
  const bytes = Buffer.from(text);
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
  };
  return Buffer.concat(await Array.fromAsync(compactIndex(pieces()))).toString('latin1');
}

t.test('only what resolving needs is kept, by pieces of any size', async t => {
  const expected =
    'Package: a\nVersion: 1\nArchitecture: amd64\nDepends: b, c\nSHA256: 00\n\nPackage: b\nVersion: 2\n';
  for (const piece of [1, 7, 64, 10_000]) t.equal(await compact(INDEX, piece), expected, `by ${piece}`);
});

t.test('several empty lines are one, and a last line needs no end', async t => {
  t.equal(await compact('\n\nPackage: a\n\n\n\nPackage: b', 5), 'Package: a\n\nPackage: b\n');
});
