import t from 'tap';
import type { ContainerCreateRequest } from '../../../../../src/machine/engine-api/wire.ts';
import { planMounts } from '../../../../../src/machine/engine/runtime/oci-mounts.ts';
import { planNamespaces } from '../../../../../src/machine/engine/runtime/oci-namespaces.ts';
import { argumentsOf } from '../../../../../src/machine/engine/runtime/merge-config.ts';
import { type SpecInput, formatOciSpec } from '../../../../../src/machine/engine/runtime/oci-spec.ts';
import { formatOciJson } from '../../../../../src/machine/engine/runtime/oci-json.ts';
import type { OciSpec } from '../../../../../src/machine/engine/runtime/oci-types.ts';

const ID = 'ab'.repeat(32);

const spec = (request: Partial<ContainerCreateRequest>, change: Partial<SpecInput> = {}): OciSpec => {
  const host = { NetworkMode: 'none', ...request.HostConfig };
  const namespaces = planNamespaces(host, () => 4711);
  return formatOciSpec({
    id: ID,
    request: { Image: 'x', ...request, HostConfig: host },
    image: { Cmd: ['sh'], Env: ['PATH=/bin', 'A=image'] },
    rootPath: '/root-of-it',
    user: { uid: 0, gid: 0, additionalGids: [], home: '/root' },
    mounts: planMounts(host, request.Slipway, {
      hostIpc: namespaces.hostIpc,
      hostPid: namespaces.hostPid,
      hasCgroup: true,
    }),
    namespaces,
    devices: { nodes: [], rules: [{ allow: false, access: 'rwm' }] },
    cgroupPath: '/user/x',
    openFiles: 4096,
    limits: true,
    arch: 'amd64',
    machineName: 'machine',
    ...change,
  });
};

t.test('what a request says nothing about is as in Docker', async t => {
  const made = spec({});
  t.match(made, {
    root: { path: '/root-of-it', readonly: false },
    hostname: ID.slice(0, 12),
    process: {
      args: ['sh'],
      cwd: '/',
      terminal: false,
      noNewPrivileges: false,
      env: ['PATH=/bin', `HOSTNAME=${ID.slice(0, 12)}`, 'A=image', 'HOME=/root'],
    },
    linux: { cgroupsPath: '/user/x' },
  });
  t.same(
    made.linux.namespaces.map(({ type }) => type),
    ['mount', 'pid', 'network', 'ipc', 'uts', 'cgroup'],
  );
  t.equal(made.process.capabilities.bounding.length, 14);
  t.same(
    made.mounts.map(({ destination }) => destination),
    ['/proc', '/dev', '/dev/pts', '/sys', '/sys/fs/cgroup', '/dev/mqueue', '/dev/shm'],
  );
  t.ok(made.linux.maskedPaths.includes('/proc/kcore'));
});

