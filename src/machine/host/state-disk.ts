import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { STATE } from '../../shared/paths.ts';
import { ToolError } from '../../shared/errors.ts';
import { readMountSource } from './mounts.ts';
import { killByArgument } from './processes.ts';
import { runProgram, runProgramOrThrow } from './run-program.ts';

const BUSYBOX = '/usr/bin/busybox';
const E2FSCK = '/usr/sbin/e2fsck';
const MKE2FS = '/usr/sbin/mke2fs';
/** A large disk after a power cut takes minutes, not seconds. */
const CHECK_TIMEOUT_MS = 15 * 60_000;
/** One that was killed in the middle of a write ends when the disk has answered. */
const END_TIMEOUT_MS = 60_000;
const POLL_MS = 50;

/**
 * Ends an e2fsck or mke2fs that an earlier life of system-docker began on a device: two at once would destroy it.
 * Throws STATE_BUSY.
 */
async function endEarlierPrograms(device: string): Promise<void> {
  for (let waitedMs = 0; killByArgument(device, [E2FSCK, MKE2FS]) > 0; waitedMs += POLL_MS) {
    if (waitedMs >= END_TIMEOUT_MS) {
      throw new ToolError(
        `${device} is still being checked or formatted by a program that ignores being killed`,
        {
          code: 'STATE_BUSY',
          kind: 'unavailable',
          hint: 'the disk does not answer; look at "dmesg", then restart the machine',
        },
      );
    }
    await sleep(POLL_MS);
  }
}

/** Makes an ext4 file system with a label on a device. Throws STATE_FORMAT_FAILED and STATE_BUSY. */
export async function formatStateDisk(device: string, label: string): Promise<void> {
  await endEarlierPrograms(device);
  const result = await runProgram([MKE2FS, '-q', '-t', 'ext4', '-L', label, '-F', device], {
    timeoutMs: CHECK_TIMEOUT_MS,
  });
  if (result.exitCode !== 0) {
    throw new ToolError(
      `formatting ${device} as state: ${result.stderr.trim() || `exit code ${result.exitCode}`}`,
      {
        code: 'STATE_FORMAT_FAILED',
        kind: 'environment',
      },
    );
  }
}

/**
 * Repairs what can be repaired without asking (`e2fsck -p`). Answers what it did, in a word.
 * Throws STATE_DAMAGED when a person has to look at it, and STATE_BUSY.
 */
export async function checkStateDisk(device: string): Promise<'clean' | 'journal recovered' | 'repaired'> {
  await endEarlierPrograms(device);
  const { exitCode, stdout, stderr } = await runProgram([E2FSCK, '-p', device], {
    timeoutMs: CHECK_TIMEOUT_MS,
  });
  // e2fsck(8): 0 no errors, 1 corrected, 2 corrected and a mounted root would need a reboot, 4 and up not corrected.
  const recovered = /: recovering journal$/m.test(stdout);
  if (exitCode === 0) return recovered ? 'journal recovered' : 'clean';
  if (exitCode === 1 || exitCode === 2) return 'repaired';
  const said = stdout.trim() || stderr.trim() || `exit code ${exitCode}`;
  throw new ToolError(`checking ${device}: ${said.split('\n').at(-1)}`, {
    code: 'STATE_DAMAGED',
    kind: 'integrity',
    hint: `look at it with "e2fsck ${device}" from the rescue shell`,
  });
}

/** Mounts state; nothing on it may give rights that its owner in the machine does not have. Throws PROGRAM_FAILED. */
export async function mountStateDisk(device: string): Promise<void> {
  if (readMountedState() !== undefined) return;
  mkdirSync(STATE.mountPoint, { recursive: true });
  try {
    await runProgramOrThrow(
      [BUSYBOX, 'mount', '-t', 'ext4', '-o', 'nosuid,nodev', device, STATE.mountPoint],
      `mounting ${device} at ${STATE.mountPoint}`,
      { timeoutMs: 120_000 },
    );
  } catch (error) {
    // The mount of an earlier life was still under way and came first.
    if (readMountedState() !== device) throw error;
  }
}

/** The device that is mounted as state; undefined when there is none. */
export function readMountedState(): string | undefined {
  return readMountSource(STATE.mountPoint);
}
