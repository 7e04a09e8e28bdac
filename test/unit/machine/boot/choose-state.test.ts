import t from 'tap';
import {
  type ProbedDevice,
  type StatePolicy,
  chooseState,
  isFinalChoice,
  resumeChoice,
} from '../../../../src/machine/boot/choose-state.ts';
import { resolveStatePolicy, stateWaitSeconds } from '../../../../src/machine/boot/state-policy.ts';
import { parseKernelCmdline } from '../../../../src/shared/kernel-cmdline.ts';

const MiB = 1024 * 1024;
const device = (name: string, more: Partial<ProbedDevice> = {}): ProbedDevice => ({
  name,
  path: `/dev/${name}`,
  sizeBytes: 1024 * MiB,
  readOnly: false,
  removable: false,
  inUse: false,
  blank: false,
  ...more,
});
const state = (name: string, more: Partial<ProbedDevice> = {}) =>
  device(name, { superblock: { type: 'ext4', label: 'SLIPWAY_STATE' }, ...more });
const rancher = (name: string) => device(name, { superblock: { type: 'ext4', label: 'RANCHER_STATE' } });
const blank = (name: string, more: Partial<ProbedDevice> = {}) => device(name, { blank: true, ...more });
const stick = { removable: true };

t.test('where state is', async t => {
  const cases: { desc: string; devices: ProbedDevice[]; policy?: Partial<StatePolicy>; expect: string }[] = [
    { desc: 'no disk', devices: [], expect: 'none absent' },
    { desc: 'a disk without label', devices: [device('vda')], expect: 'none absent' },
    { desc: 'one state', devices: [device('vda'), state('vda1')], expect: 'mount vda1' },
    { desc: "RancherOS's label", devices: [rancher('sda1')], expect: 'mount sda1' },
    { desc: 'two of one label', devices: [state('vda'), state('vdb')], expect: 'none ambiguous' },
    { desc: 'one of each label', devices: [state('vda'), rancher('vdb')], expect: 'none ambiguous' },
    { desc: 'a stick alone', devices: [state('sda', stick)], expect: 'none unusable' },
    { desc: 'a stick beside a disk', devices: [state('sda', stick), state('vda')], expect: 'mount vda' },
    {
      desc: 'a trusted stick',
      devices: [state('sda', stick)],
      policy: { trust: 'any' },
      expect: 'mount sda',
    },
    {
      desc: 'two trusted sticks',
      devices: [state('sda', stick), state('sdb', stick)],
      policy: { trust: 'any' },
      expect: 'none ambiguous',
    },
    {
      desc: 'a trusted stick beside a disk',
      devices: [state('sda', stick), state('vda')],
      policy: { trust: 'any' },
      expect: 'mount vda',
    },
    { desc: 'state is off', devices: [state('vda')], policy: { trust: 'none' }, expect: 'none disabled' },
    { desc: 'write-protected', devices: [state('vda', { readOnly: true })], expect: 'none unusable' },
    {
      desc: 'the label on FAT',
      devices: [device('vda', { superblock: { type: 'vfat', label: 'SLIPWAY_STATE' } })],
      expect: 'none unusable',
    },
    {
      desc: 'the label on FAT beside a state',
      devices: [device('vdb', { superblock: { type: 'vfat', label: 'SLIPWAY_STATE' } }), state('vda')],
      expect: 'mount vda',
    },
    {
      desc: "a kernel line of RancherOS, and the label that Slipway's own had been given",
      devices: [state('vda')],
      policy: { wanted: { label: 'RANCHER_STATE' } },
      expect: 'mount vda',
    },
    {
      desc: 'a UUID',
      devices: [device('vdb', { superblock: { type: 'ext4', label: '', uuid: 'aa-bb' } }), state('vda')],
      policy: { wanted: { uuid: 'aa-bb' } },
      expect: 'mount vdb',
    },
    {
      desc: 'a UUID that is not there: nothing is formatted',
      devices: [blank('vda')],
      policy: { wanted: { uuid: 'aa-bb' }, format: true },
      expect: 'none absent',
    },
    {
      desc: 'a name that means nothing',
      devices: [state('vda')],
      policy: { wanted: { unknown: 'PARTUUID=1' } },
      expect: 'none unusable',
    },
    {
      desc: 'a named device that is blank beside another blank one',
      devices: [blank('vda'), blank('vdb')],
      policy: { wanted: { device: '/dev/vdb' }, format: true },
      expect: 'format vdb',
    },
    {
      desc: 'a named device that is absent: no other is formatted',
      devices: [blank('vda')],
      policy: { wanted: { device: '/dev/vdb' }, format: true },
      expect: 'none absent',
    },
    {
      desc: 'a named device that is not among those that may be formatted',
      devices: [blank('vda'), blank('vdb')],
      policy: { wanted: { device: '/dev/vdb' }, format: ['/dev/vda'] },
      expect: 'none absent',
    },
    {
      desc: 'a named device among two',
      devices: [state('vda'), state('vdb')],
      policy: { wanted: { device: '/dev/vdb' } },
      expect: 'mount vdb',
    },
    {
      desc: 'a named device with another label',
      devices: [device('vdb', { superblock: { type: 'ext4', label: '' } })],
      policy: { wanted: { device: '/dev/vdb' } },
      expect: 'mount vdb',
    },
    {
      desc: 'a named label',
      devices: [device('vdb', { superblock: { type: 'ext4', label: 'DATA' } }), state('vda')],
      policy: { wanted: { label: 'DATA' } },
      expect: 'mount vdb',
    },
    { desc: 'blank, not asked to format', devices: [blank('vda')], expect: 'none absent' },
    { desc: 'blank', devices: [blank('vda')], policy: { format: true }, expect: 'format vda' },
    {
      desc: 'blank beside state',
      devices: [blank('vda'), state('vdb')],
      policy: { format: true },
      expect: 'mount vdb',
    },
    {
      desc: 'blank beside two states',
      devices: [blank('vda'), state('vdb'), state('vdc')],
      policy: { format: true },
      expect: 'none ambiguous',
    },
    {
      desc: 'a blank stick',
      devices: [blank('sda', stick)],
      policy: { format: true },
      expect: 'none absent',
    },
    {
      desc: 'a blank stick that is named',
      devices: [blank('sda', stick)],
      policy: { format: ['/dev/sda'] },
      expect: 'format sda',
    },
    {
      desc: 'a blank partition',
      devices: [blank('vda1', { disk: 'vda' })],
      policy: { format: true },
      expect: 'none absent',
    },
    {
      desc: 'too small',
      devices: [blank('vda', { sizeBytes: MiB })],
      policy: { format: true },
      expect: 'none absent',
    },
    {
      desc: 'partitioned',
      devices: [blank('vda', { inUse: true })],
      policy: { format: true },
      expect: 'none absent',
    },
    {
      desc: 'named, not blank',
      devices: [device('vda'), blank('vdb')],
      policy: { format: ['/dev/vda'] },
      expect: 'none absent',
    },
    {
      desc: 'the first named that is blank',
      devices: [device('vda'), blank('vdb')],
      policy: { format: ['/dev/vda', '/dev/vdb'] },
      expect: 'format vdb',
    },
  ];
  for (const { desc, devices, policy, expect } of cases) {
    const choice = chooseState(devices, { trust: 'fixed', format: false, ...policy });
    t.equal(
      choice.kind === 'none' ? `none ${choice.why}` : `${choice.kind} ${choice.device.name}`,
      expect,
      desc,
    );
  }
});

