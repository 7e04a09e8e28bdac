import { statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkDisks, parseDiskSize, prepareDisks } from '../../../../src/build/vm/disk.ts';

/** A header of the format's version 3. */
function qcow2({ backing = 0n, features = 0 } = {}): Buffer {
  const header = Buffer.alloc(512);
  header.write('QFI\xfb', 'latin1');
  header.writeUInt32BE(3, 4);
  header.writeBigUInt64BE(backing, 8);
  header.writeUInt32BE(features, 76);
  return header;
}

t.test('sizes', async t => {
  t.equal(parseDiskSize('512'), 512 * 1024 ** 2);
  t.equal(parseDiskSize('512M'), 512 * 1024 ** 2);
  t.equal(parseDiskSize('2g'), 2 * 1024 ** 3);
  t.equal(parseDiskSize('1GiB'), 1024 ** 3);
  for (const text of ['', '0', '-1G', '1.5G', '1X', 'disk.img', '99999999', '999999T']) {
    t.equal(parseDiskSize(text), undefined, text);
  }
});

t.test('a size makes a blank sparse file, a file is taken as it is', async t => {
  const folder = t.testdir({
    'a.img': 'data',
    'b.qcow2': qcow2(),
    'c.img': qcow2({ backing: 200n }),
    '2G': 'named like a size',
    run: {},
  });
  const run = join(folder, 'run');
  const disks = await prepareDisks(['1G', 'a.img', 'b.qcow2', '2G', 'c.img'], {
    folder: run,
    workingDirectory: folder,
  });
  t.match(disks, [
    { format: 'raw' },
    { format: 'raw' },
    { format: 'qcow2' },
    { format: 'raw' },
    { format: 'raw' },
  ]);
  const blank = statSync(disks[0]?.file ?? '');
  t.equal(blank.size, 1024 ** 3);
  t.ok(blank.blocks < 100, 'sparse');
  t.equal(disks[3]?.file, join(folder, '2G'), 'a file of that name goes before the size');
});

t.test('what is neither a file nor a size is said so', async t => {
  const folder = t.testdir({ sub: {} });
  const options = { folder, workingDirectory: folder };
  await t.rejects(prepareDisks(['missing.img'], options), {
    code: 'DISK_NOT_FOUND',
    message: /missing\.img/,
  });
  await t.rejects(prepareDisks(['sub'], options), { code: 'DISK_NOT_USABLE' });
  await t.rejects(prepareDisks(['2'], options), {
    code: 'INVALID_SIZE',
    message: 'attaching the disk "2": 2 MB are too small for a disk',
  });
  await t.rejects(checkDisks(['15M'], folder), { code: 'INVALID_SIZE' });
});

t.test('a disk that a machine wrote opens no other file of this computer', async t => {
  const folder = t.testdir({
    'backing.qcow2': qcow2({ backing: 200n }),
    'data.qcow2': qcow2({ features: 4 }),
    'none.qcow2': 'raw',
  });
  const options = { folder, workingDirectory: folder };
  for (const [name, message] of [
    ['backing.qcow2', /refers to another file/],
    ['data.qcow2', /refers to another file/],
    ['none.qcow2', /not in the format qcow2/],
  ] as const)
    await t.rejects(prepareDisks([name], options), { code: 'DISK_NOT_USABLE', message }, name);
});
