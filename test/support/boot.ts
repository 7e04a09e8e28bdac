import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Arch } from '../../src/shared/arch.ts';
import { LOADER, MULTIARCH, hostArch } from '../../src/shared/arch.ts';
import { quoteShellWord } from '../../src/shared/shell-word.ts';
import { storeRoot } from '../../src/build/store/store.ts';
import { VM_TOOLS } from '../../src/build/tools/packages.ts';
import { type Toolbox, openToolbox } from '../../src/build/tools/toolbox.ts';
import type { BootMedium, Firmware, VmDisk } from '../../src/build/vm/hardware.ts';
import { type Vm, startVm } from '../../src/build/vm/machine.ts';
import { chooseAcceleration } from '../../src/build/vm/prove-acceleration.ts';
import { formatSeed, makeSeedDisk } from '../../src/build/vm/seed.ts';
import { generateSshKey } from '../../src/build/vm/ssh-key.ts';
import { type ProgramResult, run } from './artifacts.ts';
import { unpackHostLibc, unpackPackageSets } from './locked-tools.ts';

/** A machine without hardware virtualisation on a busy computer takes its time; a broken one takes for ever. */
export const GENEROUS_MS = 600_000;
/** For a test file that builds and boots; only a hang gets there. */
export const BOOT_TEST_MS = 1_500_000;

const READY =
  /\[ready\] (?<name>\S+) (?<version>\S+) services=(?<up>\d+)\/(?<total>\d+) failed=(?<failed>\S*) uptime=[\d.]+s/;
/** Programs of the person who uses a machine, for this computer. */
const CLIENT_TOOLS = { want: ['openssh-client', 'docker-cli', 'libc6'], omit: ['passwd', 'adduser'] };

export interface BootOptions {
  readonly boot: BootMedium;
  readonly firmware?: Firmware;
  readonly memoryMb?: number;
  readonly cpus?: number;
  readonly disks?: readonly VmDisk[];
  readonly network?: boolean;
  /** TCP ports of the machine that are reached as `machine.hostPort(PORT)` on this computer's loopback. */
  readonly ports?: readonly number[];
  /** Give it a seed with a key for `ssh`; true unless said otherwise. */
  readonly seed?: boolean;
  /** Added to the seed's user-data. */
  readonly cloudConfig?: string;
  readonly extraArguments?: readonly string[];
}

export interface ReadyLine {
  readonly name: string;
  readonly up: number;
  readonly total: number;
  readonly failed: readonly string[];
}

interface TestTools {
  readonly arch: Arch;
  readonly vm: Toolbox;
  readonly client: Toolbox;
}

let tools: Promise<TestTools> | undefined;

/** QEMU, ssh and docker from Debian's packages, unpacked in the store. */
export function testTools(): Promise<TestTools> {
  return (tools ??= (async () => {
    const arch = hostArch(process.arch);
    if (!arch) throw new Error(`no machine can be booted on ${process.arch}`);
    const [vmRoot = '', clientRoot = ''] = await unpackPackageSets([
      { arch, set: VM_TOOLS[arch] },
      { arch, set: CLIENT_TOOLS },
    ]);
    return {
      arch,
      vm: openToolbox({ root: vmRoot, epoch: 0, arch }),
      client: openToolbox({ root: clientRoot, epoch: 0, arch }),
    };
  })());
}

