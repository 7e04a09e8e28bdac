/**
 * What an engine says of itself, with Docker's own client: events, info, disk usage. Needs root, for a mount namespace
 * of its own.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'robust');

const { default: t } = await import('tap');
const { bundleDaemon, cleanUp, daemonConfigs, eventually, makeImageStore, startDaemon, testPrograms } =
  await import('../support/engine.ts');
const { dockerClient, runWithInput } = await import('../support/docker-client.ts');
const { rawClient } = await import('../support/raw-client.ts');
const { openMonitor } = await import('../../src/machine/engine/runtime/conmon.ts');

const { engine: programs, docker: dockerProgram } = testPrograms(engineRoot, join(folder, 'bin'));
const store = makeImageStore(join(folder, 'store'), programs.busybox);
const script = await bundleDaemon(join(folder, 'daemon.mjs'));
const group = `/slipway-robust-${process.pid}`;
const cgroupRoot = join('/sys/fs/cgroup', group);

const configFor = daemonConfigs(folder, group, { programs, store });

t.setTimeout(600_000);
t.teardown(() => cleanUp(folder, cgroupRoot));

t.test('events', async t => {
  const config = configFor('events');
  const daemon = await startDaemon(config, script);
  t.teardown(() => daemon.kill());
  const docker = dockerClient(dockerProgram, config.socket, folder);
  const image = 'test/busybox';
  const since = String(Math.floor(Date.now() / 1000) - 1);
  const live = spawn(dockerProgram, ['events', '--format', '{{.Type}} {{.Action}}'], {
    env: { ...process.env, DOCKER_HOST: `unix://${config.socket}` },
  });
  let heard = '';
  live.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  await eventually('the listener', async () =>
    (await docker('info', '--format', '{{.NEventsListener}}')).stdout.trim() === '1' ? true : undefined,
  );
  await docker('volume', 'create', '--label', 'v=1', 'vol');
  await docker(
    'create',
    '--name',
    'web',
    '--network',
    'none',
    '--label',
    'tier=front',
    '-v',
    'vol:/mnt',
    image,
    'sh',
    '-c',
    'trap "exit 4" TERM; while :; do usleep 10000; done',
  );
  await docker('start', 'web');
  await docker('exec', 'web', 'true');
  await docker('top', 'web');
  await docker('rename', 'web', 'site');
  await docker('kill', '-s', 'USR1', 'site');
  await docker('restart', '-t', '0', 'site');
  await docker('stop', '-t', '0', 'site');
  await docker('rm', 'site');
  await docker('container', 'prune', '-f');
  await docker('volume', 'rm', 'vol');
  const until = String(Math.ceil(Date.now() / 1000) + 1);
  const past = (...args: readonly string[]) => docker('events', '--since', since, '--until', until, ...args);
  const actions = async (...args: readonly string[]): Promise<string[]> =>
    (await past('--format', '{{.Type}} {{.Action}}', ...args)).stdout.trim().split('\n');
  const whole = [
    'volume create',
    'container create',
    'volume mount',
    'container start',
    'container exec_create: true',
    'container exec_start: true',
    'container exec_die',
    'container top',
    'container rename',
    'container kill',
    'container kill',
    'container kill',
    'volume unmount',
    'container die',
    'container stop',
    'volume mount',
    'container start',
    'container restart',
    'container kill',
    'container kill',
    'volume unmount',
    'container die',
    'container stop',
    'container destroy',
    'container prune',
    'volume destroy',
  ];
  // Of mounts there are as many as the engine needed.
  const isSteady = (list: readonly string[]): string[] =>
    list.filter(action => !/unmount|mount/.test(action));
  t.same(isSteady(await actions()), isSteady(whole));
  await eventually('the same to be heard', () => (heard.includes('volume destroy') ? true : undefined));
  t.same(isSteady(heard.trim().split('\n')), isSteady(whole));
  live.kill();
  t.same(await actions('--filter', 'type=volume', '--filter', 'event=create'), ['volume create']);
  t.same(await actions('--filter', 'event=exec_start'), ['container exec_start: true']);
  t.equal((await actions('--filter', 'container=web')).length, 6, 'under its first name');
  t.same(await actions('--filter', 'container=nobody'), ['']);
  t.equal((await actions('--filter', 'image=test/busybox')).length, 19);
  t.equal((await actions('--filter', 'label=tier=front')).length, 19);
  t.same(await actions('--filter', 'label=tier=back'), ['']);
  t.same(await actions('--filter', 'daemon=nobody'), ['']);
  const lines = (await past('--format', '{{json .}}')).stdout.trim().split('\n');
  const die = lines
    .map(line => JSON.parse(line) as Record<string, unknown>)
    .find(({ Action }) => Action === 'die');
  t.match(die, {
    status: 'die',
    id: /^[0-9a-f]{64}$/,
    from: image,
    Type: 'container',
    scope: 'local',
    Actor: { Attributes: { exitCode: /^\d+$/, execDuration: /^\d+$/, image, name: 'site', tier: 'front' } },
    time: Number,
    timeNano: Number,
  });
  t.match(
    (await past('--filter', 'event=kill')).stdout,
    /container kill [0-9a-f]{64} \(image=test\/busybox, name=site, signal=10, tier=front\)/,
  );
  t.match(await docker('events', '--since', until, '--until', since), {
    code: 1,
    stderr: /`since` time \(\d+\) cannot be after `until` time \(\d+\)/,
  });
  t.match(await docker('events', '--since', 'yesterday'), { code: 1 });
});

t.test('a command that is refused says why where its output would be', async t => {
  const config = configFor('refused');
  const daemon = await startDaemon(config, script);
  t.teardown(() => daemon.kill());
  const docker = dockerClient(dockerProgram, config.socket, folder);
  await docker('run', '-d', '--name', 'web', '--network', 'none', 'test/busybox', 'sleep', '1000');
  const refused = await docker('exec', '-u', 'nosuch', 'web', 'true');
  t.equal(refused.code, 126);
  t.match(refused.stdout, /unable to find user nosuch/);
  t.match(await docker('exec', '-d', '-u', 'nosuch', 'web', 'true'), {
    code: 1,
    stderr: /unable to find user nosuch/,
  });
  await docker('rm', '-f', 'web');
});

t.test('a bind source that cannot be made is an error', async t => {
  const config = configFor('sources');
  const daemon = await startDaemon(config, script);
  t.teardown(() => daemon.kill());
  const docker = dockerClient(dockerProgram, config.socket, folder);
  const run = (source: string) =>
    docker('run', '--rm', '--network', 'none', '-v', `${source}:/x`, 'test/busybox', 'true');
  t.match(await run('/proc/no-such/below'), {
    code: 127,
    stderr:
      /error while creating mount source path "\/proc\/no-such\/below": mkdir \/proc\/no-such: no such file/,
  });
  t.match(await run(join(folder, 'made/below')), { code: 0 });
});

t.test('a conmon that cannot begin says why, however early it ends', async t => {
  const cgroupFolder = join(cgroupRoot, 'early');
  mkdirSync(cgroupFolder, { recursive: true });
  const open = (id: string) =>
    openMonitor({
      ...{ conmon: programs.conmon, runtime: programs.crun, runtimeArguments: [], id, name: id },
      ...{ bundle: folder, pidFile: join(folder, 'p'), monitorPidFile: join(folder, 'm') },
      ...{ monitorLog: join(folder, `${id}.log`), exitFolder: folder, persistFolder: folder },
      ...{ logFile: join(folder, 'no-such-folder/log'), maxLogBytes: 1000, cgroupFolder },
      ...{ terminal: false, stdin: false, stdinOnce: false },
    });
  const attempts = Array.from({ length: 24 }, async (_, index) => {
    await using monitor = await open(`early${index}`);
    await monitor.makeContainer();
  });
  for (const result of await Promise.allSettled(attempts)) {
    t.match(result, { status: 'rejected', reason: { message: /Failed to open log file/ } });
  }
});

t.test('a connection is kept for as long as the client likes', async t => {
  const config = configFor('idle');
  const daemon = await startDaemon(config, script);
  t.teardown(() => daemon.kill());
  const { send } = rawClient(config.socket);
  const said = await send('GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n', 500);
  t.match(said, /^HTTP\/1\.1 200 OK\r\n/);
  // Node's own server would announce an end after five seconds, which no client of Docker's reckons with.
  t.notMatch(said, /keep-alive: *timeout/i);
});

t.test('info, version, disk usage, login', async t => {
  const config = configFor('info');
  const daemon = await startDaemon(config, script);
  t.teardown(() => daemon.kill());
  const docker = dockerClient(dockerProgram, config.socket, folder);
  await docker('volume', 'create', 'data');
  await docker(
    'run',
    '--name',
    'one',
    '--network',
    'none',
    '-v',
    'data:/mnt',
    'test/busybox',
    'sh',
    '-c',
    'yes | head -c 5000 > /mnt/a; yes | head -c 3000 > /root/b',
  );
  t.match(
    (await docker('info')).stdout,
    /Volume: local[\s\S]*Insecure Registries:\n +127\.0\.0\.0\/8\n[\s\S]*Live Restore Enabled: true/,
  );
  const usage = (await docker('system', 'df')).stdout;
  t.match(
    usage,
    /^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE\nImages +3 +1 .*\nContainers +1 +0 +3kB +3kB \(100%\)\nLocal Volumes +1 +1 +5kB +0B \(0%\)\nBuild Cache +0 +0 +0B +0B/,
  );
  t.match(await docker('system', 'df', '-v'), { code: 0, stdout: /data +1 +5kB/ });
  const { get } = rawClient(config.socket);
  const volumes = JSON.parse((await get('/system/df?type=volume')).body) as Record<string, unknown>;
  t.match(volumes, {
    Images: null,
    Containers: null,
    Volumes: [{ Name: 'data', UsageData: { Size: 5000, RefCount: 1 } }],
  });
  t.match(await get('/system/df?type=moon'), { status: 400, body: /unknown object type: moon/ });
  t.match(await get('/v1.41/system/df'), { status: 200 });
  const refused = await runWithInput(dockerProgram, ['login', '-u', 'u', '-p', 'p', '127.0.0.1:1'], {
    DOCKER_HOST: `unix://${config.socket}`,
    HOME: folder,
  });
  t.match(refused, { code: 1, stderr: /127\.0\.0\.1:1/ });
});
