import t from 'tap';
import { mergeHost } from '../../../../../src/machine/engine/containers/update.ts';

const MB = 1024 * 1024;

t.test('what is not said stays, what is said is changed', async t => {
  const old = { Memory: 16 * MB, MemorySwap: 32 * MB, PidsLimit: 10, CapAdd: ['NET_ADMIN'] };
  t.same(mergeHost(old, {}), old);
  t.match(mergeHost(old, { Memory: 20 * MB, CpuShares: 5 }), {
    Memory: 20 * MB,
    MemorySwap: 32 * MB,
    CpuShares: 5,
  });
  t.equal(mergeHost(old, { PidsLimit: -1 }).PidsLimit, undefined, 'a limit is taken away');
  t.equal(mergeHost(old, { PidsLimit: 0 }).PidsLimit, 10);
  t.same(mergeHost(old, { RestartPolicy: { Name: 'always' } }).RestartPolicy, {
    Name: 'always',
    MaximumRetryCount: 0,
  });
  t.equal(mergeHost(old, { RestartPolicy: {} }).RestartPolicy, undefined);
});

t.test('attack: an update gives no rights', async t => {
  const change = {
    Devices: [{ PathOnHost: '/dev/sda', PathInContainer: '', CgroupPermissions: '' }],
    CgroupParent: '/',
  };
  t.same(mergeHost({}, change), {});
});

t.test('conflicts', async t => {
  t.throws(() => mergeHost({ CpuPeriod: 1000 }, { NanoCpus: 1e9 }), {
    message: 'Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set',
  });
  t.throws(() => mergeHost({ NanoCpus: 1e9 }, { CpuQuota: 5000 }), {
    message: /NanoCPUs has already been set/,
  });
  t.throws(() => mergeHost({ Memory: 16 * MB, MemorySwap: 32 * MB }, { Memory: 64 * MB }), {
    message: /^Memory limit should be smaller than already set memoryswap limit/,
  });
  t.throws(() => mergeHost({ AutoRemove: true }, { RestartPolicy: { Name: 'always' } }), {
    message: /^Restart policy cannot be updated because AutoRemove is enabled/,
  });
});
