/**
 * What an engine says of itself, with Docker's own client: events, info, disk usage. Needs root, for a mount namespace
 * of its own.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'robust');

const { default: t } = await import('tap');
const { bundleDaemon, cleanUp, daemonConfigs, eventually, makeImageStore, startDaemon, testPrograms } =
  await import('../support/engine.ts');
const { dockerClient, runWithInput } = await import('../support/docker-client.ts');
const { rawClient } = await import('../support/raw-client.ts');
const { openMonitor } = await import('../../src/machine/engine/runtime/conmon.ts');
const { makePipes } = await import('../../src/machine/engine/runtime/exec-pipes.ts');
const { PipeOutput } = await import('../../src/machine/engine/runtime/pipe-output.ts');

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

/** Requests with a JSON body; the answer as it comes, its head included. */
const poster =
  (socket: string) =>
  (path: string, body: unknown = {}, headers = 'Connection: close\r\n'): Promise<string> => {
    const json = JSON.stringify(body);
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}Content-Type: application/json\r\n`;
    return rawClient(socket).send(`${head}Content-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`);
  };
/** Of what such a request has made. */
const idOf = (answer: string): string => /"Id":"([0-9a-f]{64})"/.exec(answer)?.[1] ?? '';
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';

t.test('a command ends with its process, whoever holds its output', async t => {
  const config = configFor('holders');
  const daemon = await startDaemon(config, script);
  t.teardown(() => daemon.kill());
  const docker = dockerClient(dockerProgram, config.socket, folder);
  const { get } = rawClient(config.socket);
  const post = poster(config.socket);
  await docker('run', '-d', '--name', 'web', '--network', 'none', 'test/busybox', 'sleep', '1000');
  const create = async (words: string): Promise<string> => {
    const request = { Cmd: ['sh', '-c', words], AttachStdout: true, AttachStderr: true };
    return idOf(await post('/containers/web/exec', request));
  };

  const talker = await create('while :; do echo x; usleep 500000; done & exit 3');
  t.match(await post(`/exec/${talker}/start`, { Detach: true }), /^HTTP\/1\.1 200 /);
  const ended = await eventually(
    'the end of one whose child talks on',
    async () => {
      const body = JSON.parse((await get(`/exec/${talker}/json`)).body) as { readonly Running: boolean };
      return body.Running ? undefined : body;
    },
    20_000,
  );
  t.match(ended, { Running: false, ExitCode: 3 });
  t.match(await docker('exec', 'web', 'sh', '-c', 'while :; do echo x; usleep 500000; done & exit 3'), {
    code: 3,
    stdout: /^x\n/,
  });

  const check = ['--health-interval', '1s', '--health-cmd', 'while :; do echo x; usleep 500000; done &'];
  const probed = ['--name', 'probed', '--network', 'none', ...check];
  await docker('run', '-d', ...probed, 'test/busybox', 'sleep', '100');
  await eventually(
    'a probe whose child talks on',
    async () =>
      (await docker('inspect', '-f', '{{.State.Health.Status}}', 'probed')).stdout === 'healthy\n' ||
      undefined,
    30_000,
  );
  await docker('rm', '-f', 'probed');

  // What a process holds that stays behind ends normally.
  const plain = await create('echo hello; sleep 100 & exit 3');
  t.match(await post(`/exec/${plain}/start`), /^HTTP\/1\.1 200 [\s\S]*hello\n[\s\S]*\r\n0\r\n\r\n$/);
  t.match(await get(`/exec/${plain}/json`), { body: /"ExitCode":3/ });
  const upgraded = await create('echo hello; sleep 100 & exit 3');
  t.match(await post(`/exec/${upgraded}/start`, {}, UPGRADE), /^HTTP\/1\.1 101 [\s\S]*hello\n$/);

  const terminal = { Cmd: ['sh', '-c', 'trap "" HUP; (while :; do echo x; usleep 500000; done) & exit 3'] };
  const terminalId = idOf(await post('/containers/web/exec', { ...terminal, Tty: true, AttachStdout: true }));
  t.match(await post(`/exec/${terminalId}/start`, { Tty: true }), /^HTTP\/1\.1 200 [\s\S]*\r\n0\r\n\r\n$/);
  t.match(await get(`/exec/${terminalId}/json`), { body: /"ExitCode":3/ });

  // One talks on stdout, another says nothing and holds stderr.
  const lines = 'for i in 1 2 3 4 5 6; do echo line $i; usleep 250000; done';
  const half = await post(`/exec/${await create(`sleep 100 >/dev/null & (${lines}) & exit 3`)}/start`);
  t.match(half, /line 1[\s\S]*line 6\n[\s\S]*\r\n0\r\n\r\n$/);
  await docker('rm', '-f', 'web');
});

t.test('output that is cut off keeps what was in the pipe, also for a reader who is slow', async t => {
  const pipes = join(folder, 'pipes');
  mkdirSync(pipes);
  const [pipe] = await makePipes(programs.busybox, pipes, [{ name: 'out', toChild: false }]);
  if (pipe === undefined) throw new Error('no pipe');
  const output = new PipeOutput(pipe.stream, pipe.ourFd);
  // All that a pipe holds, three times: the first two fill what is read ahead.
  const sent = Buffer.alloc(65_536, 'x');
  for (const expected of [1, 2]) {
    writeSync(pipe.childFd, sent);
    await eventually('what is read ahead', () =>
      output.readableLength + pipe.stream.readableLength === expected * sent.length ? true : undefined,
    );
  }
  writeSync(pipe.childFd, sent);
  output.cutOff();
  output.cutOff();
  let received = 0;
  for await (const chunk of output as AsyncIterable<Buffer>) received += chunk.length;
  t.equal(received, 3 * sent.length);
  t.throws(() => writeSync(pipe.childFd, 'x'), { code: 'EPIPE' }, 'nobody is left to read');
  closeSync(pipe.childFd);
});

t.test('a command whose container does not run is refused before the connection is taken over', async t => {
  const config = configFor('paused');
  const daemon = await startDaemon(config, script);
  t.teardown(() => daemon.kill());
  const docker = dockerClient(dockerProgram, config.socket, folder);
  const post = poster(config.socket);
  await docker('run', '-d', '--name', 'web', '--network', 'none', 'test/busybox', 'sleep', '1000');
  const id = idOf(await post('/containers/web/exec', { Cmd: ['true'], AttachStdout: true }));
  await docker('pause', 'web');
  const paused = /^HTTP\/1\.1 409 [\s\S]*Container [0-9a-f]{64} is paused, unpause the container before exec/;
  t.match(await post(`/exec/${id}/start`), paused);
  t.match(await post(`/exec/${id}/start`, {}, UPGRADE), paused);
  await docker('unpause', 'web');
  t.match(await post(`/exec/${id}/start`, {}, UPGRADE), /^HTTP\/1\.1 101 /);
  t.match(await post(`/exec/${id}/start`, {}, UPGRADE), /^HTTP\/1\.1 101 [\s\S]*has already run/);
  await docker('kill', 'web');
  t.match(
    await post(`/exec/${id}/start`, {}, UPGRADE),
    /^HTTP\/1\.1 409 [\s\S]*container [0-9a-f]{64} is not running/,
  );
  await docker('rm', '-f', 'web');
});

t.test('a kill is answered when the container has ended', async t => {
  const config = configFor('kills');
  const daemon = await startDaemon(config, script);
  t.teardown(() => daemon.kill());
  const docker = dockerClient(dockerProgram, config.socket, folder);
  const { get } = rawClient(config.socket);
  const post = poster(config.socket);
  await docker('create', '--name', 'web', '--network', 'none', 'test/busybox', 'sleep', '1000');
  for (const query of ['', '?signal=9', '?signal=KILL', '?signal=SIGKILL', '?signal=kill']) {
    await docker('start', 'web');
    t.match(await post(`/containers/web/kill${query}`), /^HTTP\/1\.1 204 /);
    t.match(await get('/containers/web/json'), { body: /"Status":"exited"[\s\S]*"ExitCode":137/ }, query);
  }
  await docker('start', 'web');
  await docker('pause', 'web');
  t.match(await docker('kill', 'web'), { code: 0 }, 'also one that is paused');
  t.match(await docker('rm', 'web'), { code: 0 });
  await docker('run', '-d', '--rm', '--name', 'gone', '--network', 'none', 'test/busybox', 'sleep', '1000');
  t.match(await docker('kill', 'gone'), { code: 0 });

  const words = ['--restart', 'always', '--network', 'none', 'test/busybox', 'sh', '-c', 'exit 4'];
  for (const signal of ['KILL', 'TERM']) {
    await docker('run', '-d', '--name', 'loop', ...words);
    await eventually('a long pause between restarts', async () => {
      const { stdout } = await docker('inspect', '-f', '{{.State.Status}} {{.RestartCount}}', 'loop');
      return /^restarting ([4-9]|\d\d)/.test(stdout) ? true : undefined;
    });
    t.match(await docker('kill', '-s', 'USR1', 'loop'), { code: 0 }, 'there is nobody to hear it');
    t.match(await docker('inspect', '-f', '{{.State.Status}}', 'loop'), { stdout: 'restarting\n' });
    t.match(await docker('kill', '-s', signal, 'loop'), { code: 0, stdout: 'loop\n' });
    t.match(await docker('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'loop'), {
      stdout: 'exited 4\n',
    });
    t.match(await docker('kill', '-s', signal, 'loop'), { code: 1, stderr: /is not running/ });
    t.match(await docker('rm', 'loop'), { code: 0 });
  }
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

t.test('an upload that is given up is answered whole, and its connection goes on', async t => {
  const config = configFor('upload');
  const daemon = await startDaemon(config, script);
  t.teardown(() => daemon.kill());
  const connection = connect(config.socket);
  t.teardown(() => connection.destroy());
  let said = '';
  let isClosed = false;
  connection.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')));
  connection.on('error', () => undefined).on('close', () => (isClosed = true));
  const upload = Buffer.alloc(3_000_000, 'x');
  // A damaged gzip stream.
  upload.set([0x1f, 0x8b, 0x08]);
  connection.write(`POST /v1.45/images/load HTTP/1.1\r\nHost: x\r\nContent-Length: ${upload.length}\r\n\r\n`);
  connection.write(upload.subarray(0, 200_000));
  await eventually('the reason', () => (/stream is damaged[^]*\r\n0\r\n\r\n$/.test(said) ? true : undefined));
  said = '';
  connection.write(upload.subarray(200_000));
  connection.write('GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('another answer', () => (/^HTTP\/1\.1 200 [^]*OK$/.test(said) ? true : undefined));
  t.notOk(isClosed);
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
