import type { OciSeccomp, OciSeccompRule } from './oci-types.ts';
import { ALLOWED_CALLS, ARCHITECTURE_CALLS, CAPABILITY_CALLS, DENIED_CALLS } from './seccomp-calls.ts';

/** Errors of the kernel's that a refused call answers. */
const EPERM = 1;
const ENOSYS = 38;

/** clone(2)'s flags for new namespaces. */
const NAMESPACE_FLAGS: readonly number[] = [
  0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
];
const AF_VSOCK = 40;
/** personality(2): Linux, its 32-bit variant, both with the short host name, and asking. */
const PERSONALITIES: readonly number[] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];

const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  amd64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
};

/**
 * The profile of a container that asks for none: which system calls it may use.
 * @param capabilities what the container may have at most, `CAP_X`
 * @param arch `amd64` or `arm64`
 */
export function defaultSeccomp(capabilities: readonly string[], arch: string): OciSeccomp {
  const granted = new Set(capabilities.flatMap(name => CAPABILITY_CALLS[name] ?? []));
  const allowed = [...new Set([...ALLOWED_CALLS, ...(ARCHITECTURE_CALLS[arch] ?? []), ...granted])];
  const guarded = new Set([...Object.values(CAPABILITY_CALLS).flat(), ...DENIED_CALLS]);
  // Those two are not refused as such: see below, and ENOSYS makes a libc fall back from clone3 to clone.
  const denied = [...guarded].filter(name => !granted.has(name) && name !== 'clone' && name !== 'clone3');
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: ENOSYS,
    architectures: ARCHITECTURES[arch] ?? [],
    syscalls: [
      allow(allowed),
      deny(denied),
      ...(granted.has('clone') ? [] : plainClone()),
      allow(['socket'], { index: 0, value: AF_VSOCK, op: 'SCMP_CMP_NE' }),
      deny(['socket'], { index: 0, value: AF_VSOCK, op: 'SCMP_CMP_EQ' }),
      ...PERSONALITIES.map(value => allow(['personality'], { index: 0, value, op: 'SCMP_CMP_EQ' })),
    ],
  };
}

/** clone without new namespaces; with any of them it is not permitted. */
function plainClone(): OciSeccompRule[] {
  const all = NAMESPACE_FLAGS.reduce((sum, flag) => sum + flag, 0);
  return [
    allow(['clone'], { index: 0, value: all, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }),
    ...NAMESPACE_FLAGS.map(flag =>
      deny(['clone'], { index: 0, value: flag, valueTwo: flag, op: 'SCMP_CMP_MASKED_EQ' }),
    ),
  ];
}

function allow(names: readonly string[], ...args: NonNullable<OciSeccompRule['args']>): OciSeccompRule {
  return { names, action: 'SCMP_ACT_ALLOW', ...(args.length === 0 ? {} : { args }) };
}

function deny(names: readonly string[], ...args: NonNullable<OciSeccompRule['args']>): OciSeccompRule {
  return { names, action: 'SCMP_ACT_ERRNO', errnoRet: EPERM, ...(args.length === 0 ? {} : { args }) };
}