t.test('what image and kernel line ask for', async t => {
  const image = { trust: { state: 'fixed', datasources: [] }, state: { format: false } } as const;
  const policy = (line: string) => resolveStatePolicy(image, parseKernelCmdline(line));
  t.same(policy(''), { trust: 'fixed', format: false });
  t.same(policy('slipway.state=none'), { trust: 'none', format: false });
  t.same(policy('rancher.state.dev=LABEL=DATA'), {
    trust: 'fixed',
    wanted: { label: 'DATA' },
    format: false,
  });
  t.same(policy('slipway.state=DATA').wanted, { label: 'DATA' });
  t.same(policy('slipway.state=/dev/disk/by-label/DATA').wanted, { label: 'DATA' });
  t.same(policy('slipway.state=UUID=0FC63DAF-8483-4772-8E79-3D69D8477DE4').wanted, {
    uuid: '0fc63daf-8483-4772-8e79-3d69d8477de4',
  });
  t.same(policy('slipway.state=PARTUUID=1').wanted, { unknown: 'PARTUUID=1' });
  t.same(policy('slipway.state=/dev/disk/by-id/x').wanted, { unknown: '/dev/disk/by-id/x' });
  t.same(policy('slipway.state=a-label-that-is-too-long').wanted, { unknown: 'a-label-that-is-too-long' });
  t.same(policy('slipway.state=/dev/vda3'), {
    trust: 'fixed',
    wanted: { device: '/dev/vda3' },
    format: false,
  });
  t.same(policy('rancher.state.autoformat=[/dev/sda,/dev/vda]').format, ['/dev/sda', '/dev/vda']);
  t.same(policy('slipway.state.format=/dev/vda').format, ['/dev/vda']);
  t.equal(policy('slipway.state.format').format, true);
  t.equal(policy('slipway.state.format=false').format, false);
  t.equal(
    policy('slipway.state.format=[nonsense]').format,
    false,
    'no disk and not true: nothing is formatted',
  );
  t.equal(stateWaitSeconds(parseKernelCmdline('rancher.state.wait')), 30);
  t.equal(stateWaitSeconds(parseKernelCmdline('slipway.state.wait=5')), 5);
  t.equal(stateWaitSeconds(parseKernelCmdline('slipway.state.wait=-5')), 0);
});