t.test('table of requests and what comes of them', async t => {
  const cases: readonly [string, Partial<ContainerCreateRequest>, unknown][] = [
    [
      'env',
      { Env: ['A=own', 'B=', 'PATH'] },
      { process: { env: [/^HOSTNAME=/, 'A=own', 'B=', 'HOME=/root'] } },
    ],
    [
      'extra env',
      { Env: ['A=1'], Slipway: { scope: 'boot', extraEnv: ['A=2'] } },
      { process: { env: [String, String, 'A=2', String] } },
    ],
    ['terminal', { Tty: true }, { process: { terminal: true } }],
    ['hostname', { Hostname: 'h' }, { hostname: 'h' }],
    ['working directory', { WorkingDir: '/w' }, { process: { cwd: '/w' } }],
    [
      'no new privileges',
      { HostConfig: { SecurityOpt: ['no-new-privileges'] } },
      { process: { noNewPrivileges: true } },
    ],
    ['read-only root', { HostConfig: { ReadonlyRootfs: true } }, { root: { readonly: true } }],
    [
      'memory and swap',
      { HostConfig: { Memory: 16777216, MemorySwap: 33554432 } },
      { linux: { resources: { memory: { limit: 16777216, swap: 33554432 } } } },
    ],
    [
      'cpus',
      { HostConfig: { NanoCpus: 1.5e9 } },
      { linux: { resources: { cpu: { quota: 150000, period: 100000 } } } },
    ],
    [
      'cpu weight',
      { Slipway: { scope: 'boot', cpuWeight: 300 } },
      { linux: { resources: { unified: { 'cpu.weight': '300' } } } },
    ],
    ['pids', { HostConfig: { PidsLimit: 50 } }, { linux: { resources: { pids: { limit: 50 } } } }],
    [
      'sysctl',
      { HostConfig: { Sysctls: { 'net.ipv4.ip_forward': '1' } } },
      { linux: { sysctl: { 'net.ipv4.ip_forward': '1' } } },
    ],
    [
      'shared mount',
      { HostConfig: { Binds: ['/a:/b:rshared'] } },
      { linux: { rootfsPropagation: 'shared' } },
    ],
    ['privileged', { HostConfig: { Privileged: true } }, { linux: { maskedPaths: [], readonlyPaths: [] } }],
    ['init', { HostConfig: { Init: true } }, { process: { args: ['/sbin/docker-init', '--', 'sh'] } }],
    [
      'no init in another pid namespace',
      { HostConfig: { Init: true, PidMode: 'host' } },
      { process: { args: ['sh'] } },
    ],
    ['domain', { Domainname: 'example.org' }, { domainname: 'example.org' }],
    [
      'limits without a counterpart in Docker',
      { HostConfig: { MemorySwap: 1048576 }, Slipway: { scope: 'boot' } },
      { linux: { resources: { unified: { 'memory.swap.max': '1048576' } } } },
    ],
    [
      'processors and their memory',
      { HostConfig: { CpusetCpus: '0-1', CpusetMems: '0', CpuShares: 1 } },
      { linux: { resources: { cpu: { cpus: '0-1', mems: '0', shares: 2 } } } },
    ],
    ['quota taken away', { HostConfig: { CpuQuota: -1 } }, { linux: { resources: { cpu: { quota: -1 } } } }],
    ["the machine's name", { HostConfig: { NetworkMode: 'host' } }, { hostname: 'machine' }],
    [
      'read-only all the way down',
      { HostConfig: { Binds: ['/a:/b:ro'] } },
      { mounts: [...Array<object>(7).fill(Object), { options: ['rbind', 'rprivate', 'ro', 'rro'] }] },
    ],
    ['oom score', { HostConfig: { OomScoreAdj: -500 } }, { process: { oomScoreAdj: -500 } }],
    [
      'joined network',
      { HostConfig: { NetworkMode: 'container:web' } },
      {
        linux: {
          namespaces: [
            Object,
            Object,
            { type: 'network', path: '/proc/4711/ns/net' },
            Object,
            { type: 'uts', path: '/proc/4711/ns/uts' },
            Object,
          ],
        },
      },
    ],
  ];
  for (const [name, request, expected] of cases) t.match(spec(request), expected, name);
  t.equal(
    spec({ HostConfig: { NetworkMode: 'host', UTSMode: 'host', PidMode: 'host', IpcMode: 'host' } }).hostname,
    undefined,
  );
});

t.test("a service's capabilities are exact", async t => {
  const of = (slipway: ContainerCreateRequest['Slipway'], uid = 0) =>
    spec(slipway === undefined ? {} : { Slipway: slipway }, {
      user: { uid, gid: 0, additionalGids: [], home: '/' },
    }).process.capabilities;
  t.match(of({ scope: 'boot', capabilities: [] }), { bounding: [], effective: [], permitted: [] });
  t.match(of({ scope: 'boot', capabilities: ['CAP_NET_ADMIN', 'cap_chown'] }), {
    effective: ['CAP_CHOWN', 'CAP_NET_ADMIN'],
    inheritable: [],
  });
  t.equal(of({ scope: 'boot', capabilities: ['all'] }).effective.length, 41);
  t.match(
    of({ scope: 'boot', capabilities: ['CAP_SYS_TIME', 'CAP_CHOWN'], ambient: ['CAP_SYS_TIME'] }, 123),
    {
      bounding: ['CAP_CHOWN', 'CAP_SYS_TIME'],
      effective: ['CAP_SYS_TIME'],
      inheritable: ['CAP_SYS_TIME'],
      ambient: ['CAP_SYS_TIME'],
    },
  );
  t.throws(() => of({ scope: 'boot', capabilities: ['CAP_FLY'] }), {
    message: 'unknown capability: "CAP_FLY"',
  });
});

