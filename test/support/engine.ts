import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import type { ContainerCreateRequest } from '../../src/machine/engine-api/wire.ts';
import type { EngineClient } from '../../src/machine/engine-client/engine-client.ts';
import { loaderPath } from '../../src/build/tools/toolbox.ts';
import { MULTIARCH, hostArch } from '../../src/shared/arch.ts';
import { machineRuntime } from './machine-runtime.ts';
import type { EngineConfig, EnginePrograms } from '../../src/machine/engine/engine-config.ts';

/** The engine's programs and Docker's client, as they run on this host. */
export interface TestPrograms {
  readonly engine: EnginePrograms;
  /** For engines in a network namespace of the test's own: they change the machine's network. */
  readonly networks: Required<Pick<EnginePrograms, 'netavark' | 'aardvarkDns' | 'nft' | 'conntrack'>>;
  readonly docker: string;
  /** Looks into the files that layers are kept in. */
  readonly fsckErofs: string;
  /** iproute2, for what a busybox cannot do: pairs of interfaces across namespaces. */
  readonly ip: string;
}

/** Makes programs of `root` (see findEngineRoot) runnable: each goes through the loader it came with. */
export function testPrograms(root: string, folder: string): TestPrograms {
  const arch = hostArch(process.arch) ?? 'amd64';
  mkdirSync(folder, { recursive: true });
  const program = (name: string, from = 'usr/bin'): string => {
    const file = join(folder, name);
    const original = join(root, from, name);
    if (!existsSync(original)) throw new Error(`${root} has no ${name}`);
    const libraries = join(root, 'usr/lib', MULTIARCH[arch]);
    const loader = join(root, loaderPath(arch));
    writeFileSync(file, `#!/bin/sh\nexec ${loader} --library-path ${libraries} ${original} "$@"\n`);
    chmodSync(file, 0o755);
    return file;
  };
  const busybox = join(folder, 'busybox');
  copyFileSync(join(root, 'usr/bin/busybox'), busybox);
  chmodSync(busybox, 0o755);
  const init = join(root, 'usr/bin/tini-static');
  return {
    engine: {
      conmon: program('conmon'),
      crun: program('crun'),
      busybox,
      socat: program('socat'),
      init,
      mkfsErofs: program('mkfs.erofs'),
    },
    networks: {
      netavark: program('netavark', 'usr/lib/podman'),
      aardvarkDns: program('aardvark-dns', 'usr/lib/podman'),
      nft: program('nft', 'usr/sbin'),
      conntrack: program('conntrack', 'usr/sbin'),
    },
    docker: program('docker'),
    fsckErofs: program('fsck.erofs'),
    ip: program('ip', existsSync(join(root, 'usr/bin/ip')) ? 'usr/bin' : 'usr/sbin'),
  };
}

const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/**
 * An image store with `test/busybox` (one layer, every mount point there), `test/bare` (one layer with
 * busybox alone) and `example.org/two:1` (two layers).
 */