/** Boots an artifact in QEMU. Dispose of it to end it and remove all that was made for it. */
export async function bootMachine(options: BootOptions): Promise<TestMachine> {
  const { arch, vm: toolbox, client } = await testTools();
  const folder = await mkdtemp(join(tmpdir(), 'slipway-boot-'));
  const libc = join(folder, 'libc');
  await mkdir(libc);
  await unpackHostLibc(arch, libc);
  const { privateKey, publicKey } = generateSshKey('test');
  const key = join(folder, 'id_ed25519');
  await writeFile(key, privateKey, { mode: 0o600 });
  let seed: string | undefined;
  if (options.seed !== false) {
    seed = join(folder, 'seed.img');
    const files = formatSeed({
      authorizedKeys: [publicKey],
      autologin: ['ttyS0'],
      ...(options.cloudConfig === undefined
        ? {}
        : { cloudConfig: { file: 'cloud-config', text: options.cloudConfig } }),
    });
    await makeSeedDisk(toolbox, files, seed, folder);
  }
  const acceleration = await chooseAcceleration('auto', {
    toolbox,
    guestArch: arch,
    nodeArch: process.arch,
    cacheFolder: join(storeRoot(process.env), 'acceleration'),
  });
  const sshPort = await freePort();
  const hostPorts = new Map([[22, sshPort]]);
  for (const port of options.ports ?? []) hostPorts.set(port, await freePort());
  const runFolder = join(folder, 'run');
  await mkdir(runFolder);
  const vm = await startVm({
    toolbox,
    arch,
    acceleration,
    runFolder,
    boot: options.boot,
    firmware: options.firmware ?? 'bios',
    memoryMb: options.memoryMb ?? 512,
    cpus: options.cpus ?? 2,
    disks: options.disks ?? [],
    seed,
    publish:
      options.network === false
        ? []
        : [...hostPorts].map(([guestPort, hostPort]) => ({
            protocol: 'tcp',
            hostAddress: '127.0.0.1',
            hostPort,
            guestPort,
          })),
    ...(options.network === undefined ? {} : { network: options.network }),
    ...(options.extraArguments ? { extraArguments: options.extraArguments } : {}),
  });
  return new TestMachine(vm, { client, libc, arch }, folder, key, hostPorts);
}

interface Programs {
  readonly client: Toolbox;
  readonly libc: string;
  readonly arch: Arch;
}

/** A booted machine as its user sees it: console, ssh, and Docker's client. */
export class TestMachine implements AsyncDisposable {
  readonly vm: Vm;
  readonly #programs: Programs;
  readonly #folder: string;
  readonly #key: string;
  readonly #hostPorts: ReadonlyMap<number, number>;
  /** Keeps one connection open that later ones use: making one takes seconds on an emulated machine. */
  #connection: ChildProcess | undefined;
  readonly #tunnels: ChildProcess[] = [];

  constructor(
    vm: Vm,
    programs: Programs,
    folder: string,
    key: string,
    hostPorts: ReadonlyMap<number, number>,
  ) {
    this.vm = vm;
    this.#programs = programs;
    this.#folder = folder;
    this.#key = key;
    this.#hostPorts = hostPorts;
  }

  /** Waits for the ready line. */
  async ready(): Promise<ReadyLine> {
    const { groups = {} } = await this.vm.waitForLine(READY, { timeoutMs: GENEROUS_MS });
    return {
      name: groups.name ?? '',
      up: Number(groups.up),
      total: Number(groups.total),
      failed: (groups.failed ?? '').split(',').filter(Boolean),
    };
  }

  /** Waits for text on the serial console. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    return this.vm.waitForLine(pattern, { timeoutMs: GENEROUS_MS });
  }

  /** Runs a command on the machine with a real ssh, as rancher; tries again while nobody answers. */
  async ssh(command: string, input?: string): Promise<ProgramResult> {
    const until = Date.now() + GENEROUS_MS;
    for (;;) {
      const { file, args, env } = this.#sshCommand([command]);
      const result = await run(file, args, { env, ...(input === undefined ? {} : { input }) });
      const isUnreachable = result.exitCode === 255 && /connect|reset|closed|timed out/i.test(result.stderr);
      if (!isUnreachable) this.#keepConnection();
      if (!isUnreachable || Date.now() > until) return result;
      await delay(500);
    }
  }

  /** Docker's words by system-docker's own command on the machine: one connection, one program. */
  async systemDocker(...args: string[]): Promise<ProgramResult> {
    return this.ssh(['sudo', 'system-docker', ...args].map(quoteShellWord).join(' '));
  }

  /** Runs a command as root and returns what it prints; throws when it fails. */
  async root(command: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.ssh('sudo sh -s', command);
    if (exitCode !== 0) throw new Error(`${command}: exit code ${exitCode}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Docker's own client on this computer, over ssh, against system-docker. */
  async docker(...args: string[]): Promise<ProgramResult> {
    const bin = join(this.#folder, 'bin');
    await mkdir(bin, { recursive: true });
    const { file, args: sshArgs, env } = this.#sshCommand([]);
    const quoted = [file, ...sshArgs.slice(0, -1)].map(word => `'${word}'`).join(' ');
    // The client starts `ssh [options] HOST docker system dial-stdio`; there only system-docker is at home.
    await writeFile(
      join(bin, 'ssh'),
      `#!/bin/sh\nexec ${quoted} rancher@127.0.0.1 sudo system-docker system dial-stdio\n`,
      { mode: 0o755 },
    );
    const docker = this.#command('docker', args);
    return run(docker.file, docker.args, {
      env: {
        ...docker.env,
        ...env,
        PATH: `${bin}:/usr/bin:/bin`,
        DOCKER_HOST: 'ssh://rancher@127.0.0.1',
        HOME: this.#folder,
      },
    });
  }

