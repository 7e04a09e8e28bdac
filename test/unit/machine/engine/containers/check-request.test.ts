import t from 'tap';
import type { ContainerCreateRequest, HostConfig } from '../../../../../src/machine/engine-api/wire.ts';
import {
  checkRequest,
  type RequestSupport,
} from '../../../../../src/machine/engine/containers/check-request.ts';
import { parseIndexes } from '../../../../../src/machine/engine/containers/check-resources.ts';

const support: RequestSupport = {
  limits: true,
  cpus: '0-1',
  mems: '0',
  runtimes: ['crun'],
  init: false,
  arch: 'amd64',
};
const check = (request: Partial<ContainerCreateRequest>, here: Partial<RequestSupport> = {}) =>
  checkRequest({ Image: 'x', Cmd: ['sh'], ...request }, {}, { ...support, ...here });
const host = (HostConfig: HostConfig): Partial<ContainerCreateRequest> => ({ HostConfig });
const MB = 1024 * 1024;

t.test('what cannot be kept is refused with the sentence that clients know', async t => {
  const cases: readonly [Partial<ContainerCreateRequest>, string | RegExp][] = [
    [{ Cmd: [] }, 'no command specified'],
    [{ Env: ['=x'] }, 'invalid environment variable: =x'],
    [{ Env: ['A=\0'] }, /invalid environment variable/],
    [{ StopSignal: 'SIGODD' }, 'invalid signal: SIGODD'],
    [{ WorkingDir: 'here' }, "the working directory 'here' is invalid, it needs to be an absolute path"],
    [{ Hostname: 'a\nb' }, /invalid hostname format/],
    [{ Domainname: 'a b' }, /invalid domainname format/],
    [
      { Healthcheck: { Test: ['CMD', 'x'], Interval: 10 } },
      'Interval in Healthcheck cannot be less than 1ms',
    ],
    [{ Healthcheck: { Test: ['CMD', 'x'], Retries: -1 } }, 'Retries in Healthcheck cannot be negative'],
    [{ Healthcheck: { Test: ['RUN', 'x'] } }, /Unknown healthcheck type/],
    [host({ Memory: 1000 }), 'Minimum memory limit allowed is 6MB'],
    [host({ Memory: 16 * MB, MemorySwap: 8 * MB }), /^Minimum memoryswap limit should be larger/],
    [host({ MemorySwap: 8 * MB }), /^You should always set the Memory limit/],
    [host({ Memory: 16 * MB, MemoryReservation: 32 * MB }), /^Minimum memory limit can not be less than/],
    [host({ MemorySwappiness: 101 }), 'Invalid value: 101, valid memory swappiness range is 0-100'],
    [host({ NanoCpus: 1e9, CpuPeriod: 1000 }), /^Conflicting options: Nano CPUs and CPU Period/],
    [host({ NanoCpus: 1e15 }), /^range of CPUs is from 0\.01 to/],
    [host({ CpuPeriod: 10 }), /^CPU cfs period can not be less than 1ms/],
    [host({ CpuQuota: 10 }), /^CPU cfs quota can not be less than 1ms/],
    [host({ CpusetCpus: '0-9' }), 'Requested CPUs are not available - requested 0-9, available: 0-1'],
    [host({ CpusetCpus: 'x' }), 'Invalid value x for cpuset cpus'],
    [host({ CpusetMems: '7' }), /^Requested memory nodes are not available/],
    [host({ BlkioWeight: 5 }), 'Range of blkio weight is from 10 to 1000'],
    [host({ Ulimits: [{ Name: 'odd', Soft: 1, Hard: 1 }] }), 'invalid ulimit type: odd'],
    [host({ Ulimits: [{ Name: 'nofile', Soft: 2, Hard: 1 }] }), /^ulimit soft limit must be less than/],
    [host({ OomScoreAdj: 1001 }), 'Invalid value 1001, range for oom score adj is [-1000, 1000]'],
    [host({ ShmSize: -1 }), 'SHM size can not be less than 0'],
    [host({ AutoRemove: true, RestartPolicy: { Name: 'always' } }), /^can't create 'AutoRemove' container/],
    [host({ RestartPolicy: { Name: 'odd' } }), /^invalid restart policy: unknown policy 'odd'/],
    [
      host({ RestartPolicy: { Name: 'always', MaximumRetryCount: 1 } }),
      "invalid restart policy: maximum retry count can only be used with 'on-failure'",
    ],
    [
      host({ RestartPolicy: { Name: 'on-failure', MaximumRetryCount: -1 } }),
      'invalid restart policy: maximum retry count cannot be negative',
    ],
    [host({ CgroupnsMode: 'odd' }), 'invalid cgroup namespace mode: odd'],
    [host({ UsernsMode: 'auto' }), 'invalid user namespace mode: auto'],
    [host({ PidMode: '/proc/1/ns/pid' }), 'invalid PID mode: /proc/1/ns/pid'],
    [host({ IpcMode: 'odd' }), 'invalid IPC mode: odd'],
    [host({ UTSMode: 'container:x' }), 'invalid UTS mode: container:x'],
    [host({ Runtime: 'odd' }), 'unknown or invalid runtime name: odd'],
    [host({ Init: true }), /an init process/],
    [host({ DeviceCgroupRules: ['all'] }), "invalid device cgroup rule format: 'all'"],
    [
      host({ DeviceRequests: [{ Driver: '', Capabilities: [['gpu']] }] }),
      'could not select device driver "" with capabilities: [[gpu]]',
    ],
    [host({ StorageOpt: { size: '1g' } }), /^--storage-opt is supported only/],
    [host({ LogConfig: { Type: 'syslog' } }), "logger: no log driver named 'syslog' is registered"],
    [
      host({ LogConfig: { Type: 'json-file', Config: { odd: '1' } } }),
      "unknown log opt 'odd' for json-file log driver",
    ],
    [host({ LogConfig: { Config: { 'max-size': 'x' } } }), "invalid size: 'x'"],
    [host({ LogConfig: { Config: { 'max-file': '0' } } }), 'max-file cannot be less than 1'],
    [host({ CapAdd: ['FLY'] }), 'invalid CapAdd: unknown capability: "CAP_FLY"'],
    [host({ SecurityOpt: ['seccomp={'] }), /^Decoding seccomp profile failed/],
  ];
  for (const [request, message] of cases) t.throws(() => check(request), { message }, String(message));
});

t.test('attack: lines of their own in the files below /etc, and paths for sysctls', async t => {
  const cases: readonly [HostConfig, RegExp][] = [
    [{ ExtraHosts: ['a\n6.6.6.6 bank:1.2.3.4'] }, /^bad format for add-host/],
    [{ ExtraHosts: ['a:1.2.3.4\n6.6.6.6 bank'] }, /^invalid IP address in add-host/],
    [{ ExtraHosts: ['alone'] }, /^bad format for add-host/],
    [{ Dns: ['1.1.1.1\noptions x'] }, /^IP address is not correctly formatted/],
    [{ DnsSearch: ['a\nnameserver 6.6.6.6'] }, /is not a valid domain$/],
    [{ DnsOptions: ['a\nnameserver 6.6.6.6'] }, /^invalid DNS option/],
    [{ Sysctls: { '../../etc/passwd': '1' } }, /is not allowed$/],
    [{ Sysctls: { 'net.x y': '1' } }, /is not allowed$/],
  ];
  for (const [request, message] of cases) t.throws(() => check(host(request)), { message }, String(message));
});

t.test('what is asked for in vain is said', async t => {
  t.same(check(host({ Memory: 16 * MB, NanoCpus: 1e9, PidsLimit: 5 })), []);
  t.equal(check(host({ Memory: 16 * MB, NanoCpus: 1e9, PidsLimit: 5 }), { limits: false }).length, 3);
  t.match(check(host({ OomKillDisable: true, MemorySwappiness: 5 })), [/swappiness/, /OomKillDisable/]);
  t.same(check(host({ MemorySwappiness: -1, PidsLimit: -1 }), { limits: false }), [], "a client's defaults");
});

t.test('a service asks for more', async t => {
  const service = { Slipway: { scope: 'boot' as const } };
  t.same(check({ ...service, HostConfig: { NanoCpus: 1e12, CpusetCpus: '0-9', MemorySwap: 8 * MB } }), []);
  t.throws(() => check({ ...service, HostConfig: { Memory: 1 } }), { message: /^Minimum memory limit/ });
  t.same(
    check({
      ...service,
      HostConfig: { PidMode: '/proc/1/ns/pid', RestartPolicy: { Name: 'always', MaximumRetryCount: 3 } },
    }),
    [],
  );
});

t.test('lists of processors', async t => {
  t.same([...(parseIndexes('0-2,7') ?? [])], [0, 1, 2, 7]);
  for (const text of ['', ',', '2-1', '-1', '0-99999', '1;2']) t.equal(parseIndexes(text), undefined, text);
});
