import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { EngineConfig } from '../../src/machine/engine/engine-config.ts';
import { listMountPoints } from '../../src/machine/host/mounts.ts';
import { eventually, makeImageStore, testPrograms } from './engine.ts';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A machine with one network card, the world behind it, and Docker's client. */
export interface NetworkMachine extends Disposable {
  readonly config: Omit<EngineConfig, 'log'> & { readonly stateRoot: string; readonly socket: string };
  /** The same without what bridge networks need. */
  readonly withoutNetworks: EngineConfig['programs'];
  /** File of the network namespace that stands for the world. */
  readonly world: string;
  readonly docker: (...args: readonly string[]) => Promise<Ended>;
  /** What a command of Docker's client prints, which has to work. */
  readonly said: (...args: readonly string[]) => Promise<string>;
  readonly inspect: (name: string, format: string) => Promise<string>;
  /** Runs a script in a container. */
  readonly inside: (name: string, script: string) => Promise<Ended>;
  /** What a web server answers, asked from the machine or, with a namespace, from there; empty for none. */
  readonly fetch: (url: string, namespace?: string) => Promise<string>;
  /** Starts a container that answers its name over HTTP. */
  readonly serve: (name: string, options: readonly string[]) => Promise<string>;
  /** Waits until such a container listens, after a restart for instance. */
  readonly untilServing: (name: string) => Promise<true>;
  /** Interfaces that came after the machine. */
  readonly interfaces: () => string[];
  readonly rules: () => string;
  readonly sh: (script: string) => string;
  /** Asserts that nothing of any container's networks is there. */
  readonly expectNothing: (t: Test, when: string) => void;
}

/**
 * Makes this process's network namespace such a machine: 198.51.100.2, whose way out is 198.51.100.1. That is another
 * namespace with a web server that says `world`, and a name server that knows `far.example` as 203.0.113.5.
 */
