import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { isBlank, parseSuperblock, readSuperblock } from '../../../../src/machine/host/superblock.ts';

const disk = (...parts: [number, string | number[]][]): Buffer => {
  const bytes = Buffer.alloc(36_864);
  for (const [at, part] of parts) Buffer.from(part as string, 'latin1').copy(bytes, at);
  return bytes;
};
const ext4 = (label: string) => disk([1024 + 0x38, [0x53, 0xef]], [1024 + 0x78, label]);

t.test('superblocks', async t => {
  const signature: [number, number[]] = [510, [0x55, 0xaa]];
  const cases: { desc: string; bytes: Buffer; expect: unknown }[] = [
    { desc: 'zeros', bytes: disk(), expect: undefined },
    { desc: 'a short device', bytes: Buffer.alloc(100), expect: undefined },
    { desc: 'ext4', bytes: ext4('SLIPWAY_STATE'), expect: { type: 'ext4', label: 'SLIPWAY_STATE' } },
    {
      desc: 'a label of 16 bytes',
      bytes: ext4('0123456789abcdefX'),
      expect: { type: 'ext4', label: '0123456789abcdef' },
    },
    { desc: 'a label with escapes', bytes: ext4('\u001b[2Jx'), expect: { type: 'ext4', label: '?[2Jx' } },
    {
      desc: 'FAT12',
      bytes: disk(signature, [54, 'FAT12   '], [43, 'CIDATA     ']),
      expect: { type: 'vfat', label: 'CIDATA' },
    },
    {
      desc: 'FAT32',
      bytes: disk(signature, [82, 'FAT32   '], [71, 'cidata     ']),
      expect: { type: 'vfat', label: 'cidata' },
    },
    { desc: 'a partition table alone', bytes: disk(signature), expect: undefined },
    {
      desc: 'ISO 9660',
      bytes: disk([32_769, 'CD001'], [32_808, 'cidata'.padEnd(32)]),
      expect: { type: 'iso9660', label: 'cidata' },
    },
  ];
  for (const { desc, bytes, expect } of cases) t.same(parseSuperblock(bytes), expect, desc);
});

t.test('blank means a whole MiB of zeros', async t => {
  const file = join(t.testdir(), 'disk');
  writeFileSync(file, Buffer.alloc(1024 * 1024));
  t.ok(await isBlank(file));
  writeFileSync(file, Buffer.alloc(1024 * 1024, 0).fill(1, 1024 * 1024 - 1));
  t.notOk(await isBlank(file));
  writeFileSync(file, Buffer.alloc(1000));
  t.notOk(await isBlank(file), 'too small to tell');
  t.notOk(await isBlank(`${file}-gone`));
  t.equal(await readSuperblock(`${file}-gone`), undefined);
});
