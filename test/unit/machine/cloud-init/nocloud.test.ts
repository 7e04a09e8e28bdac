import t from 'tap';
import { chooseSeed, isSeed, parseSeed } from '../../../../src/machine/cloud-init/nocloud.ts';
import type { Superblock } from '../../../../src/machine/host/superblock.ts';

const device = (name: string, superblock?: Superblock, disk?: string) => ({
  name,
  path: `/dev/${name}`,
  sizeBytes: 1,
  readOnly: false,
  removable: false,
  inUse: false,
  ...(superblock === undefined ? {} : { superblock }),
  ...(disk === undefined ? {} : { disk }),
});
const vfat: Superblock = { type: 'vfat', label: 'cidata' };
const iso: Superblock = { type: 'iso9660', label: 'CIDATA' };

t.test('which disks are seeds', async t => {
  t.ok(isSeed(vfat));
  t.ok(isSeed(iso));
  t.notOk(isSeed({ type: 'ext4', label: 'cidata' }));
  t.notOk(isSeed({ type: 'vfat', label: 'cidata2' }));
  t.notOk(isSeed(undefined));
});

t.test('one seed is used, two are not', async t => {
  t.same(chooseSeed([device('vda')]), {});
  t.equal(chooseSeed([device('vda'), device('vdb', vfat)]).seed?.name, 'vdb');
  t.match(
    chooseSeed([device('sda', vfat), device('vdb', iso)]).notice,
    /\/dev\/sda, \/dev\/vdb are all labelled/,
  );
  const hybrid = [device('sda', iso), device('sda1', iso, 'sda')];
  t.equal(chooseSeed(hybrid).seed?.name, 'sda', 'a hybrid image is one seed');
});

t.test('the files of a seed', async t => {
  const file = (text: string) => ({ bytes: Buffer.from(text), truncated: false });
  const files = new Map([
    ['user-data', file('#cloud-config\nrancher: {autologin: ttyS0}\n')],
    ['meta-data', file('{"instance-id": "i", "local-hostname": "box"}')],
  ]);
  t.same(parseSeed('seed', files), {
    name: 'seed',
    instanceId: 'i',
    config: { hostname: 'box', sshAuthorizedKeys: [], autologin: ['ttyS0'] },
    notices: [],
  });
  t.match(parseSeed('seed', new Map()).notices, [/no file "user-data"/]);
  const large = new Map([
    ['user-data', { bytes: Buffer.from('#cloud-config\nhostname: x'), truncated: true }],
  ]);
  t.match(parseSeed('seed', large), { config: { hostname: undefined }, notices: [/larger than/] });
  const binary = new Map([['user-data', { bytes: Buffer.from([0xff, 0xfe, 0x00]), truncated: false }]]);
  t.match(parseSeed('seed', binary).notices, [/not UTF-8/]);
});
