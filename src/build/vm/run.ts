import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Arch } from '../../shared/arch.ts';
import { ToolError, messageOf } from '../../shared/errors.ts';
import type { Fault } from '../../shared/yaml/faults.ts';
import type { QemuExit } from '../tools/qemu.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import { READY_PATTERN, type ReadyLine, parseReadyLine } from './console.ts';
import { checkDisks, prepareDisks } from './disk.ts';
import {
  type Acceleration,
  type BootMedium,
  type Firmware,
  type PublishedPort,
  parsePublish,
} from './hardware.ts';
import { type Vm, startVm } from './machine.ts';
import { checkPorts, freePort } from './published-ports.ts';
import { chooseAcceleration } from './prove-acceleration.ts';
import { formatSeed, loadCloudConfig, makeSeedDisk, seedWarnings } from './seed.ts';
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
  | { readonly status: 'ended' | 'left' }
  /** Without `until`: QEMU was killed or failed. */
  | { readonly status: 'crashed'; readonly reason: string };

/** What of a run is spelled by a person. */
export type RunSpelling = Pick<RunVmOptions, 'publish' | 'disks' | 'cloudConfig' | 'workingDirectory'>;

/**
 * Finds what is wrong with a run's options before anything is built for it; returns warnings. Throws PUBLISH_INVALID,
 * PORT_IN_USE, DISK_NOT_FOUND, DISK_NOT_USABLE, and what formatSeed throws about a cloud-config.
 */
export async function checkRun(options: RunSpelling): Promise<readonly Fault[]> {
  await checkPorts(options.publish.map(parsePublish));
  await checkDisks(options.disks, options.workingDirectory);
  const cloudConfig = await readCloudConfig(options);
  if (cloudConfig === undefined) return [];
  formatSeed({ authorizedKeys: [], autologin: [], cloudConfig });
  return seedWarnings(cloudConfig);
}

/**
 * Boots an artifact in QEMU with its serial console on `stdout` and the keyboard, until it ends, the
 * person leaves (Ctrl-A X), or it is ready; then it is powered off. All that was made for the run (seed,
 * throw-away key, blank disks) is removed. Throws what startVm, prepareDisks, formatSeed, parsePublish
 * and chooseAcceleration throw, and `signal`'s reason.
 */
export async function runVm(options: RunVmOptions): Promise<RunVmResult> {
  const { toolbox, arch, signal, note } = options;
  const published = options.publish.map(parsePublish);
  const ssh = options.seed ? await sshPort(published) : undefined;
  const publish = ssh?.added === undefined ? published : [...published, ssh.added];
  const runFolder = await mkdtemp(join(tmpdir(), 'slipway-run-'));
  try {
    const disks = await prepareDisks(options.disks, {
      folder: runFolder,
      workingDirectory: options.workingDirectory,
    });
    const seed = options.seed ? await prepareSeed(options, runFolder, ssh?.port) : undefined;
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

/** The port that SSH is first tried at; any other one if it is taken. */
const SSH_PORT = 2222;

/** The port of this computer that leads to the machine's SSH server: a published one, or one that is free. */
async function sshPort(
  published: readonly PublishedPort[],
): Promise<{ readonly port: number; readonly added?: PublishedPort }> {
  const own = published.find(({ protocol, guestPort }) => protocol === 'tcp' && guestPort === 22);
  if (own !== undefined) return { port: own.hostPort };
  const taken = published.some(({ hostPort }) => hostPort === SSH_PORT);
  const port = (taken ? undefined : await freePort(SSH_PORT)) ?? (await freePort(0)) ?? SSH_PORT;
  return { port, added: { protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: port, guestPort: 22 } };
}

async function prepareSeed(
  options: RunVmOptions,
  runFolder: string,
  port: number | undefined,
): Promise<string> {
  const { toolbox, arch, home, note, signal } = options;
  const authorizedKeys = home === undefined ? [] : await loadPublicKeys(join(home, '.ssh'));
  // The machine has new host keys at each run: nobody's known_hosts should remember them.
  const words = [
    'ssh',
    `-p ${port ?? SSH_PORT}`,
    '-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null',
  ];
  if (authorizedKeys.length === 0) {
    const { privateKey, publicKey } = generateSshKey('slipway-run');
    const file = join(runFolder, 'id_ed25519');
    await writeFile(file, privateKey, { mode: 0o600, flag: 'wx' });
    authorizedKeys.push(publicKey);
    note('there is no key in ~/.ssh; the machine takes one that was made for this run');
    words.push(`-i ${file}`);
  }
  note(`log in with: ${words.join(' ')} rancher@127.0.0.1`);
  const cloudConfig = await readCloudConfig(options);
  const files = formatSeed({
    authorizedKeys,
    autologin: [SERIAL_CONSOLE[arch]],
    ...(cloudConfig === undefined ? {} : { cloudConfig }),
  });
  const output = join(runFolder, 'seed.img');
  await makeSeedDisk(toolbox, files, output, runFolder, signal);
  return output;
}

async function readCloudConfig(
  options: Pick<RunVmOptions, 'cloudConfig' | 'workingDirectory'>,
): Promise<Awaited<ReturnType<typeof loadCloudConfig>> | undefined> {
  const { cloudConfig, workingDirectory } = options;
  return cloudConfig === undefined ? undefined : loadCloudConfig(resolve(workingDirectory, cloudConfig));
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
    const end = await Promise.race([left.promise, aborted, vm.exited]);
    if (end === 'left') return { status: 'left' };
    if (end.exitCode === 0) return { status: 'ended' };
    return { status: 'crashed', reason: end.messages.trim() || describeExit(end) };
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
    return { status: 'not-ready', reason: notReadyReason(outcome.error, timeoutMs, vm) };
  }
  await powerOff(vm, note, aborted);
  return { status: outcome.ready.failed.length === 0 ? 'ready' : 'service-failed', ready: outcome.ready };
}

function notReadyReason(error: unknown, timeoutMs: number, vm: Vm): string {
  if (!(error instanceof ToolError) || error.code !== 'VM_TIMEOUT') return messageOf(error);
  const tail = vm.console.tail(8).map(line => `  ${line}`);
  return `no ready line in ${Math.round(timeoutMs / 1000)} s; the last lines of the console:\n${tail.join('\n')}`;
}

function describeExit({ exitCode, signal }: QemuExit): string {
  return signal === null
    ? `QEMU ended with exit code ${exitCode ?? 'unknown'}`
    : `QEMU was ended by ${signal}`;
}

async function powerOff(vm: Vm, note: (line: string) => void, aborted: Promise<never>): Promise<void> {
  await vm.powerDown().catch(() => undefined);
  if (!(await Promise.race([vm.waitForExit(POWER_OFF_TIMEOUT_MS), aborted]))) {
    note(`the machine did not power off in ${POWER_OFF_TIMEOUT_MS / 1000} s; it is ended by force`);
  }
}
