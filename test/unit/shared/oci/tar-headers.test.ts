import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import t from 'tap';
import type { Entry } from '../../../../src/shared/archive/entry.ts';
import { readContent } from '../../../../src/shared/fs/content-reader.ts';
import { openFileAccess } from '../../../../src/shared/fs/file-access.ts';
import { readLayer } from '../../../../src/shared/oci/layer.ts';
import {
  formatTarHeaders,
  parseTarHeaders,
  readTarParts,
  restoreTar,
} from '../../../../src/shared/oci/tar-headers.ts';
import { collect, entry, file, paxHeader, rawHeader, rawTar, tarOf } from '../../../support/oci-image.ts';

const folder = t.testdir();
let count = 0;

/** Unpacks a tar as the build does, keeps the record, and makes the tar again from both. */
async function roundTrip(tar: Uint8Array): Promise<{ record: Uint8Array; again: Buffer }> {
  const path = join(folder, `${++count}.tar`);
  await writeFile(path, tar);
  const layer = await readLayer(await openFileAccess(path), { name: 'X', file: path });
  const parts = readTarParts(await openFileAccess(path), { name: 'X', file: path, kept: layer.kept });
  const record = await collect(formatTarHeaders(parts));
  const contents = new Map<string, Entry>(layer.entries.map(e => [e.path, e]));
  const readFile = (name: string): AsyncIterable<Uint8Array> => {
    const found = contents.get(name);
    if (found?.kind !== 'file') throw new Error(`${name} is no file`);
    return readContent(found.content);
  };
  return { record, again: await collect(restoreTar(once(record), readFile, 'X')) };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield bytes;
}

const tars: Record<string, () => Uint8Array | Promise<Uint8Array>> = {
  'an ordinary layer': () =>
    tarOf([
      entry('directory', 'a'),
      file('a/x', 'x'.repeat(513)),
      file('a/y', 'y'.repeat(512)),
      file('a/z', ''),
      file('ü/€', 'e'),
    ]),
  'an empty layer': () => tarOf([]),
  'contents that are replaced later': () =>
    tarOf([file('a', 'first'), file('a', 'second'), file('b', 'b'), file('b/c', 'c')]),
  'whiteouts with content': () => tarOf([file('.wh.a', 'odd'), file('d/.wh..wh..opq', 'odder')]),
  'hard links whose file is replaced': () =>
    tarOf([file('z', 'one'), entry('hardlink', 'a', { target: 'z' }), file('z', 'two')]),
  'files behind links': () => tarOf([entry('symlink', 'l', { target: 'real' }), file('l/x', 'content')]),
  'odd padding and a long trailer': () =>
    Buffer.concat([
      Buffer.from(rawHeader({ name: './a' }, 'abc')).fill('P', 515, 1024),
      rawTar(rawHeader({ name: 'b' }, 'b')),
      Buffer.alloc(10240),
    ]),
  'no end marker': () => rawHeader({ name: 'a' }, 'abc'),
  'PAX records in their own order': () =>
    rawTar(
      paxHeader({ mtime: '1.5', path: 'pax-name' }),
      rawHeader({ name: 'x' }, 'content'),
      rawHeader({ name: 'y', mtime: 7 }, 'y'),
    ),
  megabytes: () => tarOf(Array.from({ length: 300 }, (_, i) => file(`f${i}`, String(i).repeat(2000)))),
};

for (const [name, make] of Object.entries(tars)) {
  t.test(`gives the same bytes again: ${name}`, async t => {
    const tar = await make();
    const { record, again } = await roundTrip(tar);
    t.ok(again.equals(Buffer.from(tar)));
    t.same((await roundTrip(tar)).record, record, 'the same record twice');
  });
}

t.test('the record is small and holds no contents', async t => {
  const secret = 'content-of-a-file-'.repeat(50_000);
  const { record } = await roundTrip(await tarOf([file('a', secret)]));
  t.ok(record.length < 500, `${record.length} bytes`);
  t.notMatch(zstdDecompressSync(record).toString('latin1'), /content-of-a-file/);
});

