import t from 'tap';
import { parseMount } from '../../../../../src/machine/cli/container/mount-flag.ts';
import { parseNetwork } from '../../../../../src/machine/cli/container/network-flag.ts';

t.test('--mount', async t => {
  const cases: readonly (readonly [string, object])[] = [
    ['type=bind,src=/a,dst=/b,ro', { Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true }],
    [
      'src=v,target=/b,volume-nocopy',
      { Type: 'volume', Source: 'v', Target: '/b', VolumeOptions: { NoCopy: true } },
    ],
    [
      'type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770',
      { Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1_048_576, Mode: 0o1770 } },
    ],
    [
      'type=bind,"src=/with,comma",dst=/b,bind-propagation=rshared',
      { Type: 'bind', Source: '/with,comma', Target: '/b', BindOptions: { Propagation: 'rshared' } },
    ],
    [
      'type=bind,src=/a,dst=/b,readonly=false,bind-recursive=disabled',
      { Type: 'bind', Source: '/a', Target: '/b', ReadOnly: false, BindOptions: { NonRecursive: true } },
    ],
  ];
  for (const [text, mount] of cases) t.strictSame(parseMount(text), mount, text);
  for (const [text, reason] of [
    ['type=bind,src=/a', 'target is required'],
    ['type=bind,nope=1,dst=/b', "unexpected key 'nope' in 'nope=1'"],
    ['dst', "invalid field 'dst' must be a key=value pair"],
    ['type=bind,dst=/b,volume-nocopy', "cannot mix 'volume-*' options with mount type 'bind'"],
    ['type=tmpfs,dst=/b,tmpfs-mode=9', 'invalid value for tmpfs-mode: 9'],
    ['type=bind,ds"t=/b', 'parse error on line 1: bare " in non-quoted-field'],
  ] as const) {
    t.throws(() => parseMount(text), { name: 'BadValue', message: reason }, text);
  }
});

t.test('--network', async t => {
  t.match(parseNetwork('container:x'), { name: 'container:x', aliases: [] });
  t.match(parseNetwork('name=n,alias=a,alias=b,ip=1.2.3.4,driver-opt=k=v'), {
    ...{ name: 'n', aliases: ['a', 'b'], ip: '1.2.3.4', driverOpts: { k: 'v' } },
  });
  t.throws(() => parseNetwork('alias=a'), { message: 'network name/id is not specified' });
  t.throws(() => parseNetwork('name=n,nope=1'), { message: 'invalid field key nope' });
});
