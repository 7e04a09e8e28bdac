/**
 * Disks that are full, that cannot be written, and an engine that has to go on. With Docker's own client. Needs root,
 * for a mount namespace of its own.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'disk');

const { default: t } = await import('tap');
const { bundleDaemon, cleanUp, daemonConfigs, eventually, startDaemon, testPrograms } =
  await import('../support/engine.ts');
const { dockerClient } = await import('../support/docker-client.ts');
const { expectNoTraces, unfinished } = await import('../support/engine-traces.ts');
const { makeLayeredImage, makeReadOnlyStore } = await import('../support/layered-image.ts');

const { engine: programs, docker: dockerProgram } = testPrograms(engineRoot, join(folder, 'bin'));
const { base } = await makeLayeredImage(programs.busybox);
const store = join(folder, 'store');
await makeReadOnlyStore(store, base);
const script = await bundleDaemon(join(folder, 'daemon.mjs'));
const group = `/slipway-disk-${process.pid}`;
const cgroupRoot = join('/sys/fs/cgroup', group);
const configFor = daemonConfigs(folder, group, { programs, store });

t.setTimeout(600_000);
t.teardown(() => cleanUp(folder, cgroupRoot));

const IMAGE = 'core/base';
const FULL = /ENOSPC|[Nn]o space left/;

/** Takes all the room that a disk has; answers how to give it back. */
const fill = (root: string, name = 'ballast'): (() => void) => {
  const file = join(root, name);
  const handle = openSync(file, 'w');
  for (let bytes = 256 * 1024; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    try {
      for (;;) writeSync(handle, Buffer.alloc(bytes, 1));
    } catch (error) {
      if (!FULL.test(String(error))) throw error;
    }
  }
  closeSync(handle);
  return () => rmSync(file);
};

/** What is asked of an engine by name, with Docker's client. */
const clientOf = (socket: string) => {
  const docker = dockerClient(dockerProgram, socket, folder);
  return {
    docker,
    works: async (t: Test, ...args: readonly string[]): Promise<string> => {
      const ended = await docker(...args);
      t.equal(ended.code, 0, `docker ${args.join(' ')}: ${ended.stderr}`);
      return ended.stdout.trim();
    },
    refused: async (t: Test, why: RegExp, ...args: readonly string[]): Promise<void> => {
      const { code, stderr } = await docker(...args);
      t.not(code, 0, `docker ${args.join(' ')} is refused`);
      t.match(stderr, why, `docker ${args.join(' ')} says why`);
    },
  };
};

const RUN = ['run', '-d', '--network', 'host'] as const;
/** Counts, and ends with 7 when it is told to. */
const COUNTER = 'trap "exit 7" USR1; i=0; while :; do echo line $i; i=$((i+1)); sleep 1; done';

/** Every record there is can be read. */
const expectWholeRecords = (t: Test, ...roots: readonly string[]): void => {
  for (const root of roots) {
    const files = (readdirSync(root, { recursive: true }) as string[]).filter(path =>
      /(record|volume|image|layer|references)\.json$|networks\/.*\.json$/.test(path),
    );
    for (const file of files)
      t.doesNotThrow(() => void JSON.parse(readFileSync(join(root, file), 'utf8')), file);
    t.same(unfinished(root), [], `nothing half-written in ${root}`);
  }
};

const archive = join(folder, 'app.tar');
{
  const config = { ...configFor('maker'), stateRoot: join(folder, 'maker-state') };
  const daemon = await startDaemon(config, script);
  const { docker } = clientOf(config.socket);
  await docker('create', '--name', 'source', IMAGE);
  writeFileSync(join(folder, 'noise'), randomBytes(2_000_000));
  await docker('cp', join(folder, 'noise'), 'source:/data/noise');
  await docker('commit', 'source', 'app:1');
  await docker('save', '-o', archive, 'app:1');
  await daemon.kill();
}