t.test('entrypoint and command', async t => {
  const image = { Entrypoint: ['e'], Cmd: ['c'] };
  t.same(argumentsOf({ Image: '' }, image), ['e', 'c']);
  t.same(argumentsOf({ Image: '', Cmd: ['own'] }, image), ['e', 'own']);
  t.same(
    argumentsOf({ Image: '', Entrypoint: ['x'] }, image),
    ['x'],
    "the image's command belongs to its entrypoint",
  );
  t.same(argumentsOf({ Image: '', Entrypoint: ['x'], Cmd: ['y'] }, image), ['x', 'y']);
  t.throws(() => argumentsOf({ Image: '' }, {}), { message: 'no command specified' });
});

t.test('open files: the usual soft limit unless asked for', async t => {
  t.same(spec({}).process.rlimits, [{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 4096 }]);
  const asked = { HostConfig: { Ulimits: [{ Name: 'nofile', Soft: 5, Hard: 6 }] } };
  t.same(spec(asked).process.rlimits, [{ type: 'RLIMIT_NOFILE', soft: 5, hard: 6 }]);
});

t.test('no limit is written as the kernel spells it', async t => {
  const made = spec({ HostConfig: { Ulimits: [{ Name: 'core', Soft: 0, Hard: -1 }] } });
  t.match(formatOciJson(made), '{"type":"RLIMIT_CORE","soft":0,"hard":18446744073709551615}');
});

t.test('refusals', async t => {
  const cases: readonly [Partial<ContainerCreateRequest>, RegExp][] = [
    [{ HostConfig: { SecurityOpt: ['seccomp={}'] } }, /Decoding seccomp profile failed: defaultAction/],
    [{ HostConfig: { SecurityOpt: ['odd=1'] } }, /invalid --security-opt 2: "odd=1"/],
    [{ HostConfig: { CapAdd: ['FLY'] } }, /invalid CapAdd: unknown capability: "CAP_FLY"/],
    [{ HostConfig: { Binds: ['/a:b:c:d'] } }, /invalid volume specification: '\/a:b:c:d'/],
    [{ HostConfig: { Tmpfs: { '/t': 'size=1m,bind' } } }, /invalid tmpfs option \["bind"\]/],
    [{ HostConfig: { Mounts: [{ Type: 'npipe', Target: '/t' }] } }, /type "npipe": mount type unknown/],
    [{ HostConfig: { Mounts: [{ Type: 'bind', Target: '' }] } }, /field Target must not be empty/],
    [{ HostConfig: { Mounts: [{ Type: 'bind', Target: '/t' }] } }, /field Source must not be empty/],
    [{ HostConfig: { Binds: ['/a:b'] } }, /mount path must be absolute/],
    [{ HostConfig: { Binds: ['/a:/'] } }, /destination can't be '\/'/],
    [{ HostConfig: { Binds: ['/a:/b:wild'] } }, /invalid mode: wild/],
    [{ HostConfig: { Binds: ['/a:/b', '/c:/b/'] } }, /Duplicate mount point: \/b/],
    [{ HostConfig: { PidMode: 'odd' } }, /invalid PID mode: odd/],
    [{ Env: ['=x'] }, /invalid environment variable: =x/],
  ];
  for (const [request, message] of cases) t.throws(() => spec(request), { message }, String(message));
});

t.test('all capabilities but some, and the filter of system calls stays', async t => {
  const made = spec({ HostConfig: { CapAdd: ['ALL'], CapDrop: ['SYS_ADMIN', 'CAP_MKNOD'] } });
  const bounding = made.process.capabilities.bounding;
  t.ok(bounding.includes('CAP_NET_ADMIN'));
  t.notOk(bounding.includes('CAP_SYS_ADMIN') || bounding.includes('CAP_MKNOD'));
  t.ok(made.linux.seccomp);
  t.ok(spec({ HostConfig: { CapAdd: ['ALL'] } }).linux.seccomp, 'as Docker has it');
  t.notOk(spec({ HostConfig: { Privileged: true } }).linux.seccomp);
  t.notOk(spec({ Slipway: { scope: 'boot', capabilities: ['all'] } }).linux.seccomp);
});
