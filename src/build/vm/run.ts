import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Arch } from '../../shared/arch.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import { READY_PATTERN, type ReadyLine, parseReadyLine } from './console.ts';
import { prepareDisks } from './disk.ts';
import { type Acceleration, type BootMedium, type Firmware, parsePublish } from './hardware.ts';
import { type Vm, startVm } from './machine.ts';
import { chooseAcceleration } from './prove-acceleration.ts';
import { formatSeed, loadCloudConfig, makeSeedDisk } from './seed.ts';
import { generateSshKey, loadPublicKeys } from './ssh-key.ts';
import { type TerminalInput, attachTerminal } from './terminal.ts';

/** Enough for the slowest boot without hardware virtualisation. */
const DEFAULT_READY_TIMEOUT_MS = 300_000;
/** How long the machine has to stop its services when it is powered off. */
const POWER_OFF_TIMEOUT_MS = 90_000;
const SERIAL_CONSOLE: Readonly<Record<Arch, string>> = { amd64: 'ttyS0', arm64: 'ttyAMA0' };

export interface RunVmOptions {
  /** Unpacked packages of VM_TOOLS for the guest's architecture. */
  readonly toolbox: Toolbox;
  readonly arch: Arch;
  /** `process.arch` of the build host. */
  readonly nodeArch: string;
  readonly boot: BootMedium;
  readonly firmware: Firmware;
  readonly memoryMb: number;
  readonly cpus: number;
  /** As `--publish` and `--disk` spell them. */
  readonly publish: readonly string[];
  readonly disks: readonly string[];
  /** Give the machine a seed: keys, host name, and a login on the serial console. */
  readonly seed: boolean;
  readonly cloudConfig?: string | undefined;
  readonly acceleration: 'auto' | Acceleration;
  readonly until?: 'ready' | undefined;
  readonly timeoutMs?: number | undefined;
  /** Do not connect the keyboard. */
  readonly headless: boolean;
  readonly workingDirectory: string;
  /** The user's home folder, whose .ssh/*.pub become the seed's keys. */
  readonly home?: string | undefined;
  /** Where the proof of acceleration is kept. */
  readonly cacheFolder: string;
  readonly stdin: TerminalInput;
  readonly stdout: NodeJS.WritableStream;
  /** A line for the person who runs it, before and after the machine's own output. */
  readonly note: (line: string) => void;
  readonly signal: AbortSignal;
}

export type RunVmResult =
  /** With `until: ready`: the ready line came, with or without failed services. */
  | { readonly status: 'ready' | 'service-failed'; readonly ready: ReadyLine }
  /** With `until: ready`: it did not come in time, or the machine ended. */
  | { readonly status: 'not-ready'; readonly reason: string }
  /** Without `until`: the machine switched itself off, or the person left. */
  | { readonly status: 'ended' | 'left' };

/**
 * Boots an artifact in QEMU with its serial console on `stdout` and the keyboard, until it ends, the
 * person leaves (Ctrl-A X), or it is ready; then it is powered off. All that was made for the run (seed,
 * throw-away key, blank disks) is removed. Throws what startVm, prepareDisks, formatSeed, parsePublish
 * and chooseAcceleration throw, and `signal`'s reason.
 */
export async function runVm(options: RunVmOptions): Promise<RunVmResult> {
  const { toolbox, arch, signal, note } = options;
  const publish = options.publish.map(parsePublish);
  const runFolder = await mkdtemp(join(tmpdir(), 'slipway-run-'));
  try {
    const disks = await prepareDisks(options.disks, {
      folder: runFolder,
      workingDirectory: options.workingDirectory,
    });
    const seed = options.seed ? await prepareSeed(options, runFolder) : undefined;
    const acceleration = await chooseAcceleration(options.acceleration, {
      ...{ toolbox, guestArch: arch, nodeArch: options.nodeArch, cacheFolder: options.cacheFolder, signal },
    });
    if (acceleration === 'tcg')
      note('no hardware virtualisation here: the machine runs about ten times slower');
    await using vm = await startVm({
      ...{ toolbox, arch, boot: options.boot, firmware: options.firmware, acceleration, runFolder },
      ...{ memoryMb: options.memoryMb, cpus: options.cpus, disks, seed, publish },
      onOutput: bytes => void options.stdout.write(bytes),
    });
    return await supervise(vm, options);
  } finally {
    await rm(runFolder, { recursive: true, force: true });
  }
}

async function prepareSeed(options: RunVmOptions, runFolder: string): Promise<string> {
  const { toolbox, arch, home, note, signal } = options;
  const authorizedKeys = home === undefined ? [] : await loadPublicKeys(join(home, '.ssh'));
  if (authorizedKeys.length === 0) {
    const { privateKey, publicKey } = generateSshKey('slipway-run');
    const file = join(runFolder, 'id_ed25519');
    await writeFile(file, privateKey, { mode: 0o600, flag: 'wx' });
    authorizedKeys.push(publicKey);
    note(`there is no key in ~/.ssh; the machine takes this one as long as it runs: ${file}`);
  }
  const files = formatSeed({
    authorizedKeys,
    autologin: [SERIAL_CONSOLE[arch]],
    ...(options.cloudConfig === undefined
      ? {}
      : { cloudConfig: await loadCloudConfig(resolve(options.workingDirectory, options.cloudConfig)) }),
  });
  const output = join(runFolder, 'seed.img');
  await makeSeedDisk(toolbox, files, output, runFolder, signal);
  return output;
}

async function supervise(vm: Vm, options: RunVmOptions): Promise<RunVmResult> {
  const { signal, headless, stdin, note } = options;
  const left = Promise.withResolvers<'left'>();
  using keyboard = new DisposableStack();
  if (!headless) {
    keyboard.use(
      attachTerminal(stdin, { type: bytes => vm.write(bytes), leave: () => left.resolve('left') }),
    );
  }
  if (!headless && stdin.isTTY) note('Ctrl-A X leaves and ends the machine');
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    if (signal.aborted) reject(signal.reason as Error);
  });

  if (options.until === undefined) {
    const end = await Promise.race([left.promise, aborted, vm.exited.then(() => 'ended' as const)]);
    return { status: end };
  }
  const timeoutMs = options.timeoutMs ?? DEFAULT_READY_TIMEOUT_MS;
  const ready = vm.waitForLine(READY_PATTERN, { timeoutMs, signal }).then(
    match => ({ ready: parseReadyLine(match) }),
    (error: unknown) => ({ error }),
  );
  const outcome = await Promise.race([ready, aborted, left.promise]);
  signal.throwIfAborted();
  if (outcome === 'left') return { status: 'not-ready', reason: 'left before it was ready' };
  if ('error' in outcome) {
    const reason = outcome.error instanceof Error ? outcome.error.message : String(outcome.error);
    return { status: 'not-ready', reason };
  }
  await powerOff(vm, note, aborted);
  return { status: outcome.ready.failed.length === 0 ? 'ready' : 'service-failed', ready: outcome.ready };
}

async function powerOff(vm: Vm, note: (line: string) => void, aborted: Promise<never>): Promise<void> {
  await vm.powerDown().catch(() => undefined);
  if (!(await Promise.race([vm.waitForExit(POWER_OFF_TIMEOUT_MS), aborted]))) {
    note(`the machine did not power off in ${POWER_OFF_TIMEOUT_MS / 1000} s; it is ended by force`);
  }
}
