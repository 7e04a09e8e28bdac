import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { countMounts, unmountAll } from './mounts.ts';
import { runProgramOrThrow } from './run-program.ts';

const TIMEOUT_MS = 30_000;

/** Makes a network namespace of its own, with its loopback up, and keeps it at `file`. Throws PROGRAM_FAILED. */
export async function makeNetworkNamespace(busybox: string, file: string): Promise<void> {
  await makePlace(file);
  await runProgramOrThrow(
    [busybox, 'unshare', `--net=${file}`, busybox, 'ip', 'link', 'set', 'lo', 'up'],
    'making a network namespace',
    { timeoutMs: TIMEOUT_MS },
  );
}

/** Keeps the network namespace of a process at `file`. Throws PROGRAM_FAILED. */
export async function keepNetworkNamespace(busybox: string, file: string, pid: number): Promise<void> {
  await makePlace(file);
  await runProgramOrThrow(
    [busybox, 'mount', '-o', 'bind', `/proc/${pid}/ns/net`, file],
    'keeping a network namespace',
    { timeoutMs: TIMEOUT_MS },
  );
}

/** Whether a network namespace is kept at `file`. */
export function hasNetworkNamespace(file: string): boolean {
  return countMounts(file) > 0;
}

/** Lets go of what `makeNetworkNamespace` made; no error when there is nothing. */
export async function dropNetworkNamespace(busybox: string, file: string): Promise<void> {
  await unmountAll(busybox, file);
  await rm(file, { force: true });
}

async function makePlace(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, '', { mode: 0o600 });
}
