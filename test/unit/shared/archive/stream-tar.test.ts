import t from 'tap';
import { streamTar, writeTar } from '../../../../src/shared/archive/tar.ts';
import type { Entry } from '../../../../src/shared/archive/entry.ts';
import { entry, file, rawHeader } from '../../../support/oci-image.ts';

async function pack(entries: readonly Entry[]): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of writeTar(entries)) pieces.push(piece);
  return Buffer.concat(pieces);
}

t.test('a stream of any size is read without holding its files', async t => {
  const tar = await pack([
    file('a', 'first'),
    entry('directory', 'd'),
    file('b', 'x'.repeat(700_000)),
    file('c', ''),
  ]);
  async function* source(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < tar.length; at += 10_000) yield tar.subarray(at, at + 10_000);
  }
  const seen: string[] = [];
  for await (const { entry: each, content } of streamTar(source(), { name: 'test' })) {
    let size = 0;
    // Of the second file only a part is read.
    for await (const piece of content ?? []) {
      size += piece.length;
      t.ok(piece.length <= 256 * 1024);
      if (each.path === 'b') break;
    }
    seen.push(`${each.kind} ${each.path} ${size > 0}`);
  }
  t.same(seen, ['file a true', 'directory d false', 'file b true', 'file c false']);
});

t.test('absolute paths are relative ones where that is asked for', async t => {
  const tar = Buffer.concat([rawHeader({ name: '//etc/x' }, 'x'), Buffer.alloc(1024)]);
  async function* source(): AsyncGenerator<Uint8Array> {
    yield tar;
  }
  for await (const { entry: each } of streamTar(source(), { name: 'test', absolute: 'relative' })) {
    t.equal(each.path, 'etc/x');
  }
  await t.rejects(streamTar(source(), { name: 'test' }).next(), { code: 'TAR_PATH_UNSAFE' });
});
