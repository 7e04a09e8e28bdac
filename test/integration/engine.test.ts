/**
 * The engine with the real conmon and crun, and Docker's own client of Debian 13. Needs root, for a mount
 * namespace of its own.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';
import type { EngineClient, EngineEvent, LogLine } from '../../src/machine/engine-client/engine-client.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'engine');

const { default: t } = await import('tap');
const {
  argumentsOf,
  cleanUp,
  eventually,
  makeImageStore,
  processesWith,
  serviceRequest,
  startDaemon,
  testPrograms,
} = await import('../support/engine.ts');
const { createEngine } = await import('../../src/machine/engine/engine.ts');
const { createLog } = await import('../../src/machine/log.ts');
const { runSystemDockerCommand } = await import('../../src/machine/cli/main.ts');

const { engine: programs, docker: dockerProgram } = testPrograms(engineRoot, join(folder, 'bin'));
const store = makeImageStore(join(folder, 'store'), programs.busybox);
const group = `/slipway-test-${process.pid}`;
const cgroupRoot = join('/sys/fs/cgroup', group);
const log = createLog({
  component: 'test',
  level: 'debug',
  write: line => process.env.SLIPWAY_TEST_LOG === '1' && process.stderr.write(line),
});

const configFor = (name: string) => ({
  runRoot: join(folder, name),
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

t.setTimeout(600_000);
t.teardown(() => cleanUp(folder, cgroupRoot));

const collect = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
};
const textOfLog = async (client: EngineClient, name: string): Promise<string[]> =>
  (await collect(client.logs(name, {}))).map(line => line.text);

const run = (
  command: string,
  args: readonly string[],
  options: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> =>
  new Promise(resolve => {
    const child = spawn(command, args, { env: { ...process.env, ...options.env } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('close', code => resolve({ code, stdout, stderr }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });

t.test('one engine', async t => {
  const config = configFor('e1');
  const engine = await createEngine({ ...config, log });
  t.teardown(() => engine[Symbol.asyncDispose]());
  const { client } = engine;

  await t.test('a container lives and dies, and is told of', async t => {
    const stop = new AbortController();
    const events: EngineEvent[] = [];
    const reading = (async () => {
      for await (const event of client.events(stop.signal)) events.push(event);
    })();
    const id = await client.create('life', serviceRequest('echo out; echo err >&2; exit 7'));
    t.match(id, /^[0-9a-f]{64}$/);
    t.match(await client.inspect('life'), { id, status: 'created', pid: 0 });
    await client.start('life');
    t.equal(await client.wait('life'), 7);
    t.match(await client.inspect(id.slice(0, 8)), { status: 'exited', exitCode: 7, name: 'life' });
    const lines = await collect(client.logs('life', {}));
    t.same(
      lines
        .map(({ stream, text, partial }) => ({ stream, text, partial }))
        .sort((a, b) => (a.text < b.text ? 1 : -1)),
      [
        { stream: 'stdout', text: 'out', partial: false },
        { stream: 'stderr', text: 'err', partial: false },
      ],
    );
    await client.remove('life');
    await t.rejects(client.inspect('life'), { message: 'No such container: life', kind: 'not-found' });
    stop.abort();
    await reading;
    t.same(
      events.map(({ action }) => action),
      ['create', 'start', 'die', 'destroy'],
    );
    t.notOk(readdirSync(join(config.runRoot, 'containers')).includes(id), 'nothing is left of it');
  });

  await t.test('stop asks, then kills, and no restart follows', async t => {
    const always = { HostConfig: { RestartPolicy: { Name: 'always' } } };
    await client.create(
      'polite',
      serviceRequest('trap "echo bye; exit 3" TERM; echo set; while :; do usleep 20000; done', always),
    );
    await client.create(
      'stubborn',
      serviceRequest('trap "" TERM; echo set; while :; do usleep 20000; done', always),
    );
    await Promise.all([client.start('polite'), client.start('stubborn')]);
    for (const name of ['polite', 'stubborn']) {
      await eventually(
        `the trap of ${name} to be set`,
        async () => (await textOfLog(client, name)).includes('set') || undefined,
      );
    }
    await Promise.all([client.stop('polite', 60_000), client.stop('stubborn', 200)]);
    t.match(await client.inspect('polite'), { status: 'exited', exitCode: 3, restartCount: 0 });
    t.match(await client.inspect('stubborn'), { status: 'exited', exitCode: 137, restartCount: 0 });
    t.same(await textOfLog(client, 'polite'), ['set', 'bye']);
    await client.stop('polite');
    await client.start('polite');
    await client.start('polite');
    t.match(await client.inspect('polite'), { status: 'running' });
    await t.rejects(client.remove('polite'), {
      kind: 'conflict',
      message: /^cannot remove container "\/polite": container is running: stop the container/,
    });
    await client.remove('polite', { force: true });
    await client.remove('stubborn');
    t.same(await client.list(), []);
  });

  await t.test('a service that is killed runs again, its log has both lives', async t => {
    await client.create(
      'again',
      serviceRequest('echo life; exec sleep 1000', { HostConfig: { RestartPolicy: { Name: 'always' } } }),
    );
    await client.start('again');
    const first = await client.inspect('again');
    await eventually('its first line', async () =>
      (await textOfLog(client, 'again')).length === 1 ? true : undefined,
    );
    process.kill(first.pid, 'SIGKILL');
    const second = await eventually('its second life', async () => {
      const now = await client.inspect('again');
      return now.status === 'running' && now.pid !== first.pid ? now : undefined;
    });
    t.equal(second.restartCount, 1);
    await eventually('its second line', async () =>
      (await textOfLog(client, 'again')).length === 2 ? true : undefined,
    );
    t.same(await textOfLog(client, 'again'), ['life', 'life']);
    await client.remove('again', { force: true });
  });

  await t.test('a service that keeps failing is given up', async t => {
    const stop = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const event of client.events(stop.signal)) seen.push(event.action);
    })();
    await client.create(
      'hopeless',
      serviceRequest('exit 4', {
        HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } },
        Slipway: { scope: 'boot', restartDelayMs: 10, restartMaxDelayMs: 40 },
      }),
    );
    await client.start('hopeless');
    t.equal(await client.wait('hopeless'), 4);
    await eventually('giving up', () => (seen.includes('gave-up') ? true : undefined));
    t.match(await client.inspect('hopeless'), { status: 'exited', exitCode: 4, restartCount: 3 });
    stop.abort();
    await reading;
    await client.remove('hopeless');
  });

  await t.test('a life that ends before the last one is put away keeps its exit code', async t => {
    const stop = new AbortController();
    const codes: number[] = [];
    const reading = (async () => {
      for await (const { action, container } of client.events(stop.signal)) {
        if (action === 'die') codes.push(container.exitCode);
        // Holds this process up until the new life, which restarts without a pause, has ended.
        if (action === 'start' && container.restartCount > 0) {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
        }
      }
    })();
    await client.create(
      'hasty',
      serviceRequest('exit 4', {
        HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } },
        Slipway: { scope: 'boot', restartDelayMs: 0 },
      }),
    );
    await client.start('hasty');
    await eventually('its fourth end', () => (codes.length === 4 ? true : undefined));
    t.same(codes, [4, 4, 4, 4]);
    stop.abort();
    await reading;
    await client.remove('hasty');
  });

  await t.test('a program that is missing is named', async t => {
    await client.create('missing', { ...serviceRequest(''), Cmd: ['/no/such/program'] });
    await t.rejects(client.start('missing'), {
      code: 'CONTAINER_START_FAILED',
      message: /\/no\/such\/program/,
    });
    t.match(await client.inspect('missing'), {
      status: 'created',
      exitCode: 127,
      error: /no\/such\/program/,
    });
    await client.remove('missing');
    await t.rejects(client.create('imageless', { ...serviceRequest(''), Image: 'nope' }), {
      message: 'No such image: nope',
    });
    await t.rejects(client.create('bad name', serviceRequest('')), {
      message: /^Invalid container name \(bad name\)/,
    });
  });

  await t.test('capabilities, user, environment, mounts and namespaces are as asked', async t => {
    await client.create(
      'asked',
      serviceRequest('exec sleep 1000', {
        User: 'app',
        Env: ['A=1'],
        Hostname: 'inner',
        HostConfig: {
          NetworkMode: 'none',
          Binds: [`${store}/images:/mnt:ro`],
          Tmpfs: { '/tmp': 'size=1m' },
          SecurityOpt: ['no-new-privileges'],
          Ulimits: [
            { Name: 'core', Soft: -1, Hard: -1 },
            { Name: 'nofile', Soft: 100, Hard: 200 },
          ],
        },
        Slipway: { scope: 'boot', capabilities: ['CAP_NET_ADMIN'], extraEnv: ['B=2'] },
      }),
    );
    await client.start('asked');
    const sh = async (script: string): Promise<string> =>
      (await client.exec('asked', ['/bin/sh', '-c', script])).stdout.trim();
    t.equal(await sh('id -u; id -G'), '1000\n1000 2000');
    t.equal(await sh('echo $A $B; hostname'), '1 2\ninner');
    t.match(await sh('cat /proc/self/status'), /CapEff:\t0{16}\n.*CapBnd:\t0000000000001000\n/s);
    t.match(await sh('cat /proc/self/status'), /NoNewPrivs:\t1/);
    t.equal(await sh('ls /mnt'), 'index.json');
    t.equal(
      await sh(
        'touch /mnt/x 2>/dev/null || echo refused; touch /x 2>/dev/null || echo refused; touch /tmp/x && echo ok',
      ),
      'refused\nrefused\nok',
    );
    t.equal(await sh('cat /proc/net/dev | wc -l'), '3', 'only lo');
    t.match(
      await sh('cat /proc/self/limits'),
      /Max core file size +unlimited +unlimited[\s\S]*Max open files +100 +200/,
    );
    t.equal(await sh('cat /proc/1/comm'), 'sleep', 'it is the first of its pid namespace');
    await client.remove('asked', { force: true });
  });

  await t.test('layers are stacked, and a bare image gets its mount points', async t => {
    await client.create('two', {
      Image: 'example.org/two:1',
      Cmd: ['sh', '-c', 'cat /etc/second; id -u; exec sleep 1000'],
      HostConfig: { NetworkMode: 'host' },
    });
    await client.start('two');
    await eventually('two lines', async () =>
      (await textOfLog(client, 'two')).length === 2 ? true : undefined,
    );
    t.same(await textOfLog(client, 'two'), ['from the second layer', '1000']);
    await client.create('bare', {
      Image: 'test/bare',
      HostConfig: { NetworkMode: 'host', ReadonlyRootfs: true },
    });
    await client.start('bare');
    t.equal(await client.wait('bare'), 0);
    t.same(await textOfLog(client, 'bare'), ['bare']);
    await client.remove('bare');
    t.match(readFileSync('/proc/self/mountinfo', 'utf8'), join(config.runRoot, 'containers'));
    await client.remove('two', { force: true });
    t.notMatch(readFileSync('/proc/self/mountinfo', 'utf8'), join(config.runRoot, 'containers'));
  });

  await t.test('logs are followed, across lives and files', async t => {
    await client.create(
      'chatty',
      serviceRequest('i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); usleep 5000; done; printf end'),
    );
    const stop = new AbortController();
    const lines: LogLine[] = [];
    const reading = (async () => {
      for await (const line of client.logs('chatty', { follow: true, signal: stop.signal })) lines.push(line);
    })();
    await client.start('chatty');
    t.equal(await client.wait('chatty'), 0);
    await eventually('the last piece', () => (lines.length === 41 ? true : undefined));
    t.equal(lines[39]?.text, 'line 39');
    t.match(lines[40], { text: 'end', partial: true });
    await client.start('chatty');
    await eventually('the second life', () => (lines.length === 82 ? true : undefined));
    // Its last words come before its end.
    t.equal(await client.wait('chatty'), 0);
    stop.abort();
    await reading;
    t.same(
      (await collect(client.logs('chatty', { tail: 2 }))).map(line => line.text),
      ['line 39', 'end'],
    );
    await client.remove('chatty');
  });

  await t.test('exec: exit codes, streams, a missing program, a command that does not end', async t => {
    await client.create('host', serviceRequest('exec sleep 1000'));
    await t.rejects(client.exec('host', ['true']), { kind: 'conflict', message: /is not running$/ });
    await client.start('host');
    t.same(await client.exec('host', ['/bin/sh', '-c', 'echo o; echo e >/dev/stderr; exit 3']), {
      exitCode: 3,
      stdout: 'o\n',
      stderr: 'e\n',
    });
    t.match(await client.exec('host', ['nosuch']), { exitCode: 127, stderr: /nosuch/ });
    t.match(await client.exec('host', ['/proc']), { exitCode: 126 });
    const big = await client.exec('host', ['/bin/sh', '-c', 'yes | head -c 3000000']);
    t.equal(big.stdout.length, 1024 * 1024, 'output is kept up to a mebibyte');
    await t.rejects(client.exec('host', ['/bin/sleep', '100'], { timeoutMs: 200 }), { code: 'EXEC_TIMEOUT' });
    // One that is left behind and talks on holds nobody up.
    const talker = 'while :; do echo x; usleep 100000; done &';
    t.match(await client.exec('host', ['/bin/sh', '-c', `${talker} echo left >&2; exit 3`]), {
      exitCode: 3,
      stderr: 'left\n',
    });
    await t.rejects(client.exec('host', ['/bin/sh', '-c', `${talker} exec sleep 100`], { timeoutMs: 200 }), {
      code: 'EXEC_TIMEOUT',
    });
    t.same(readdirSync(join(config.runRoot, 'execs')), []);
    await client.remove('host', { force: true });
  });

  await t.test('a conmon that dies takes its container with it, and the policy brings both back', async t => {
    await client.create(
      'orphan',
      serviceRequest('exec sleep 1000', { HostConfig: { RestartPolicy: { Name: 'always' } } }),
    );
    await client.start('orphan');
    const { pid, id } = await client.inspect('orphan');
    const monitor = Number(
      readFileSync(join(config.runRoot, 'containers', id, 'bundle/monitor.pid'), 'utf8'),
    );
    process.kill(monitor, 'SIGKILL');
    await eventually('another life', async () => {
      const now = await client.inspect('orphan');
      return now.status === 'running' && now.pid !== pid ? true : undefined;
    });
    t.throws(() => {
      const state = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0];
      if (state === 'Z') throw new Error('gone');
    });
    await client.remove('orphan', { force: true });
  });

  await t.test('logs stay within their budget and followers lose nothing', async t => {
    await using small = await createEngine({ ...configFor('e2'), log, logBudgetBytes: 256 * 1024 });
    const total = 12_000;
    await small.client.create(
      'flood',
      serviceRequest(
        `i=0; while [ $i -lt ${total} ]; do echo "line $i ${'x'.repeat(60)}"; i=$((i+1)); [ $((i % 2000)) = 0 ] && usleep 1100000; done; exec sleep 1000`,
      ),
    );
    const stop = new AbortController();
    let next = 0;
    let gaps = 0;
    let text = '';
    const reading = (async () => {
      for await (const line of small.client.logs('flood', { follow: true, signal: stop.signal })) {
        text += line.text;
        if (line.partial) continue;
        if (text !== `line ${next} ${'x'.repeat(60)}`) gaps += 1;
        text = '';
        next += 1;
        if (next === total) stop.abort();
      }
    })();
    await small.client.start('flood');
    await reading;
    t.equal(gaps, 0, 'every line came once and in order');
    const { id } = await small.client.inspect('flood');
    const logs = join(folder, 'e2/containers', id, 'logs');
    await eventually('trimming', () => {
      const sizes = new Map(
        readdirSync(logs).map(name => [statSync(join(logs, name)).ino, statSync(join(logs, name)).size]),
      );
      const sum = [...sizes.values()].reduce((a, b) => a + b, 0);
      return sum < 400 * 1024 ? true : undefined;
    });
    await small.client.remove('flood', { force: true });
  });
});

t.test('an engine that is killed', async t => {
  const config = { ...configFor('k1'), socket: join(folder, 'k1.sock') };

  await t.test('20 times: no container notices', async t => {
    let daemon = await startDaemon(config);
    const names = ['aa', 'bb', 'cc'];
    for (const name of names) {
      await daemon.client.create(
        name,
        serviceRequest('exec sleep 1000', { HostConfig: { RestartPolicy: { Name: 'always' } } }),
      );
      await daemon.client.start(name);
    }
    const pids = async (): Promise<number[]> => (await daemon.client.list()).map(container => container.pid);
    const before = await pids();
    t.ok(before.every(pid => pid > 0));
    for (let round = 0; round < 20; round += 1) {
      await daemon.kill();
      daemon = await startDaemon(config);
      t.same(await pids(), before);
    }
    // It is in charge of them, not merely aware.
    process.kill(before[1] ?? 0, 'SIGKILL');
    await eventually('a restart by the last engine', async () => {
      const now = await daemon.client.inspect('bb');
      return now.status === 'running' && now.pid !== before[1] ? true : undefined;
    });
    for (const name of names) await daemon.client.remove(name, { force: true });
    await daemon.kill();
  });

  await t.test('what ends while it is away is handled once', async t => {
    let daemon = await startDaemon(config);
    await daemon.client.create('once', serviceRequest('exec sleep 1000'));
    await daemon.client.create(
      'always',
      serviceRequest('exec sleep 1000', { HostConfig: { RestartPolicy: { Name: 'always' } } }),
    );
    await daemon.client.create(
      'coded',
      serviceRequest('while [ ! -e /mnt/go ]; do usleep 20000; done; exit 5', {
        HostConfig: { Binds: [`${folder}/flag:/mnt`] },
      }),
    );
    for (const name of ['once', 'always', 'coded']) await daemon.client.start(name);
    const [once, always] = await daemon.client.list();
    await daemon.kill();
    process.kill(once?.pid ?? 0, 'SIGKILL');
    process.kill(always?.pid ?? 0, 'SIGKILL');
    await run('touch', [join(folder, 'flag/go')]);
    await eventually('three exit files', () =>
      readdirSync(join(config.runRoot, 'exits')).filter(name => /^[0-9a-f]{64}$/.test(name)).length === 3
        ? true
        : undefined,
    );
    daemon = await startDaemon(config);
    t.equal(await daemon.client.wait('once'), 137);
    t.equal(await daemon.client.wait('coded'), 5);
    const back = await eventually('a restart', async () => {
      const now = await daemon.client.inspect('always');
      return now.status === 'running' ? now : undefined;
    });
    t.not(back.pid, always?.pid);
    t.equal(back.restartCount, 1);
    await daemon.kill();
    daemon = await startDaemon(config);
    t.match(await daemon.client.inspect('always'), { pid: back.pid, restartCount: 1 });
    t.match(await daemon.client.inspect('coded'), { status: 'exited', exitCode: 5 });
    for (const name of ['once', 'always', 'coded']) await daemon.client.remove(name, { force: true });
    t.same(readdirSync(join(config.runRoot, 'exits')), []);
    await daemon.kill();
  });

  await t.test('killed while starting: nothing half-made is left', async t => {
    for (let delayMs = 0; delayMs < 60; delayMs += 6) {
      let daemon = await startDaemon(config);
      await daemon.client.create('cut', serviceRequest('exec sleep 1000'));
      const started = daemon.client.start('cut').then(
        () => true,
        () => false,
      );
      await new Promise(resolve => setTimeout(resolve, delayMs));
      await daemon.kill();
      const acknowledged = await started;
      daemon = await startDaemon(config);
      // Starting is queued behind taking up what was left.
      await daemon.client.start('cut');
      const now = await daemon.client.inspect('cut');
      t.equal(now.status, 'running', `cut after ${delayMs} ms${acknowledged ? ', acknowledged' : ''}`);
      t.equal(
        processesWith(now.id).filter(pid => argumentsOf(pid).includes('conmon')).length,
        1,
        'one conmon',
      );
      await daemon.client.remove('cut', { force: true });
      await daemon.kill();
      await eventually('its processes to be gone', () =>
        processesWith(now.id).length === 0 ? true : undefined,
      );
    }
  });
});

t.test("Docker's own client, and ours", async t => {
  const socket = join(folder, 'api.sock');
  await using engine = await createEngine({ ...configFor('api'), log });
  await engine.listen(socket);
  t.equal(statSync(socket).mode & 0o777, 0o600);
  const { client } = engine;
  await client.create(
    'web',
    serviceRequest('echo one; usleep 50000; echo two >&2; usleep 50000; echo three; exec sleep 1000', {
      Labels: { tier: 'front' },
    }),
  );
  await client.create('done', serviceRequest('exit 2'));
  await client.start('web');
  await client.start('done');
  await client.wait('done');
  const docker = (...args: readonly string[]) =>
    run(dockerProgram, args, { env: { DOCKER_HOST: `unix://${socket}` } });
  const id = (await client.inspect('web')).id;

  await t.test('ping and version', async t => {
    const version = await docker(
      'version',
      '--format',
      '{{.Server.Version}} {{.Server.APIVersion}} {{.Server.MinAPIVersion}}',
    );
    t.same(version, { code: 0, stdout: '0.1.0-test 1.45 1.24\n', stderr: '' });
    t.match(await docker('info', '--format', '{{.Containers}} {{.ContainersRunning}} {{.Driver}}'), {
      code: 0,
      stdout: '2 1 overlay2\n',
    });
    t.match((await docker('info')).stdout, /Server Version: 0\.1\.0-test/);
  });

  await t.test('ps', async t => {
    t.match(
      (await docker('ps')).stdout,
      /^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES\n[0-9a-f]{12} +test\/busybox +"\/bin\/sh -c 'echo on…" +.* ago +Up .* web\n$/,
    );
    t.match(
      (await docker('ps', '-a', '--format', '{{.Names}} {{.State}}')).stdout,
      'done exited\nweb running\n',
    );
    t.equal((await docker('ps', '-aq', '--no-trunc', '--filter', 'exited=2')).stdout.length, 65);
    t.equal(
      (await docker('ps', '-q', '--filter', 'label=tier=front', '--filter', 'name=w')).stdout,
      `${id.slice(0, 12)}\n`,
    );
    t.equal((await docker('ps', '-q', '--filter', 'label=tier=back')).stdout, '');
    t.match(await docker('ps', '--filter', 'colour=red'), { code: 1, stderr: /invalid filter 'colour'/ });
    t.equal((await docker('ps', '-n', '1', '--format', '{{.Names}}')).stdout, 'done\n');
  });

  await t.test('inspect', async t => {
    t.match(
      await docker(
        'inspect',
        '--format',
        '{{.Name}} {{.State.Running}} {{.State.Pid}} {{.HostConfig.NetworkMode}}',
        'web',
      ),
      {
        code: 0,
        stdout: `/web true ${(await client.inspect('web')).pid} host\n`,
      },
    );
    t.match(await docker('container', 'inspect', 'nope'), { code: 1, stderr: /No such container: nope/ });
  });

  await t.test('logs', async t => {
    t.match(await docker('logs', 'web'), { code: 0, stdout: 'one\nthree\n', stderr: 'two\n' });
    t.match(await docker('logs', '--tail', '1', 'web'), { stdout: 'three\n', stderr: '' });
    t.match((await docker('logs', '-t', 'web')).stdout, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z one\n/);
    t.match(await docker('logs', '--since', '2099-01-01T00:00:00Z', 'web'), { stdout: '', stderr: '' });
    t.match(await docker('logs', '--until', '2001-01-01T00:00:00Z', 'web'), { stdout: '', stderr: '' });
    t.match(await docker('logs', '-f', 'done'), { code: 0, stdout: '' });
    t.match(await docker('logs', 'nope'), { code: 1, stderr: /No such container: nope/ });
  });

  await t.test('exec', async t => {
    t.same(await docker('exec', 'web', 'sh', '-c', 'echo o; echo e >&2; exit 9'), {
      code: 9,
      stdout: 'o\n',
      stderr: 'e\n',
    });
    const input = 'x'.repeat(300_000);
    const echoed = await run(dockerProgram, ['exec', '-i', 'web', 'cat'], {
      input,
      env: { DOCKER_HOST: `unix://${socket}` },
    });
    t.equal(echoed.stdout, input);
    t.match(
      await docker(
        'exec',
        '-u',
        'app',
        '-w',
        '/etc',
        '-e',
        'K=v',
        'web',
        'sh',
        '-c',
        'id -u; pwd; echo $K $HOME',
      ),
      { stdout: '1000\n/etc\nv /home/app\n' },
    );
    t.match(await docker('exec', '-d', 'web', 'sleep', '0'), { code: 0 });
    t.match(await docker('exec', 'done', 'true'), { code: 1, stderr: /is not running/ });
    for (let round = 0; round < 20; round += 1) {
      const quick = await run(
        'script',
        ['-qec', `${dockerProgram} exec -it web sh -c "echo hello; exit 5"`, '/dev/null'],
        {
          env: { DOCKER_HOST: `unix://${socket}` },
        },
      );
      t.match(quick, { code: 5, stdout: /hello/ }, 'a terminal loses nothing');
    }
    const missing = await run('script', ['-qec', `${dockerProgram} exec -it web nosuch`, '/dev/null'], {
      env: { DOCKER_HOST: `unix://${socket}` },
    });
    t.match(missing, { code: 127, stdout: /nosuch/ });
    const tty = await run(
      'script',
      [
        '-qec',
        `stty rows 33 cols 99; ${dockerProgram} exec -it web sh -c "tty; stty size; exit 5"`,
        '/dev/null',
      ],
      {
        env: { DOCKER_HOST: `unix://${socket}` },
      },
    );
    t.match(tty, { code: 5, stdout: /\/dev\/pts\/\d+\r\n33 99\r\n/ });
  });

  await t.test('start, stop, kill, wait, rm', async t => {
    t.match(await docker('stop', '-t', '0', 'web'), { code: 0, stdout: 'web\n' });
    t.match(await docker('start', 'web'), { code: 0, stdout: 'web\n' });
    t.match(await docker('kill', 'web'), { code: 0, stdout: 'web\n' });
    t.match(await docker('kill', 'web'), { code: 1, stderr: /is not running/ });
    t.match(await docker('wait', 'web'), { code: 0, stdout: '137\n' });
    t.match(await docker('rm', 'done'), { code: 0, stdout: 'done\n' });
    t.match(await docker('start', 'web'), { code: 0 });
  });

  await t.test('what is not served says so', async t => {
    t.match(await docker('swarm', 'init'), {
      code: 1,
      stderr: /swarm .* are not supported by system-docker/,
    });
  });

  await t.test('hostile requests are refused, readers that stall hold nobody up', async t => {
    const raw = (text: string): Promise<string> =>
      new Promise(resolve => {
        const connection = connect(socket, () => connection.write(text));
        let answer = '';
        connection.on('data', chunk => (answer += chunk.toString()));
        connection.on('close', () => resolve(answer));
        connection.on('error', () => resolve(answer));
      });
    const request = (line: string, headers = '', body = ''): Promise<string> =>
      raw(`${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n${body}`);
    const json = (body: string): [string, string] => [
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`,
      body,
    ];
    const cases: readonly [string, Promise<string>][] = [
      ['400', raw('GARBAGE\r\n\r\n')],
      ['404', request('GET /')],
      ['404', request('GET /containers/../../etc/passwd')],
      ['404', request('GET /containers/..%2f..%2fetc/json')],
      ['404', request('GET /containers/%00/json')],
      ['404', request('PATCH /containers/json')],
      ['400', request('GET /v9.99/info')],
      ['400', request('GET /containers/json?filters=%7B')],
      ['400', request('GET /containers/web/logs')],
      ['400', request('POST /containers/web/exec', ...json('{'))],
      ['400', request('POST /containers/web/exec', ...json('{"Cmd":"ls"}'))],
      ['400', request('POST /containers/web/exec', ...json('{"Cmd":[]}'))],
      ['400', request('POST /containers/web/exec', ...json(`"${'x'.repeat(5_000_000)}"`))],
      ['400', request('POST /containers/web/kill?signal=NOPE')],
      ['404', request('POST /exec/nope/start', ...json('{}'))],
      ['404', request('POST /exec/nope/start', `Upgrade: tcp\r\n${json('{}')[0]}`, '{}')],
    ];
    for (const [index, [status, answer]] of cases.entries()) {
      t.equal((await answer).slice('HTTP/1.1 '.length).slice(0, 3), status, `case ${index}`);
    }
    // A follower that never reads, of a container that never stops writing.
    await client.create(
      'loud',
      serviceRequest('while :; do echo "a line of text that is written again and again"; done'),
    );
    await client.start('loud');
    const stalled = connect(socket, () =>
      stalled.write('GET /containers/loud/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n'),
    );
    stalled.pause();
    stalled.on('error', () => undefined);
    const size = (): number =>
      Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
    const before = size();
    await new Promise(resolve => setTimeout(resolve, 3000));
    t.ok(size() - before < 32 * 1024, `memory grew by ${size() - before} kB`);
    t.match(await docker('version'), { code: 0 });
    t.match(await docker('logs', '--tail', '1', 'loud'), { code: 0, stdout: /a line of text/ });
    stalled.destroy();
    await client.remove('loud', { force: true });
  });

  await t.test('our own command', async t => {
    // Blanks and ages differ from one second to the next.
    const plain = (text: string): string =>
      text.replaceAll(/ +/g, ' ').replaceAll(/(\d+|Less than a|About a) (second|minute)s?/g, 'N units');
    const main = join(import.meta.dirname, '../support/cli-main.ts');
    const ours = (args: readonly string[], input = '') =>
      run(process.execPath, [main, '-H', `unix://${socket}`, ...args], { input });
    t.equal(plain((await ours(['ps'])).stdout), plain((await docker('ps')).stdout));
    t.match(await ours(['logs', '--tail', '3', 'web']), { code: 0, stdout: 'one\nthree\n', stderr: 'two\n' });
    t.match(await ours(['exec', 'web', 'sh', '-c', 'echo hi; exit 4']), { code: 4, stdout: 'hi\n' });
    t.match(await ours(['exec', '-i', 'web', 'cat'], 'through'), { code: 0, stdout: 'through' });
    t.match(await ours(['exec', 'nope', 'true']), {
      code: 1,
      stderr: 'Error response from daemon: No such container: nope\n',
    });
    t.match(await ours(['inspect', 'nope']), { code: 1, stderr: 'Error: No such object: nope\n' });
    t.match(await ours(['version']), { code: 0, stdout: /API version: +1\.45/ });
    t.match(await ours(['info']), { code: 0, stdout: /Containers: 1\n/ });
    const tty = await run('script', [
      '-qec',
      `stty rows 20 cols 70; ${process.execPath} ${main} -H unix://${socket} exec -it web sh -c "stty size; exit 6"`,
      '/dev/null',
    ]);
    t.match(tty, { code: 6, stdout: /20 70\r+\n/ });
    const dialled = await ours(
      ['system', 'dial-stdio'],
      'GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    t.match(dialled, { code: 0, stdout: /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nOK$/ });
    t.equal(
      await runSystemDockerCommand(['ps'], {
        ...{ streams: process, socketPath: '/nowhere' },
        ...{ clock: Date.now, env: {} },
      }),
      1,
    );
  });

  await client.remove('web', { force: true });
});
