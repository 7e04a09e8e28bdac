import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Arch, hostArch } from '../../shared/arch.ts';
import { ToolError, isSystemError } from '../../shared/errors.ts';
import { startQemu } from '../tools/qemu.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import { type Acceleration, processorArguments } from './hardware.ts';

/** The guest's 2 * 10^8 turns take a tenth of a second on a processor, and half a minute or more in emulation. */
const PROOF_TIMEOUT_MS = 4000;

export interface AccelerationProof {
  readonly usable: boolean;
  /** Why not, for people. */
  readonly reason?: string;
}

export interface AccelerationOptions {
  readonly toolbox: Toolbox;
  readonly guestArch: Arch;
  /** `process.arch` of the build host. */
  readonly nodeArch: string;
  /** Where the proof is kept until the host boots again. */
  readonly cacheFolder: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Chooses how the machine's processor is made: `auto` is KVM where it is proved to work. Throws
 * KVM_UNUSABLE when `kvm` is asked for and does not.
 */
export async function chooseAcceleration(
  wanted: 'auto' | Acceleration,
  options: AccelerationOptions,
): Promise<Acceleration> {
  if (wanted === 'tcg') return 'tcg';
  const proof = await proveKvm(options);
  if (proof.usable) return 'kvm';
  if (wanted === 'auto') return 'tcg';
  throw new ToolError(`starting the machine with KVM: ${proof.reason ?? 'it does not work here'}`, {
    code: 'KVM_UNUSABLE',
    kind: 'environment',
    hint: 'leave out --accel; without KVM the machine runs about ten times slower',
  });
}

/**
 * Whether KVM runs a guest here. That /dev/kvm opens and makes a machine is no proof: inside some
 * machines the host then emulates every instruction, a thousand times slower and not all of
 * them, and no kernel gets through its own unpacking. So a guest of a few instructions must do some work
 * and switch itself off in time; the result is kept for this boot of the host.
 */
export async function proveKvm(options: AccelerationOptions): Promise<AccelerationProof> {
  const { guestArch, nodeArch, toolbox, cacheFolder } = options;
  if (hostArch(nodeArch) !== guestArch) {
    return { usable: false, reason: `the guest is ${guestArch} and this computer is not` };
  }
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch (error) {
    return isSystemError(error, 'ENOENT')
      ? { usable: false, reason: 'this computer has no /dev/kvm' }
      : { usable: false, reason: '/dev/kvm may not be opened by this user (see the group "kvm")' };
  }
  const cache = join(cacheFolder, `kvm-${await bootId()}-${basename(toolbox.root).slice(-16)}.json`);
  const known = await loadProof(cache);
  if (known) return known;
  const proof = await runProof(options, 'kvm');
  await saveProof(cache, proof);
  return proof;
}

/** Runs the proof's guest with the given acceleration; without a cache. */
export async function runProof(
  { toolbox, guestArch, signal }: Pick<AccelerationOptions, 'toolbox' | 'guestArch' | 'signal'>,
  acceleration: Acceleration,
): Promise<AccelerationProof> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-kvm-'));
  try {
    const image = join(folder, 'guest');
    const guest = PROOF_GUESTS[guestArch];
    await writeFile(image, guest.image());
    const qemu = startQemu(toolbox, guestArch, [
      ...processorArguments(acceleration, guestArch),
      ...['-m', '64', '-no-reboot'],
      ...guest.arguments(image),
    ]);
    qemu.output.resume();
    const timer = setTimeout(() => qemu.kill('SIGKILL'), PROOF_TIMEOUT_MS);
    const onAbort = (): void => qemu.kill('SIGKILL');
    signal?.addEventListener('abort', onAbort, { once: true });
    const { exitCode, messages } = await qemu.exited;
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    signal?.throwIfAborted();
    if (exitCode === guest.exitCode) return { usable: true };
    const said = messages.trim().split('\n').at(-1) ?? '';
    return { usable: false, reason: said || 'KVM starts here, but does not run a guest at a usable speed' };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface ProofGuest {
  /** The guest's program. */
  readonly image: () => Uint8Array;
  readonly arguments: (image: string) => readonly string[];
  /** QEMU's exit code when the guest ran to its end. */
  readonly exitCode: number;
}

/** A boot sector for the address 0x7c00: counts down from 10^8 in protected mode, then in long mode. */
const X86_CODE = [
  // cli; segments = 0; lgdt; CR0.PE = 1; far jump to 32-bit code
  'fa31c08ed88ec08ed00f0116c07c0f20c00c010f22c0ea1b7c1000',
  // data segments; ecx = 10^8; dec ecx; jnz
  'b8180000008ed88ec08ed0b900e1f5054975fd',
  // CR3 = 0x9000; three empty page tables there, the first 2 MiB mapped as they are
  'bf009000000f22df31c0b9000c0000f3ab',
  'c7050090000003a00000c70500a0000003b00000c70500b0000083000000',
  // CR4.PAE, EFER.LME, CR0.PG; far jump to 64-bit code
  '0f20e083c8200f22e0b9800000c00f320d000100000f300f20c00d000000800f22c0ea867c00000800',
  // ecx = 10^8; dec ecx; jnz; out 0xf4, 0x10; hlt; jmp
  'b900e1f505ffc975fc66baf400b010eef4ebfd',
  // The descriptor table (null, 64-bit code, 32-bit code, data) at a multiple of 8, and its pointer.
  '0f1f8000000000',
  '0000000000000000ffff0000009baf00ffff0000009bcf00ffff00000093cf00',
  '1f00a07c0000',
].join('');

/** mov w1, 10^8; subs w1, w1, 1; b.ne; w0 = PSCI SYSTEM_OFF; hvc 0; b . */
const ARM64_CODE = '01209c52a1bea07221040071e1ffff54000180520080b072020000d400000014';

const PROOF_GUESTS: Readonly<Record<Arch, ProofGuest>> = {
  amd64: {
    image: () => {
      const sector = Buffer.alloc(512);
      Buffer.from(X86_CODE, 'hex').copy(sector);
      sector.writeUInt16LE(0xaa55, 510);
      return sector;
    },
    arguments: image => [
      ...['-machine', 'pc', '-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04'],
      ...['-drive', `if=ide,format=raw,snapshot=on,file=${image.replaceAll(',', ',,')}`],
    ],
    // Twice what was written to the port, and one.
    exitCode: 0x21,
  },
  arm64: {
    image: () => Buffer.from(ARM64_CODE, 'hex'),
    arguments: image => ['-machine', 'virt,gic-version=host', '-kernel', image],
    exitCode: 0,
  },
};

async function bootId(): Promise<string> {
  const id = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown');
  return id.trim().replaceAll(/[^0-9a-z-]/g, '');
}

async function loadProof(cache: string): Promise<AccelerationProof | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(cache, 'utf8'));
    if (typeof value !== 'object' || value === null || !('usable' in value)) return undefined;
    const reason = 'reason' in value && typeof value.reason === 'string' ? { reason: value.reason } : {};
    return { usable: value.usable === true, ...reason };
  } catch {
    return undefined;
  }
}

async function saveProof(cache: string, proof: AccelerationProof): Promise<void> {
  const temporary = `${cache}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(join(cache, '..'), { recursive: true });
    await writeFile(temporary, JSON.stringify(proof));
    await rename(temporary, cache);
  } catch {
    // Only a cache: next time it is proved again.
    await rm(temporary, { force: true });
  }
}
