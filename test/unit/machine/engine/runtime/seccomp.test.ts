import t from 'tap';
import { CAPABILITIES } from '../../../../../src/shared/service/capabilities.ts';
import { DEFAULT_CAPABILITIES } from '../../../../../src/machine/engine/runtime/oci-capabilities.ts';
import {
  ALLOWED_CALLS,
  ARCHITECTURE_CALLS,
  CAPABILITY_CALLS,
  DENIED_CALLS,
} from '../../../../../src/machine/engine/runtime/seccomp-calls.ts';
import { parseSeccompProfile } from '../../../../../src/machine/engine/runtime/seccomp-custom.ts';
import { defaultSeccomp } from '../../../../../src/machine/engine/runtime/seccomp-profile.ts';
import {
  parseSecurityOptions,
  planSeccomp,
} from '../../../../../src/machine/engine/runtime/security-options.ts';

const EPERM = 1;
const ENOSYS = 38;

/** What a call without arguments answers under the default profile: 0 where it is allowed. */
const answer = (name: string, capabilities: readonly string[] = DEFAULT_CAPABILITIES): number => {
  const profile = defaultSeccomp(capabilities, 'amd64');
  const rule = profile.syscalls.find(({ names, args }) => args === undefined && names.includes(name));
  if (rule === undefined) return profile.defaultErrnoRet ?? 0;
  return rule.action === 'SCMP_ACT_ALLOW' ? 0 : (rule.errnoRet ?? 0);
};

t.test('what the default profile blocks', async t => {
  const blocked = [
    ...[
      'mount',
      'umount2',
      'unshare',
      'setns',
      'pivot_root',
      'bpf',
      'perf_event_open',
      'reboot',
      'kexec_load',
    ],
    ...[
      'init_module',
      'finit_module',
      'delete_module',
      'settimeofday',
      'clock_settime',
      'swapon',
      'iopl',
      'ioperm',
    ],
    ...[
      'keyctl',
      'add_key',
      'userfaultfd',
      'io_uring_setup',
      'open_by_handle_at',
      'quotactl',
      'acct',
      'syslog',
    ],
    ...['fsopen', 'move_mount', 'mount_setattr', 'kcmp', 'vhangup', 'move_pages', 'mbind'],
  ];
  for (const name of blocked) t.equal(answer(name), EPERM, name);
  t.equal(answer('clone3'), ENOSYS, 'a libc falls back to clone');
  t.equal(answer('a_call_of_tomorrow'), ENOSYS);
});

t.test('what it allows', async t => {
  for (const name of [
    'read',
    'execve',
    'openat',
    'chroot',
    'ptrace',
    'getrandom',
    'arch_prctl',
    'statx',
    'futex',
  ]) {
    t.equal(answer(name), 0, name);
  }
});

t.test('a capability brings its calls along', async t => {
  t.equal(answer('mount', ['CAP_SYS_ADMIN']), 0);
  t.equal(answer('clone3', ['CAP_SYS_ADMIN']), 0);
  t.equal(answer('chroot', []), EPERM);
  t.equal(answer('syslog', ['CAP_SYSLOG']), 0);
  t.equal(answer('syslog', ['CAP_SYS_TIME']), EPERM);
  t.equal(answer('keyctl', CAPABILITIES), EPERM, 'no capability is enough for that');
  for (const capability of Object.keys(CAPABILITY_CALLS)) t.ok(CAPABILITIES.includes(capability), capability);
});

t.test('clone makes no namespaces, sockets reach no hypervisor', async t => {
  const profile = defaultSeccomp(DEFAULT_CAPABILITIES, 'amd64');
  const rules = (name: string) =>
    profile.syscalls.filter(({ names, args }) => args !== undefined && names.includes(name));
  const flags = { user: 0x10000000, thread: 0x100, net: 0x40000000 };
  const clone = (value: number) =>
    rules('clone').find(({ args }) => (value & (args?.[0]?.value ?? 0)) >>> 0 === args?.[0]?.valueTwo)
      ?.action;
  t.equal(clone(flags.thread), 'SCMP_ACT_ALLOW');
  t.equal(clone(flags.user), 'SCMP_ACT_ERRNO');
  t.equal(clone(flags.net + flags.thread), 'SCMP_ACT_ERRNO');
  t.same(
    rules('socket').map(({ action, args }) => [action, args?.[0]?.op, args?.[0]?.value]),
    [
      ['SCMP_ACT_ALLOW', 'SCMP_CMP_NE', 40],
      ['SCMP_ACT_ERRNO', 'SCMP_CMP_EQ', 40],
    ],
  );
});