t.test('when a choice is taken', async t => {
  const policy: StatePolicy = { trust: 'fixed', format: true };
  const at = (probedAt: number, devices: ProbedDevice[], more: Partial<StatePolicy> = {}, until = 2) => {
    const both = { ...policy, ...more };
    return isFinalChoice(chooseState(devices, both), both, { probedAt, settledAt: 2, until });
  };
  t.notOk(at(1.9, [state('vda')]), 'a second labelled disk may appear');
  t.ok(at(2, [state('vda')], {}, 30), 'settled: no need to wait longer for one that is there');
  t.notOk(at(1.9, [state('sda', stick)], { trust: 'any' }), 'a fixed one may appear');
  t.notOk(at(2, [blank('vda')], {}, 30), 'a labelled one is waited for');
  t.ok(at(30, [blank('vda')], {}, 30));
  t.ok(at(0, [state('vda')], { wanted: { device: '/dev/vda' } }), 'named: no other can be it');
  t.ok(at(0, [], { trust: 'none' }));
  t.notOk(at(1, []));
  t.ok(at(2, []));
});

t.test('a choice that was cut off is gone on with', async t => {
  const kind = (devices: ProbedDevice[], begun: 'mount' | 'format', label?: string) =>
    resumeChoice(devices, { kind: begun, device: '/dev/vda', ...(label === undefined ? {} : { label }) })
      ?.kind;
  t.equal(kind([device('vda')], 'format'), 'format', 'neither blank nor labelled: mke2fs was cut off');
  t.equal(kind([state('vda')], 'format'), 'format', 'the superblock alone may have been written');
  t.equal(kind([rancher('vda')], 'format'), undefined, 'not what we write');
  t.equal(kind([rancher('vda')], 'format', 'RANCHER_STATE'), 'format', 'the label that was asked for');
  t.equal(kind([device('vda', { superblock: { type: 'vfat', label: '' } })], 'format'), undefined);
  t.equal(kind([device('vda', { inUse: true })], 'format'), undefined);
  t.equal(kind([state('vda')], 'mount'), 'mount');
  t.equal(kind([device('vda')], 'mount'), undefined);
  t.equal(kind([state('vdb')], 'mount'), undefined, 'it is gone');
});
