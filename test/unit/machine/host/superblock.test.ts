import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  fatRootFolder,
  isBlank,
  parseFatLabel,
  parseSuperblock,
  readSuperblock,
} from '../../../../src/machine/host/superblock.ts';

const disk = (...parts: [number, string | number[]][]): Buffer => {
  const bytes = Buffer.alloc(66_560);
  for (const [at, part] of parts) Buffer.from(part as string, 'latin1').copy(bytes, at);
  return bytes;
};
const ext4 = (label: string) =>
  disk([1024 + 0x38, [0x53, 0xef]], [1024 + 0x78, label], [1024 + 0x68, '0123456789abcdef']);
const uuid = '30313233-3435-3637-3839-616263646566';

t.test('superblocks', async t => {
  const signature: [number, number[]] = [510, [0x55, 0xaa]];
  const cases: { desc: string; bytes: Buffer; expect: unknown }[] = [
    { desc: 'zeros', bytes: disk(), expect: undefined },
    { desc: 'a short device', bytes: Buffer.alloc(100), expect: undefined },
    { desc: 'ext4', bytes: ext4('SLIPWAY_STATE'), expect: { type: 'ext4', label: 'SLIPWAY_STATE', uuid } },
    {
      desc: 'a label of 16 bytes',
      bytes: ext4('0123456789abcdefX'),
      expect: { type: 'ext4', label: '0123456789abcdef', uuid },
    },
    {
      desc: 'a label with escapes',
      bytes: ext4('\u001b[2Jx'),
      expect: { type: 'ext4', label: '?[2Jx', uuid },
    },
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
    { desc: 'XFS', bytes: disk([0, 'XFSB'], [108, 'data']), expect: { type: 'xfs', label: 'data' } },
    {
      desc: 'btrfs',
      bytes: disk([0x10040, '_BHRfS_M'], [0x1012b, 'data']),
      expect: { type: 'btrfs', label: 'data' },
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

t.test("FAT's label in the root folder counts more than the boot sector's", async t => {
  const folder = Buffer.alloc(128);
  folder.write('LONGNAME   ', 0, 'latin1');
  folder[11] = 0x0f;
  folder.write('\u00e5LD        ', 32, 'latin1');
  folder[32 + 11] = 8;
  folder.write('CIDATA     ', 64, 'latin1');
  folder[64 + 11] = 8;
  t.equal(parseFatLabel(folder), 'CIDATA');
  t.equal(parseFatLabel(Buffer.alloc(64)), undefined);

  const boot = disk([510, [0x55, 0xaa]], [54, 'FAT16   '], [43, 'NO NAME    ']);
  boot.writeUInt16LE(512, 11);
  boot.writeUInt8(4, 13);
  boot.writeUInt16LE(1, 14);
  boot.writeUInt8(2, 16);
  boot.writeUInt16LE(512, 17);
  boot.writeUInt16LE(9, 22);
  t.same(fatRootFolder(boot), { offset: 19 * 512, sizeBytes: 512 * 32 });
  folder.copy(boot, 19 * 512);
  const file = join(t.testdir(), 'stick');
  writeFileSync(file, boot);
  t.same(await readSuperblock(file), { type: 'vfat', label: 'CIDATA' });

  boot.writeUInt16LE(0, 17);
  boot.writeUInt32LE(5, 44);
  t.same(fatRootFolder(boot), { offset: (19 + 3 * 4) * 512, sizeBytes: 2048 });
  boot.writeUInt16LE(0, 11);
  t.equal(fatRootFolder(boot), undefined);
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