t.test('the data is in order', async t => {
  const all = [...ALLOWED_CALLS, ...Object.values(ARCHITECTURE_CALLS).flat(), ...DENIED_CALLS];
  t.equal(new Set(all).size, all.length, 'no name stands twice');
  for (const name of [...all, ...Object.values(CAPABILITY_CALLS).flat()]) t.match(name, /^[a-z0-9_]+$/);
  for (const name of DENIED_CALLS) t.notOk(Object.values(CAPABILITY_CALLS).flat().includes(name), name);
  t.same(defaultSeccomp([], 'arm64').architectures, ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']);
});

t.test('a custom profile: conditions', async t => {
  const rule = (more: object) => ({ names: ['mkdir'], action: 'SCMP_ACT_ERRNO', ...more });
  const parse = (...rules: readonly object[]) =>
    parseSeccompProfile(
      JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', defaultErrnoRet: 1, syscalls: rules }),
      { capabilities: ['CAP_CHOWN'], arch: 'amd64', kernel: '6.12.1-amd64' },
    ).syscalls.length;
  t.equal(parse(rule({})), 1);
  t.equal(parse(rule({ includes: { caps: ['CAP_CHOWN'] } })), 1);
  t.equal(parse(rule({ includes: { caps: ['CAP_CHOWN', 'CAP_SYS_ADMIN'] } })), 0);
  t.equal(parse(rule({ excludes: { caps: ['CAP_CHOWN'] } })), 0);
  t.equal(parse(rule({ includes: { arches: ['arm64'] } })), 0);
  t.equal(parse(rule({ excludes: { arches: ['amd64'] } })), 0);
  t.equal(parse(rule({ includes: { minKernel: '4.8' } })), 1);
  t.equal(parse(rule({ includes: { minKernel: '6.13' } })), 0);
  t.equal(parse(rule({ excludes: { minKernel: '4.8' } })), 0);
  t.equal(parse({ name: 'mkdir', action: 'SCMP_ACT_KILL' }), 1, 'the older spelling');
  t.same(
    parseSeccompProfile(
      JSON.stringify({
        defaultAction: 'SCMP_ACT_ALLOW',
        archMap: [
          { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
          { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
        ],
      }),
      { capabilities: [], arch: 'amd64' },
    ).architectures,
    ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  );
});

t.test('attack: profiles that are none', async t => {
  const allow = { defaultAction: 'SCMP_ACT_ALLOW' };
  const profiles: readonly unknown[] = [
    null,
    [],
    'text',
    {},
    { defaultAction: 'SCMP_ACT_NOTIFY' },
    { ...allow, syscalls: {} },
    { ...allow, syscalls: [1] },
    { ...allow, syscalls: [{ names: ['a b'], action: 'SCMP_ACT_KILL' }] },
    { ...allow, syscalls: [{ names: [5], action: 'SCMP_ACT_KILL' }] },
    { ...allow, syscalls: [{ names: ['read'], action: 'KILL' }] },
    {
      ...allow,
      syscalls: [{ names: ['read'], action: 'SCMP_ACT_KILL', args: [{ index: 6, op: 'SCMP_CMP_EQ' }] }],
    },
    {
      ...allow,
      syscalls: [{ names: ['read'], action: 'SCMP_ACT_KILL', args: [{ value: -1, op: 'SCMP_CMP_EQ' }] }],
    },
    { ...allow, syscalls: [{ names: ['read'], name: 'read', action: 'SCMP_ACT_KILL' }] },
    { ...allow, syscalls: Array(10_001).fill({}) },
    { ...allow, architectures: ['$(reboot)'] },
    { ...allow, architectures: ['SCMP_ARCH_X86'], archMap: [{}] },
    { ...allow, flags: ['SECCOMP_FILTER_FLAG_NEW_LISTENER'] },
  ];
  for (const profile of profiles) {
    const text = JSON.stringify(profile);
    t.throws(
      () => parseSeccompProfile(text, { capabilities: [], arch: 'amd64' }),
      { code: 'ENGINE_INVALID_PARAMETER' },
      text.slice(0, 100),
    );
  }
  t.throws(() => parseSeccompProfile('{', { capabilities: [], arch: 'amd64' }), {
    message: /^Decoding seccomp profile failed: /,
  });
});

t.test('security options', async t => {
  t.same(parseSecurityOptions([]), { noNewPrivileges: false, unmasked: false, seccomp: 'default' });
  t.same(
    parseSecurityOptions([
      'no-new-privileges:true',
      'seccomp:unconfined',
      'apparmor=unconfined',
      'label=disable',
    ]),
    { noNewPrivileges: true, unmasked: false, seccomp: 'unconfined' },
  );
  t.match(parseSecurityOptions(['no-new-privileges', 'no-new-privileges=false']), { noNewPrivileges: false });
  for (const option of ['odd', 'odd=1', 'no-new-privileges=perhaps', '']) {
    t.throws(() => parseSecurityOptions([option]), { message: /^invalid --security-opt [12]: / }, option);
  }
  const here = { capabilities: [], arch: 'amd64' };
  const plan = (seccomp: string, privileged: boolean) =>
    planSeccomp({ noNewPrivileges: false, unmasked: false, seccomp }, privileged, here)?.defaultAction;
  t.equal(plan('default', false), 'SCMP_ACT_ERRNO');
  t.equal(plan('default', true), undefined);
  t.equal(plan('unconfined', false), undefined);
  t.equal(plan('{"defaultAction":"SCMP_ACT_LOG"}', true), 'SCMP_ACT_LOG', 'asked for, so kept');
});
