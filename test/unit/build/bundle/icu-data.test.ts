import t from 'tap';
import { trimIcuData } from '../../../../src/build/bundle/icu-data.ts';

const FILLER = 100;
const REQUIRED = ['root.res', 'en.res', 'pool.res', 'res_index.res', 'nfkc.nrm', 'coll/ucadata.icu'];

/** A program with an archive of the format `CmnD`, as ICU's tools lay it out, in the middle. */
function makeProgram(names: readonly string[]): Buffer {
  const sorted = [...names].sort();
  const header = Buffer.alloc(32);
  header.writeUInt16LE(32, 0);
  header.set([0xda, 0x27], 2);
  header.writeUInt16LE(20, 4);
  header.set([0, 0, 2, 0], 8);
  header.write('CmnD', 12);
  const table = Buffer.alloc(4 + sorted.length * 8);
  const texts = sorted.map(name => Buffer.from(`icudt78l/${name}\0`));
  const items = sorted.map(name => Buffer.from(`<${name}>`.padEnd(32, '.')));
  table.writeUInt32LE(sorted.length, 0);
  let nameAt = table.length;
  let itemAt = table.length + Buffer.concat(texts).length;
  sorted.forEach((_name, index) => {
    table.writeUInt32LE(nameAt, 4 + index * 8);
    table.writeUInt32LE(itemAt, 8 + index * 8);
    nameAt += texts[index]?.length ?? 0;
    itemAt += items[index]?.length ?? 0;
  });
  return Buffer.concat([
    Buffer.from('code CmnD no header'),
    header,
    table,
    ...texts,
    ...items,
    Buffer.from('more code'),
  ]);
}

const languages = Array.from({ length: FILLER }, (_, index) => `lang/x${String(index).padStart(3, '0')}.res`);

t.test('other languages become zeros, English and the tables stay where they were', async t => {
  const program = makeProgram([...REQUIRED, ...languages, 'zone/zu.res']);
  const before = Buffer.from(program);
  const trim = trimIcuData(program);
  t.match(trim, {
    items: REQUIRED.length + FILLER + 1,
    keptItems: REQUIRED.length,
    blankedBytes: FILLER * 32,
  });
  t.equal(program.length, before.length);
  for (const name of REQUIRED) t.equal(program.indexOf(`<${name}>`), before.indexOf(`<${name}>`), name);
  for (const name of languages) t.equal(program.indexOf(`<${name}>`), -1, name);
  t.ok(program.subarray(-9).equals(Buffer.from('more code')), 'what stands behind is not touched');
});

t.test('the table of contents is shorter, sorted, and leads to what was kept', async t => {
  const program = makeProgram([...REQUIRED, ...languages]);
  trimIcuData(program);
  const table = program.indexOf('CmnD', 20) - 12 + 32;
  const count = program.readUInt32LE(table);
  const entries = Array.from({ length: count }, (_, index) => {
    const name = table + program.readUInt32LE(table + 4 + index * 8);
    const data = table + program.readUInt32LE(table + 8 + index * 8);
    return [
      program.toString('latin1', name, program.indexOf(0, name)).slice('icudt78l/'.length),
      program.toString('latin1', data, data + 32),
    ] as const;
  });
  t.same(
    entries.map(([name]) => name),
    [...REQUIRED].sort(),
  );
  for (const [name, data] of entries) t.match(data, `<${name}>`);
});

t.test('anything unexpected is an error, and nothing is changed', async t => {
  const without = makeProgram([...REQUIRED.slice(1), ...languages]);
  const few = makeProgram(REQUIRED);
  const wild = makeProgram([...REQUIRED, ...languages]);
  wild.writeUInt32LE(0x7fff_ffff, wild.indexOf('CmnD', 20) + 20 + 8);
  for (const program of [without, few, wild, Buffer.from('no archive')]) {
    const before = Buffer.from(program);
    t.throws(() => trimIcuData(program), { code: 'ICU_DATA_UNKNOWN' });
    t.ok(program.equals(before));
  }
});
