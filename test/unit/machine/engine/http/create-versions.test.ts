import t from 'tap';
import { asOfVersion, warningsOf } from '../../../../../src/machine/engine/http/create-versions.ts';
import type { HostConfig } from '../../../../../src/machine/engine-api/wire.ts';

const hostOf = (host: HostConfig, version: string): HostConfig =>
  asOfVersion({ Image: 'x', HostConfig: host }, version).HostConfig ?? {};

t.test('what came later is not looked at', async t => {
  const host: HostConfig = { AutoRemove: true, ConsoleSize: [24, 80], Annotations: { a: 'b' }, IpcMode: '' };
  t.same(hostOf(host, '1.45'), host);
  t.same(hostOf(host, '1.42'), { AutoRemove: true, ConsoleSize: [24, 80], IpcMode: '' });
  t.same(hostOf(host, '1.39'), { AutoRemove: true, IpcMode: 'shareable' });
  t.same(hostOf(host, '1.24'), { IpcMode: 'shareable' });
  const health = { Test: ['CMD', 'true'], StartInterval: 5 };
  t.same(asOfVersion({ Image: 'x', Healthcheck: health }, '1.44').Healthcheck, health);
  t.same(asOfVersion({ Image: 'x', Healthcheck: health }, '1.43').Healthcheck, { Test: ['CMD', 'true'] });
});

t.test('mounts', async t => {
  const tmpfs = { Type: 'tmpfs', Target: '/x', VolumeOptions: { NoCopy: true } } as const;
  t.throws(() => hostOf({ Mounts: [tmpfs] }, '1.42'), {
    message: 'VolumeOptions must not be specified on mount type "tmpfs"',
    kind: 'invalid-input',
  });
  t.same(hostOf({ Mounts: [tmpfs] }, '1.41').Mounts, [{ Type: 'tmpfs', Target: '/x' }]);
  const bind = { Type: 'bind', Source: '/a', Target: '/x', ReadOnly: true } as const;
  t.same(hostOf({ Mounts: [bind] }, '1.44').Mounts, [bind]);
  t.same(hostOf({ Mounts: [bind] }, '1.43').Mounts, [
    { ...bind, BindOptions: { ReadOnlyNonRecursive: true } },
  ]);
  t.throws(() => hostOf({ Mounts: [{ ...bind, BindOptions: { ReadOnlyForceRecursive: true } }] }, '1.43'), {
    message: 'BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer',
  });
  const part = { Type: 'volume', Source: 'v', Target: '/x', VolumeOptions: { Subpath: 'y' } } as const;
  t.same(hostOf({ Mounts: [part] }, '1.45').Mounts, [part]);
  t.throws(() => hostOf({ Mounts: [part] }, '1.44'), {
    message: 'VolumeOptions.Subpath needs API v1.45 or newer',
  });
});

t.test('networks and addresses', async t => {
  const two = { EndpointsConfig: { one: {}, two: {} } };
  t.same(asOfVersion({ Image: 'x', NetworkingConfig: two }, '1.44').NetworkingConfig, two);
  t.throws(() => asOfVersion({ Image: 'x', NetworkingConfig: two }, '1.43'), {
    message: 'Container cannot be created with multiple network endpoints: one, two',
  });
  const own = { EndpointsConfig: { one: { MacAddress: '02:42:0a:00:00:01' } } };
  t.same(asOfVersion({ Image: 'x', NetworkingConfig: own }, '1.43').NetworkingConfig, {
    EndpointsConfig: { one: { MacAddress: '' } },
  });
  t.same(warningsOf({ Image: 'x', MacAddress: '02:42:0a:00:00:01' }, '1.43'), []);
  t.match(warningsOf({ Image: 'x', MacAddress: '02:42:0a:00:00:01' }, '1.44'), [/deprecated/]);
});