  /** Where one of the machine's own ports (BootOptions.ports) is on this computer's loopback. */
  hostPort(port: number): number {
    const found = this.#hostPorts.get(port);
    if (found === undefined) throw new Error(`port ${port} is not among the machine's ports`);
    return found;
  }

  /** Runs Docker's own client on this computer with an environment of the caller's. */
  async dockerWith(env: Readonly<Record<string, string>>, ...args: string[]): Promise<ProgramResult> {
    const docker = this.#command('docker', args);
    return run(docker.file, docker.args, { env: { ...docker.env, HOME: this.#folder, ...env } });
  }

  /** Lets the machine reach a port of this computer's loopback as a port of its own, as long as it runs. */
  reachHost(port: number, ownPort = port): void {
    this.#openTunnel(['-R', `${ownPort}:127.0.0.1:${port}`]);
  }

  /** Makes what listens on the machine be reached here, as long as it runs: ports of both loopbacks, sockets. */
  reachMachine(ports: readonly number[], sockets: Readonly<Record<string, string>> = {}): void {
    const forwards = [
      ...ports.map(port => `127.0.0.1:${port}:127.0.0.1:${port}`),
      ...Object.entries(sockets).map(([here, there]) => `${here}:${there}`),
    ];
    this.#openTunnel(forwards.flatMap(forward => ['-L', forward]));
  }

  #openTunnel(forwards: readonly string[]): void {
    const { file, args, env } = this.#sshCommand([], ['-N', ...forwards], 'none');
    const tunnel = spawn(file, args, { env, stdio: 'ignore' });
    tunnel.on('error', () => undefined);
    this.#tunnels.push(tunnel);
  }

  /** Makes a socket of the machine, which the user must be able to open, one of this computer, as long as it runs. */
  forwardSocket(local: string, remote: string): void {
    const { file, args, env } = this.#sshCommand([], ['-N', '-L', `${local}:${remote}`], 'none');
    const tunnel = spawn(file, args, { env, stdio: 'ignore' });
    tunnel.on('error', () => undefined);
    this.#tunnels.push(tunnel);
  }

  /** Waits until `probe` returns something else than undefined. */
  async eventually<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
    const until = Date.now() + GENEROUS_MS;
    for (;;) {
      const found = await probe();
      if (found !== undefined) return found;
      if (Date.now() > until) throw new Error(`${what}: not in ${GENEROUS_MS / 1000} s`);
      await delay(300);
    }
  }

  /** Presses the power button; true when the machine then switches itself off. */
  async powerButton(): Promise<boolean> {
    await this.vm.powerDown();
    return this.vm.waitForExit(GENEROUS_MS);
  }

  /** Everything the console has said. */
  consoleText(): string {
    return this.vm.console.tail(10_000).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of [this.#connection, ...this.#tunnels]) process?.kill('SIGKILL');
    await this.vm[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Where there is no such connection (any more), ssh makes one of its own. */
  #keepConnection(): void {
    if (this.#connection?.exitCode === null) return;
    const { file, args, env } = this.#sshCommand([], ['-M', '-N']);
    this.#connection = spawn(file, args, { env, stdio: 'ignore' });
    this.#connection.on('error', () => undefined);
  }

  #sshCommand(
    command: readonly string[],
    more: readonly string[] = [],
    control = join(this.#folder, 'ssh.sock'),
  ) {
    return this.#command('ssh', [
      ...more,
      ...['-S', control],
      ...['-F', 'none', '-i', this.#key, '-p', String(this.hostPort(22)), '-o', 'IdentitiesOnly=yes'],
      ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
      ...['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=60'],
      'rancher@127.0.0.1',
      ...command,
    ]);
  }

  /** A client program with the C library that knows this computer's users. */
  #command(program: string, args: readonly string[]) {
    const { client, libc, arch } = this.#programs;
    const libraries = `${libc}:${client.file(`usr/lib/${MULTIARCH[arch]}`)}`;
    return {
      file: join(libc, basename(LOADER[arch])),
      args: ['--argv0', program, '--library-path', libraries, client.file(`usr/bin/${program}`), ...args],
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', HOME: this.#folder },
    };
  }
}

/** A port of the loopback that nobody has now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