for (const which of ['stateRoot', 'runRoot'] as const) {
  t.test(`${which} is full`, async t => {
    const config = { ...configFor(which), stateRoot: join(folder, `${which}-state`) };
    for (const root of [config.runRoot, config.stateRoot]) {
      mkdirSync(root);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', root]);
    }
    let daemon = await startDaemon(config, script);
    t.teardown(() => daemon.kill());
    const { docker, works, refused } = clientOf(config.socket);
    const inspect = (name: string, format: string): Promise<string> =>
      works(t, 'inspect', '-f', format, name);
    await works(t, ...RUN, '--name', 'steady', '--restart', 'always', IMAGE, 'sh', '-c', COUNTER);
    await works(t, ...RUN, '--name', 'stopped', '--restart', 'always', IMAGE, 'sleep', '100000');
    await works(t, ...RUN, '--name', 'ends', '-v', '/anonymous', IMAGE, 'sh', '-c', COUNTER);
    await works(t, ...RUN, '--name', 'removed', '-v', '/anonymous', IMAGE, 'sleep', '100000');
    await works(t, 'create', '--name', 'over', '--network', 'host', IMAGE, 'sh', '-c', 'echo hello');
    const changed = await works(t, 'create', '--network', 'host', IMAGE, 'true');
    await works(t, 'cp', join(folder, 'noise'), `${changed}:/data/noise`);
    const before = await inspect('steady', '{{.State.Pid}}');
    const empty = fill(config[which]);

    if (which === 'stateRoot') {
      await refused(t, FULL, ...RUN, '--name', 'new', IMAGE, 'true');
      await refused(t, FULL, 'load', '-i', archive);
      await refused(t, FULL, 'cp', join(folder, 'noise'), 'over:/data/noise');
      await refused(t, FULL, 'commit', changed, 'made:1');
    } else {
      await refused(t, FULL, ...RUN, '--name', 'new', IMAGE, 'true');
      await works(t, 'rm', 'new');
      await refused(t, FULL, 'start', 'over');
    }
    await works(t, 'logs', 'steady');
    await works(t, 'kill', '-s', 'USR1', 'ends');
    t.equal(await works(t, 'wait', 'ends'), '7', 'its exit code is not lost');
    await works(t, 'stop', '-t', '0', 'stopped');
    t.match(await inspect('stopped', '{{.State.Status}}'), 'exited');
    await works(t, 'rm', '-fv', 'removed');
    // What has become free since is taken as well.
    const emptyMore = fill(config[which], 'more');
    process.kill(Number(before), 'SIGKILL');
    await eventually('the end of its life', async () =>
      (await docker('inspect', '-f', '{{.State.Pid}}', 'steady')).stdout.trim() === before ? undefined : true,
    );
    await daemon.kill();
    daemon = await startDaemon(config, script);
    t.equal(await inspect('ends', '{{.State.Status}} {{.State.ExitCode}}'), 'exited 7');
    t.match(await inspect('stopped', '{{.State.Status}}'), 'exited');
    t.match((await docker('inspect', 'removed')).code, 1);
    emptyMore();
    empty();

    await eventually('another life', async () =>
      (await docker('inspect', '-f', '{{.State.Status}}', 'steady')).stdout.trim() === 'running'
        ? true
        : undefined,
    );
    t.equal(await inspect('stopped', '{{.State.Status}}'), 'exited', 'it was stopped, and stays so');
    t.equal(await works(t, 'run', '--rm', '--network', 'host', IMAGE, 'echo', 'again'), 'again');
    await works(t, 'start', '-a', 'over');
    await works(t, 'load', '-q', '-i', archive);
    await works(t, 'cp', join(folder, 'noise'), 'over:/data/noise');
    await works(t, 'commit', changed, 'made:1');
    await works(t, 'volume', 'create', 'again');
    expectWholeRecords(t, config.runRoot, config.stateRoot);
    const all = (await works(t, 'ps', '-aq')).split('\n');
    await works(t, 'rm', '-fv', ...all);
    await works(t, 'volume', 'prune', '-af');
    await works(t, 'image', 'prune', '-af');
    await daemon.kill();
    await expectNoTraces({ ...config, cgroupRoot }, 'in the end');
  });
}