t.test('headers and zeros without end are never held as a whole', async t => {
  const folders = Array.from({ length: 4000 }, (_, i) => entry('directory', `folder-${i}`));
  const attributes = rawTar(
    ...Array.from({ length: 40 }, (_, i) => [
      paxHeader({ 'SCHILY.xattr.user.x': 'x'.repeat(50_000) }),
      rawHeader({ name: `attributes-${i}` }),
    ]).flat(),
  );
  for (const tar of [
    Buffer.concat([await tarOf(folders), Buffer.alloc(3 * 1024 * 1024 + 512)]),
    attributes,
  ]) {
    const path = join(folder, `${++count}.tar`);
    await writeFile(path, tar);
    const sizes: number[] = [];
    const options = { name: 'X', file: path, kept: new Map<number, string>() };
    for await (const part of readTarParts(await openFileAccess(path), options)) {
      sizes.push(part.kind === 'bytes' ? part.bytes.length : part.sizeBytes);
    }
    t.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      tar.length,
    );
    t.ok(Math.max(...sizes) <= 128 * 1024, `the largest part has ${Math.max(...sizes)} bytes`);
    t.ok((await roundTrip(tar)).again.equals(tar));
  }
});

t.test('the record comes in pieces', async t => {
  const bytes = randomBytes(4 * 1024 * 1024);
  const parts = Array.from({ length: 64 }, (_, i) => ({
    kind: 'bytes' as const,
    bytes: bytes.subarray(i * 65_536, (i + 1) * 65_536),
  }));
  const pieces = await Array.fromAsync(formatTarHeaders(parts));
  t.ok(pieces.every(piece => piece.length <= 1024 * 1024));
  const again = await Array.fromAsync(parseTarHeaders(once(Buffer.concat(pieces)), 'X'));
  t.ok(
    Buffer.concat(again.map(part => (part.kind === 'bytes' ? part.bytes : Buffer.alloc(0)))).equals(bytes),
  );
});

t.test('a record can be read in pieces of one byte', async t => {
  const tar = await tarOf([file('a', 'x'), file('b', 'y')]);
  const { record } = await roundTrip(tar);
  async function* bytes(): AsyncGenerator<Uint8Array> {
    await Promise.resolve();
    for (const byte of record) yield Uint8Array.of(byte);
  }
  const again = restoreTar(bytes(), name => once(Buffer.from(name === 'a' ? 'x' : 'y')), 'X');
  t.ok((await collect(again)).equals(tar));
});

t.test('refuses records that are not what was written', async t => {
  const bad: Record<string, string> = {
    'another beginning': 'something else\n',
    'an early end': 'slipway-tar-headers 1\nB 10\nabc',
    'no end': 'slipway-tar-headers 1\nB 3\nabc',
    'a path that leads out': 'slipway-tar-headers 1\nF 3 "../etc/shadow"\nE\n',
    'an absolute path': 'slipway-tar-headers 1\nF 3 "/etc/shadow"\nE\n',
    'an unknown line': 'slipway-tar-headers 1\nX 3\nE\n',
    'a path that is no JSON': 'slipway-tar-headers 1\nF 3 "a"b"\nE\n',
    'an endless line': 'x'.repeat(100_000),
  };
  for (const [name, text] of Object.entries(bad)) {
    await t.rejects(
      Array.fromAsync(parseTarHeaders(once(zstdCompressSync(text)), 'X')),
      { code: 'TAR_HEADERS_MALFORMED' },
      name,
    );
  }
  await t.rejects(Array.fromAsync(parseTarHeaders(once(Buffer.from('not zstd')), 'X')), {
    code: 'TAR_HEADERS_MALFORMED',
  });
  const { record } = await roundTrip(await tarOf([file('a', 'four')]));
  await t.rejects(collect(restoreTar(once(record), () => once(Buffer.from('longer')), 'X')), {
    code: 'TAR_HEADERS_MALFORMED',
    message: /a has 6 bytes, not 4/,
  });
});