export async function startNetworkMachine(engineRoot: string, folder: string): Promise<NetworkMachine> {
  const {
    engine: programs,
    networks,
    docker: dockerProgram,
    ip,
  } = testPrograms(engineRoot, join(folder, 'bin'));
  const group = `/slipway-networks-${process.pid}`;
  const runRoot = join(folder, 'run');
  const socket = join(folder, 'api.sock');
  const world = join(folder, 'world');
  const run = (command: string, args: readonly string[]): Promise<Ended> =>
    new Promise(resolve => {
      const child = spawn(command, args, {
        env: { ...process.env, DOCKER_HOST: `unix://${socket}`, HOME: folder },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      child.on('close', code => resolve({ code, stdout, stderr }));
    });
  const docker = (...args: readonly string[]): Promise<Ended> => run(dockerProgram, args);
  const said = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await docker(...args);
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  const untilServing = (name: string): Promise<true> =>
    eventually(`${name} listening`, async () => {
      const pid = await said('inspect', '-f', '{{.State.Pid}}', name);
      const sockets = ['tcp', 'tcp6'].map(kind => readOrNothing(`/proc/${pid}/net/${kind}`)).join('');
      // Port 80, state LISTEN.
      return /:0050 \S+ 0A /.test(sockets) ? true : undefined;
    });
  const { busybox } = programs;
  const inWorld: readonly [string, ...string[]] = [busybox, 'nsenter', `--net=${world}`];
  const helpers = await makeWorld(busybox, ip, world, inWorld, folder);
  const before = new Set(readdirSync('/sys/class/net'));
  const interfaces = (): string[] => readdirSync('/sys/class/net').filter(name => !before.has(name));
  const rules = (): string => sh(`${networks.nft} list ruleset`);
  const stateRoot = join(folder, 'state');
  mkdirSync(stateRoot, { recursive: true });
  return {
    config: {
      runRoot,
      stateRoot,
      imageStores: [makeImageStore(join(folder, 'store'), busybox)],
      programs: { ...programs, ...networks },
      cgroups: {
        root: '/sys/fs/cgroup',
        monitors: `${group}/monitors`,
        services: `${group}/services`,
        user: `${group}/user`,
        limits: false,
      },
      version: '0.1.0-test',
      socket,
    },
    withoutNetworks: programs,
    world,
    docker,
    said,
    inspect: (name, format) => said('inspect', '-f', format, name),
    inside: (name, script) => docker('exec', name, 'sh', '-c', script),
    async fetch(url, namespace) {
      const enter = namespace === undefined ? [] : [busybox, 'nsenter', `--net=${namespace}`];
      const words = [...enter, busybox, 'wget', '-q', '-T', '3', '-O', '-', url];
      return (await run(words[0] ?? '', words.slice(1))).stdout;
    },
    async serve(name, options) {
      const id = await said(
        ...['run', '-d', '--name', name, ...options, 'test/busybox', 'sh', '-c'],
        `mkdir -p /www; echo ${name} > /www/index.html; exec busybox httpd -f -h /www`,
      );
      await untilServing(name);
      return id;
    },
    untilServing,
    interfaces,
    rules,
    sh,
    expectNothing(t, when) {
      const firewall = join(runRoot, 'netavark/firewall');
      t.same(interfaces(), [], `${when}: no bridge, no veth`);
      t.notMatch(rules(), /dport|\.0\.0\/16/, `${when}: no rules`);
      t.same(readdirSync(join(runRoot, 'netns')), [], `${when}: no namespace`);
      t.notOk(
        listMountPoints().some(point => point.startsWith(join(runRoot, 'netns'))),
        `${when}: nothing mounted`,
      );
      t.same(
        ['ports', 'networks'].flatMap(kind =>
          existsSync(join(firewall, kind)) ? readdirSync(join(firewall, kind)) : [],
        ),
        [],
        `${when}: netavark knows nothing`,
      );
    },
    [Symbol.dispose]() {
      for (const helper of helpers) helper.kill();
    },
  };
}

async function makeWorld(
  busybox: string,
  ip: string,
  world: string,
  inWorld: readonly [string, ...string[]],
  folder: string,
): Promise<ReturnType<typeof spawn>[]> {
  const [program, ...args] = inWorld;
  writeFileSync(world, '');
  sh(
    [
      `${busybox} ip link set lo up`,
      `${busybox} unshare --net=${world} ${busybox} ip link set lo up`,
      `${ip} link add uplink type veth peer name faraway`,
      `${ip} addr add 198.51.100.2/24 dev uplink`,
      `${ip} link set uplink up`,
    ].join('\n'),
  );
  const holder = spawn(program, [...args, busybox, 'sleep', '100000']);
  await eventually('the world', () =>
    readFileSync(`/proc/${holder.pid ?? 0}/cmdline`, 'utf8').includes('sleep') ? true : undefined,
  );
  mkdirSync(join(folder, 'www'), { recursive: true });
  writeFileSync(join(folder, 'www/index.html'), 'world\n');
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 198.51.100.1\n');
  sh(
    [
      `${ip} link set faraway netns ${holder.pid ?? 0}`,
      `${inWorld.join(' ')} ${ip} addr add 198.51.100.1/24 dev faraway`,
      `${inWorld.join(' ')} ${ip} link set faraway up`,
      `${ip} route add default via 198.51.100.1`,
      `mount --bind ${join(folder, 'resolv.conf')} /etc/resolv.conf`,
    ].join('\n'),
  );
  const web = spawn(program, [...args, busybox, 'httpd', '-f', '-p', '80', '-h', join(folder, 'www')]);
  const script = join(import.meta.dirname, 'name-server.ts');
  const names = spawn(
    program,
    [...args, process.execPath, script, '198.51.100.1', 'far.example', '203.0.113.5'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(names.stdout, 'data');
  return [holder, web, names];
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function sh(script: string): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-ec', script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout;
}
