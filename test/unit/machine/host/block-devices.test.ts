import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { listBlockDevices } from '../../../../src/machine/host/block-devices.ts';

t.test('disks as the kernel shows them', async t => {
  const pci = {
    vda: {
      size: '2048',
      removable: '0',
      ro: '0',
      holders: {},
      vda1: { size: '1024', partition: '1', ro: '0', holders: { 'dm-0': '' } },
    },
    vdb: { size: '100', removable: '0', ro: '1', holders: {} },
    sr0: { size: '10', removable: '0', ro: '0' },
    empty: { size: '0', removable: '1', ro: '0' },
    usb1: { sda: { size: '4', removable: '0', ro: '0', sda1: { size: '2', partition: '1', ro: '0' } } },
    loop0: { size: '4', ro: '0' },
  };
  const root = t.testdir({ devices: pci, class: {} });
  const links = ['vda', 'vda/vda1', 'vdb', 'sr0', 'empty', 'usb1/sda', 'usb1/sda/sda1', 'loop0'];
  for (const link of links)
    symlinkSync(`../devices/${link}`, join(root, 'class', link.split('/').at(-1) ?? ''));
  symlinkSync('../devices/gone', join(root, 'class', 'gone'));

  const devices = listBlockDevices(join(root, 'class'));
  t.same(
    devices.map(({ name, removable, inUse, readOnly, disk, sizeBytes }) => [
      name,
      removable,
      inUse,
      readOnly,
      disk,
      sizeBytes,
    ]),
    [
      ['sda', true, true, false, undefined, 2048],
      ['sda1', true, false, false, 'sda', 1024],
      ['sr0', true, false, false, undefined, 5120],
      ['vda', false, true, false, undefined, 1048576],
      ['vda1', false, true, false, 'vda', 524288],
      ['vdb', false, false, true, undefined, 51200],
    ],
  );
});
