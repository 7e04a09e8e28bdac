import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { IsoReader } from '../../../../src/build/inspect/iso-reader.ts';
import { type RecordSpec, SECTOR, directoryRecord, isoOf, selfRecords } from '../../../support/iso.ts';

const folder = t.testdir({});
let count = 0;

/** A file with an image; see `isoOf`. */
function iso(
  sectors: Readonly<Record<number, Buffer>>,
  root: Partial<RecordSpec> = {},
  cutBytes = 0,
): string {
  const image = isoOf(sectors, root);
  const path = join(folder, `${++count}.iso`);
  writeFileSync(path, image.subarray(0, image.length - cutBytes));
  return path;
}

const folderOf = (...records: Buffer[]): Buffer => Buffer.concat([...selfRecords(18), ...records]);
const notAnIso = { code: 'NOT_AN_ISO' };

t.test('finds files in folders, without regard to case and version', async t => {
  const path = iso({
    18: folderOf(directoryRecord({ name: 'BOOT', sector: 19, sizeBytes: 2 * SECTOR, isDirectory: true })),
    // The second sector of a folder begins anew: records never cross a boundary.
    19: Buffer.concat([
      Buffer.concat(
        [...selfRecords(19), directoryRecord({ name: 'A.TXT;1', sector: 21, sizeBytes: 5 })],
        SECTOR,
      ),
      directoryRecord({ name: 'NODOT.;1', sector: 21, sizeBytes: 2 }),
    ]),
    21: Buffer.from('hello'),
  });
  await using image = await IsoReader.open(path);
  t.strictSame(await image.list(''), ['boot']);
  t.strictSame(await image.list('boot'), ['a.txt', 'nodot']);
  t.equal((await image.read('/Boot/a.TXT', 5))?.toString(), 'hello');
  t.equal((await image.read('boot/nodot', 5))?.toString(), 'he');
  t.equal(await image.read('boot/a.txt', 4), undefined, 'longer than the limit');
  t.equal(await image.read('boot', 4), undefined, 'a folder');
  t.equal(await image.read('boot/a.txt/b', 4), undefined);
  t.equal(await image.list('boot/a.txt'), undefined);
  t.equal(await image.list('none'), undefined);
});

t.test('an image that is shorter than its volume', async t => {
  const image = isoOf({ 18: folderOf() });
  image.writeUInt32LE(image.length / SECTOR, 16 * SECTOR + 80);
  const path = join(folder, 'cut.iso');
  writeFileSync(path, image);
  await (await IsoReader.open(path))[Symbol.asyncDispose]();
  writeFileSync(path, image.subarray(0, -1));
  await t.rejects(IsoReader.open(path), {
    code: 'ISO_CUT_OFF',
    kind: 'integrity',
    message: `reading ${path}: it ends after ${image.length - 1} of ${image.length} bytes`,
  });
});

t.test('what is no image', async t => {
  const path = join(folder, 'text');
  for (const bytes of [Buffer.alloc(0), Buffer.from('CD001'), Buffer.alloc(20 * SECTOR)]) {
    writeFileSync(path, bytes);
    await t.rejects(IsoReader.open(path), notAnIso);
  }
  await t.rejects(IsoReader.open(folder), notAnIso);
  await t.rejects(IsoReader.open('/dev/zero'), notAnIso);
  await t.rejects(IsoReader.open(join(folder, 'none')), { code: 'ISO_NOT_FOUND' });
  await t.rejects(IsoReader.open(join(path, 'below')), { code: 'ISO_NOT_FOUND' });
  const pipe = join(folder, 'pipe');
  t.equal(spawnSync('mkfifo', [pipe]).status, 0);
  await t.rejects(IsoReader.open(pipe), notAnIso, 'a pipe is not waited for');
});

t.test('a root record that lies', async t => {
  for (const root of [{ length: 0 }, { length: 33 }, { length: 255 }, { nameLength: 0 }, { nameLength: 200 }])
    await t.rejects(IsoReader.open(iso({ 18: folderOf() }, root)), notAnIso, JSON.stringify(root));
  for (const root of [{ sizeBytes: 0xffffffff }, { sector: 0xffffffff }, { sizeBytes: SECTOR + 1 }]) {
    await using image = await IsoReader.open(iso({ 18: folderOf() }, root));
    await t.rejects(image.list(''), notAnIso, JSON.stringify(root));
    await t.rejects(image.read('a', 1), notAnIso);
  }
});

t.test('records that lie', async t => {
  const file = { name: 'A', sector: 19, sizeBytes: 1 };
  for (const bad of [
    { ...file, length: 1 },
    { ...file, length: 33 },
    { ...file, nameLength: 0 },
    { ...file, nameLength: 255 },
    { ...file, length: 34, nameLength: 2 },
  ]) {
    await using image = await IsoReader.open(
      iso({ 18: folderOf(directoryRecord(bad)), 19: Buffer.from('x') }),
    );
    await t.rejects(image.list(''), notAnIso, JSON.stringify(bad));
  }
  const atEnd = Buffer.alloc(SECTOR);
  folderOf().copy(atEnd);
  // Fill the sector with records of 34 bytes; the last one says that it goes on behind it.
  for (let at = folderOf().length; at + 34 <= SECTOR; at += 34) directoryRecord(file).copy(atEnd, at, 0, 34);
  await using whole = await IsoReader.open(iso({ 18: atEnd }));
  t.equal((await whole.list(''))?.length, Math.floor((SECTOR - 68) / 34), 'records of 34 bytes');
  atEnd[68 + 34 * (Math.floor((SECTOR - 68) / 34) - 1)] = 255;
  await using crossing = await IsoReader.open(iso({ 18: atEnd }));
  await t.rejects(crossing.list(''), notAnIso);
});

t.test('folders in a circle end with the path', async t => {
  const loop = directoryRecord({ name: 'LOOP', sector: 18, sizeBytes: SECTOR, isDirectory: true });
  await using image = await IsoReader.open(iso({ 18: folderOf(loop) }));
  t.strictSame(await image.list('loop/'.repeat(50)), ['loop']);
});

t.test('a length that the image does not have takes no memory', async t => {
  const limit = 0xffffffff;
  const path = iso({
    18: folderOf(directoryRecord({ name: 'BIG', sector: 19, sizeBytes: limit })),
    19: Buffer.from('x'),
  });
  await using image = await IsoReader.open(path);
  t.equal(await image.size('big'), limit);
  const before = process.memoryUsage().arrayBuffers;
  await t.rejects(image.read('big', limit), notAnIso);
  t.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024);
});

t.test('an image that was cut off', async t => {
  const sectors = {
    18: folderOf(directoryRecord({ name: 'A', sector: 19, sizeBytes: SECTOR })),
    19: Buffer.alloc(SECTOR),
  };
  await using image = await IsoReader.open(iso(sectors, {}, 1));
  t.strictSame(await image.list(''), ['a']);
  await t.rejects(image.read('a', SECTOR), notAnIso);
});