t.test('state that cannot be written', async t => {
  const config = { ...configFor('readonly'), stateRoot: join(folder, 'readonly-state') };
  const { stateRoot } = config;
  mkdirSync(stateRoot);
  // Files that are open for writing are so through the mount below, as on a disk that has had a fault.
  const remount = (how: 'ro' | 'rw'): void => {
    if (how === 'rw') execFileSync('umount', ['-l', stateRoot]);
    else {
      execFileSync('mount', ['--bind', stateRoot, stateRoot]);
      execFileSync('mount', ['-o', 'remount,bind,ro', stateRoot]);
    }
  };
  let daemon = await startDaemon(config, script);
  t.teardown(() => daemon.kill());
  const { docker, works, refused } = clientOf(config.socket);
  const inspect = (name: string, format: string): Promise<string> => works(t, 'inspect', '-f', format, name);
  await works(t, ...RUN, '--name', 'steady', '--restart', 'always', IMAGE, 'sh', '-c', COUNTER);
  await works(t, ...RUN, '--name', 'stopped', IMAGE, 'sleep', '100000');
  await works(t, ...RUN, '--name', 'ends', IMAGE, 'sh', '-c', COUNTER);
  await works(t, 'load', '-q', '-i', archive);
  const before = await inspect('steady', '{{.State.Pid}}');
  const id = await inspect('ends', '{{.Id}}');
  const onDisk = (): string =>
    (
      JSON.parse(readFileSync(join(stateRoot, 'containers', id, 'record.json'), 'utf8')) as {
        state: { status: string };
      }
    ).state.status;
  // What an engine that was killed leaves cannot be cleared away either.
  mkdirSync(join(stateRoot, 'containers/.creating-x'));
  mkdirSync(join(stateRoot, 'layers/.new-x'));
  mkdirSync(join(stateRoot, 'images/.removing-x'));
  mkdirSync(join(stateRoot, 'volumes/.creating-x'));
  writeFileSync(join(stateRoot, 'networks/x.json.new'), '{');
  remount('ro');
  const why = /EROFS|[Rr]ead-only/;
  const check = async (): Promise<void> => {
    await refused(t, why, ...RUN, '--name', 'new', IMAGE, 'sleep', '1');
    await refused(t, why, 'volume', 'create', 'new');
    await refused(t, why, 'load', '-i', archive);
    await refused(t, why, 'tag', 'app:1', 'app:2');
    await refused(t, why, 'rmi', '-f', 'app:1');
    await refused(t, why, 'rm', 'ends');
    t.match(await works(t, 'logs', 'steady'), /^line 0\n/);
    t.equal(await inspect('steady', '{{.State.Pid}}'), before);
    t.equal(await inspect('ends', '{{.State.Status}} {{.State.ExitCode}}'), 'exited 7');
    t.equal(await inspect('stopped', '{{.State.Status}} {{.State.ExitCode}}'), 'exited 137');
  };
  await works(t, 'kill', '-s', 'USR1', 'ends');
  t.equal(await works(t, 'wait', 'ends'), '7', 'its end is known');
  await works(t, 'stop', '-t', '0', 'stopped');
  t.equal(onDisk(), 'running', 'though it could not be written');
  await check();
  await daemon.kill();
  daemon = await startDaemon(config, script);
  await check();
  remount('rw');
  await eventually('what has happened to be written', () => (onDisk() === 'exited' ? true : undefined));
  await works(t, 'rm', '-fv', 'steady', 'stopped', 'ends');
  await works(t, 'image', 'prune', '-af');
  await daemon.kill();
  daemon = await startDaemon(config, script);
  t.equal((await docker('ps', '-aq')).stdout, '');
  await daemon.kill();
  await expectNoTraces({ ...config, cgroupRoot }, 'in the end');
  rmSync(stateRoot, { recursive: true });
  mkdirSync(stateRoot);
  remount('ro');
  t.teardown(() => remount('rw'));
  daemon = await startDaemon(config, script);
  t.match(await docker('info'), { code: 0 }, 'an engine starts with it');
});
