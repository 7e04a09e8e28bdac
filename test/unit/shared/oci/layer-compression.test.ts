import { gzipSync, zstdCompressSync } from 'node:zlib';
import t from 'tap';
import { decompressLayer } from '../../../../src/shared/oci/layer-compression.ts';
import { MEDIA_TYPES } from '../../../../src/shared/oci/media-types.ts';
import { collect, file, tarOf } from '../../../support/oci-image.ts';

async function* pieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}

const unpack = (bytes: Uint8Array, mediaType: string, maxBytes?: number, size?: number): Promise<Buffer> =>
  collect(decompressLayer(pieces(bytes, size), mediaType, 'layer X', maxBytes));

t.test('plain, gzip and zstd', async t => {
  const tar = await tarOf([file('a', 'hello'), file('b', 'x'.repeat(100_000))]);
  t.same(await unpack(tar, MEDIA_TYPES.ociLayer), tar);
  t.same(await unpack(tar, MEDIA_TYPES.dockerLayer), tar);
  t.same(await unpack(gzipSync(tar), MEDIA_TYPES.ociLayerGzip), tar);
  t.same(await unpack(gzipSync(tar), MEDIA_TYPES.dockerLayerGzip, undefined, 1), tar, 'one byte at a time');
  t.same(await unpack(zstdCompressSync(tar), MEDIA_TYPES.ociLayerZstd), tar);
  const members = Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))]);
  t.same(await unpack(members, MEDIA_TYPES.ociLayerGzip), tar, 'several gzip members');
});

t.test('refuses bytes that are not what the media type says', async t => {
  const tar = await tarOf([file('a', 'hello')]);
  const wrong: [Uint8Array, string][] = [
    [tar, MEDIA_TYPES.ociLayerGzip],
    [gzipSync(tar), MEDIA_TYPES.ociLayer],
    [gzipSync(tar), MEDIA_TYPES.ociLayerZstd],
    [zstdCompressSync(tar), MEDIA_TYPES.dockerLayerGzip],
    [new Uint8Array(), MEDIA_TYPES.ociLayerGzip],
    [tar, MEDIA_TYPES.ociManifest],
  ];
  for (const [bytes, mediaType] of wrong) {
    await t.rejects(unpack(bytes, mediaType), { code: 'LAYER_MEDIA_TYPE', message: /layer X/ }, mediaType);
  }
});

t.test('refuses bombs before they unfold', async t => {
  const bomb = Buffer.alloc(64 << 20);
  for (const [bytes, type] of [
    [gzipSync(bomb), MEDIA_TYPES.ociLayerGzip],
    [zstdCompressSync(bomb), MEDIA_TYPES.ociLayerZstd],
  ] as const) {
    let seen = 0;
    const read = async (): Promise<void> => {
      for await (const piece of decompressLayer(pieces(bytes), type, 'layer X', 1 << 20))
        seen += piece.length;
    };
    await t.rejects(read(), { code: 'LAYER_TOO_LARGE' });
    t.ok(seen <= 1 << 20, `${seen} bytes came out`);
  }
});

t.test('refuses a zstd window of gigabytes', async t => {
  // Frame header: magic, descriptor without content size, window of 2^31 bytes; then one raw block.
  const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x0b, 0x00, 0x00, 0x41, 0x41]);
  await t.rejects(unpack(frame, MEDIA_TYPES.ociLayerZstd), { code: 'LAYER_DAMAGED' });
});

t.test('refuses damage and early ends', async t => {
  const tar = await tarOf([
    file('a', Buffer.from(crypto.getRandomValues(new Uint8Array(5000))).toString('hex')),
  ]);
  for (const [bytes, type] of [
    [gzipSync(tar), MEDIA_TYPES.ociLayerGzip],
    [zstdCompressSync(tar), MEDIA_TYPES.ociLayerZstd],
  ] as const) {
    await t.rejects(unpack(bytes.subarray(0, bytes.length - 20), type), { code: 'LAYER_DAMAGED' }, 'cut off');
  }
  // zstd without its optional checksum can't tell; there the blob's digest does.
  const damaged = Buffer.from(gzipSync(tar)).fill(0x55, 200, 260);
  await t.rejects(unpack(damaged, MEDIA_TYPES.ociLayerGzip), { code: 'LAYER_DAMAGED' }, 'damaged');
});

t.test("the source's own fault is passed on", async t => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield gzipSync(Buffer.alloc(1000)).subarray(0, 15);
    await Promise.resolve();
    throw Object.assign(new Error('no more'), { name: 'AbortError' });
  }
  await t.rejects(collect(decompressLayer(broken(), MEDIA_TYPES.ociLayerGzip, 'x')), { message: 'no more' });
});

t.test('a zstd layer of several frames, some to be skipped, as zstd:chunked has them', async t => {
  const tar = await tarOf([file('a', 'hello'), file('b', 'x'.repeat(300_000))]);
  const frames = [tar.subarray(0, 700), tar.subarray(700, 701), tar.subarray(701)].map(part =>
    zstdCompressSync(part),
  );
  const skipped = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]), Buffer.from('toc')]);
  const layouts: [string, readonly Uint8Array[]][] = [
    ['several frames', frames],
    ['a skipped one first', [skipped, ...frames]],
    ['skipped ones between and last', frames.flatMap(frame => [frame, skipped])],
  ];
  for (const [desc, parts] of layouts) {
    for (const size of [1, 13, 1000, 1 << 20])
      t.same(
        await unpack(Buffer.concat(parts), MEDIA_TYPES.ociLayerZstd, undefined, size),
        tar,
        `${desc}, in pieces of ${size}`,
      );
  }
  const damaged: [string, Uint8Array][] = [
    ['the last frame is cut off', Buffer.concat(frames).subarray(0, -1)],
    ['a skipped frame is cut off', Buffer.concat([...frames, skipped.subarray(0, 9)])],
    ['something else follows', Buffer.concat([...frames, Buffer.alloc(512)])],
  ];
  for (const [desc, bytes] of damaged)
    await t.rejects(unpack(bytes, MEDIA_TYPES.ociLayerZstd), { code: 'LAYER_DAMAGED' }, desc);
});