export function makeImageStore(folder: string, busybox: string): string {
  const layer = (name: string): { diffId: string; sizeBytes: number; path: string } => {
    const diffId = sha256(name);
    const path = join(folder, 'layers', diffId.slice('sha256:'.length));
    mkdirSync(path, { recursive: true });
    return { diffId, sizeBytes: 1_000_000, path };
  };
  const base = layer('base');
  for (const name of ['bin', 'etc', 'proc', 'dev', 'sys', 'tmp', 'run', 'root', 'mnt']) {
    mkdirSync(join(base.path, name));
  }
  chmodSync(join(base.path, 'tmp'), 0o1777);
  copyFileSync(busybox, join(base.path, 'bin/busybox'));
  for (const applet of [
    'sh',
    'cat',
    'sleep',
    'echo',
    'id',
    'stty',
    'tty',
    'seq',
    'yes',
    'env',
    'touch',
    'ls',
    'head',
    'wc',
    'kill',
    'true',
    'usleep',
    'mount',
    'hostname',
  ]) {
    symlinkSync('busybox', join(base.path, 'bin', applet));
  }
  writeFileSync(
    join(base.path, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n',
  );
  writeFileSync(join(base.path, 'etc/group'), 'root:x:0:\napp:x:1000:\nextra:x:2000:app\n');
  const bare = layer('bare');
  mkdirSync(join(bare.path, 'bin'));
  copyFileSync(busybox, join(bare.path, 'bin/busybox'));
  symlinkSync('busybox', join(bare.path, 'bin/sh'));
  const second = layer('second');
  mkdirSync(join(second.path, 'etc'));
  writeFileSync(join(second.path, 'etc/second'), 'from the second layer\n');
  const image = (name: string, layers: readonly ReturnType<typeof layer>[], run: object): object => {
    const config = JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh'], ...run },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    });
    return {
      id: sha256(config),
      names: [name],
      repoDigests: [],
      config,
      layers: layers.map(({ diffId, sizeBytes }) => ({ diffId, sizeBytes })),
    };
  };
  mkdirSync(join(folder, 'images'), { recursive: true });
  const images = [
    image('test/busybox', [base], {}),
    image('test/bare', [bare], { Entrypoint: ['/bin/sh', '-c'], Cmd: ['echo bare'] }),
    image('example.org/two:1', [base, second], { User: 'app', StopSignal: 'SIGUSR1' }),
  ];
  writeFileSync(join(folder, 'images/index.json'), JSON.stringify({ schema: 1, images }));
  return folder;
}

const DAEMON = join(import.meta.dirname, 'engine-daemon.ts');

/** Bundles the daemon into one file, for tests that start it a hundred times. */
export async function bundleDaemon(file: string): Promise<string> {
  await build({
    entryPoints: [DAEMON],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    // CommonJS dependencies ask for Node's own modules by require().
    banner: {
      js: "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
    },
  });
  return file;
}

type Remote = Omit<EngineClient, 'logs' | 'events'>;

/** An engine in another process. */
export interface EngineDaemon {
  readonly process: ChildProcess;
  readonly client: Remote;
  /** SIGKILL, and wait until it is gone. */
  kill(): Promise<void>;
}

/** A heap that leaks ends the daemon. */
const MAX_HEAP = '--max-old-space-size=96';

/**
 * Starts test/support/engine-daemon.ts and waits until it listens.
 * @param script a bundle of it, which starts sooner
 * @param onSpawn gets its process before it listens
 */
export async function startDaemon(
  config: Omit<EngineConfig, 'log' | 'onStep'> & { socket: string; stepsFile?: string; crashAt?: number },
  script = DAEMON,
  onSpawn: (child: ChildProcess) => void = () => undefined,
): Promise<EngineDaemon> {
  // Memory is used as on a machine, so that what stays is what leaks.
  const { flags, env } = machineRuntime();
  const child = spawn(process.execPath, [...flags, MAX_HEAP, script, JSON.stringify(config)], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', process.env.SLIPWAY_TEST_LOG === '1' ? 'inherit' : 'ignore'],
  });
  onSpawn(child);
  const pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()));
  const ready = Promise.withResolvers<undefined>();
  void exited.then(() => {
    ready.reject(new Error('the engine ended before it was ready'));
    for (const call of pending.values()) call.reject(new Error('the engine was killed'));
  });
  createInterface({ input: child.stdout }).on('line', line => {
    const answer = JSON.parse(line) as {
      ready?: boolean;
      id: number;
      result?: unknown;
      error?: { message: string };
    };
    if (answer.ready === true) {
      ready.resolve(undefined);
      return;
    }
    const call = pending.get(answer.id);
    pending.delete(answer.id);
    if (answer.error === undefined) call?.resolve(answer.result);
    else call?.reject(Object.assign(new Error(answer.error.message), answer.error));
  });
  child.stdin.on('error', () => undefined);
  let last = 0;
  const call = (method: keyof Remote, ...args: readonly unknown[]): Promise<never> =>
    new Promise((resolve, reject) => {
      last += 1;
      pending.set(last, { resolve: resolve as (value: unknown) => void, reject });
      child.stdin.write(`${JSON.stringify({ id: last, method, args })}\n`);
    });
  await ready.promise;
  return {
    process: child,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    client: {
      create: (name, request) => call('create', name, request),
      start: nameOrId => call('start', nameOrId),
      stop: (nameOrId, graceMs) => call('stop', nameOrId, graceMs),
      kill: (nameOrId, signal) => call('kill', nameOrId, signal),
      remove: (nameOrId, options) => call('remove', nameOrId, options),
      inspect: nameOrId => call('inspect', nameOrId),
      list: () => call('list'),
      wait: nameOrId => call('wait', nameOrId),
      exec: (nameOrId, command, options) => call('exec', nameOrId, command, options),
    },
  };
}

/** Configurations of engines that a test starts one after the other, in folders of their own below `folder`. */
export function daemonConfigs(
  folder: string,
  group: string,
  { programs, store }: { readonly programs: EnginePrograms; readonly store: string },
) {
  return (name: string) => ({
    runRoot: join(folder, name),
    socket: join(folder, `${name}.sock`),
    imageStores: [store],
    programs,
    cgroups: {
      root: '/sys/fs/cgroup',
      monitors: `${group}/monitors`,
      services: `${group}/services`,
      user: `${group}/user`,
      limits: false,
    },
    version: '0.1.0-test',
  });
}

/** A request for a service of the test image: `sh -c SCRIPT`, with nothing but what is asked for. */
export function serviceRequest(
  script: string,
  change: Partial<ContainerCreateRequest> = {},
): ContainerCreateRequest {
  return {
    Image: 'test/busybox',
    Cmd: ['/bin/sh', '-c', script],
    ...change,
    HostConfig: { NetworkMode: 'host', ReadonlyRootfs: true, ...change.HostConfig },
    Slipway: { scope: 'boot', capabilities: ['CAP_KILL'], ...change.Slipway },
  };
}

/** Waits until `test` answers something that is not undefined; fails with `what` after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  test: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 90_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await test();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

/** Processes of the host of which an argument holds this word. */
export function processesWith(word: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter(pid => pid > 0 && argumentsOf(pid).includes(word));
}

/** Arguments of a process in one text; nothing when it is gone. */
export function argumentsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** Removes what a test left: conmons, containers, cgroups. */
export function cleanUp(runRoot: string, cgroupRoot: string): void {
  for (const pid of processesWith(runRoot)) {
    if (pid !== process.pid) spawnSync('kill', ['-9', String(pid)]);
  }
  if (existsSync(join(cgroupRoot, 'cgroup.kill'))) writeFileSync(join(cgroupRoot, 'cgroup.kill'), '1');
  spawnSync('sh', ['-c', `sleep 0.2; find ${cgroupRoot} -depth -type d -exec rmdir {} + 2>/dev/null`]);
}
