import { join } from 'node:path';
import t from 'tap';
import { readRecord } from '../../../../src/build/inspect/read-record.ts';
import { exampleRecord } from '../../../support/build-record.ts';
import { SECTOR, isoOf, isoWithRecord, selfRecords } from '../../../support/iso.ts';

t.test('every artifact tells what it is', async t => {
  const folder = t.testdir({
    'demo.iso': isoWithRecord(exampleRecord),
    'demo.vmlinuz': '',
    'demo.initrd': '',
    'demo.cmdline': '',
    'demo.build.json': JSON.stringify(exampleRecord),
  });
  for (const name of ['demo.iso', 'demo.vmlinuz', 'demo.initrd', 'demo.cmdline', 'demo.build.json'])
    t.strictSame(await readRecord(join(folder, name)), exampleRecord, name);
});

t.test('what has none', async t => {
  const folder = t.testdir({
    'alone.initrd': '',
    'other.iso': isoOf({ 18: Buffer.concat(selfRecords(18)) }),
    'large.build.json': Buffer.alloc(17 * 1024 ** 2),
    'folder.build.json': {},
    'bad.build.json': '{}',
    file: Buffer.alloc(20 * SECTOR),
  });
  for (const [name, code] of [
    ['alone.initrd', 'RECORD_MISSING'],
    ['none.vmlinuz', 'RECORD_MISSING'],
    ['other.iso', 'RECORD_MISSING'],
    ['large.build.json', 'RECORD_MISSING'],
    ['folder.build.json', 'RECORD_MISSING'],
    ['bad.build.json', 'RECORD_INVALID'],
    ['file', 'NOT_AN_ISO'],
  ] as const)
    await t.rejects(readRecord(join(folder, name)), { code }, name);
});
