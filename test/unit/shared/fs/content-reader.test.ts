import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { ContentReader } from '../../../../src/shared/fs/content-reader.ts';

const folder = t.testdir();
const [one, two] = [join(folder, 'one'), join(folder, 'two')];
const bytes = randomBytes(1_200_000);
await writeFile(one, bytes);
await writeFile(two, bytes.toReversed());

const read = async (reader: ContentReader, file: string, offset: number, size: number): Promise<Buffer> =>
  Buffer.concat(await Array.fromAsync(reader.read({ kind: 'slice', file, offset, size })));

t.test('slices are the same, whatever was read before', async t => {
  using reader = new ContentReader();
  for (const [file, offset, size] of [
    [one, 0, 100],
    [one, 612, 5000],
    [one, 100, 400],
    [two, 6000, 100],
    [one, 6000, 100],
    [one, 6100, 0],
    [one, 6100, 120_000],
    [one, 126_100, 128 * 1024],
    [one, 260_000, 700_000],
    [one, 1_199_000, 1000],
    [one, 1_000_000, 130_000],
    [two, 1_199_999, 1],
  ] as const) {
    const expected = (file === one ? bytes : bytes.toReversed()).subarray(offset, offset + size);
    t.ok((await read(reader, file, offset, size)).equals(expected), `${size} bytes at ${offset}`);
  }
});

t.test('small slices in any order', async t => {
  using reader = new ContentReader();
  for (let round = 0, offset = 0; round < 2000; round++) {
    offset = (offset + ((round * 7919) % 90_000)) % 1_100_000;
    const size = 1 + ((round * 104_729) % 20_000);
    const found = await read(reader, one, offset, size);
    if (!found.equals(bytes.subarray(offset, offset + size))) t.fail(`${size} bytes at ${offset}`);
  }
});

t.test('a file that is too short is an error, also behind what has been read ahead', async t => {
  using reader = new ContentReader();
  await read(reader, one, 1_190_000, 10);
  await read(reader, one, 1_190_010, 10);
  await t.rejects(read(reader, one, 1_199_990, 11), { code: 'CONTENT_CHANGED' });
  await t.rejects(read(reader, one, 1_300_000, 1), { code: 'CONTENT_CHANGED' });
  await t.rejects(read(reader, join(folder, 'none'), 0, 1), { code: 'CONTENT_MISSING' });
});
