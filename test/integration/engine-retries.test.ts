/**
 * What has to be done again: writes that fail, engines and machines that go down, ends that nobody could handle. Real
 * conmon and crun, faults where the engine names its steps. Needs root, for a mount namespace of its own.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { ContainerCreateRequest } from '../../src/machine/engine-api/wire.ts';
import type { EngineEvent } from '../../src/machine/engine-client/engine-client.ts';
import type { EngineConfig } from '../../src/machine/engine/engine-config.ts';
import type { ContainerRecord } from '../../src/machine/engine/store/container-record.ts';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'retries');

const { default: t } = await import('tap');
const { cleanUp, daemonConfigs, eventually, makeImageStore, serviceRequest, testPrograms } =
  await import('../support/engine.ts');
const { dockerClient } = await import('../support/docker-client.ts');
const { createEngine } = await import('../../src/machine/engine/engine.ts');
const { createLog } = await import('../../src/machine/log.ts');
const { countMounts } = await import('../../src/machine/host/mounts.ts');

const { engine: programs, docker: dockerProgram } = testPrograms(engineRoot, join(folder, 'bin'));
const store = makeImageStore(join(folder, 'store'), programs.busybox);
const group = `/slipway-retries-${process.pid}`;
const configFor = daemonConfigs(folder, group, { programs, store });
const log = createLog({
  component: 'test',
  level: 'debug',
  write: line => process.env.SLIPWAY_TEST_LOG === '1' && process.stderr.write(line),
});

t.setTimeout(600_000);
t.teardown(() => cleanUp(folder, join('/sys/fs/cgroup', group)));

const FOREVER = 'while :; do usleep 50000; done';

/** A container as Docker's clients make them. */
const plainRequest = (
  script: string,
  host: ContainerCreateRequest['HostConfig'] = {},
): ContainerCreateRequest => ({
  Image: 'test/busybox',
  Cmd: ['/bin/sh', '-c', script],
  HostConfig: { NetworkMode: 'host', ...host },
});

/** An engine of this process, which can be made to fail at a step as on a full disk. */
const startEngine = async (t: Test, config: Omit<EngineConfig, 'log'>) => {
  const ahead: string[] = [];
  const onStep = (step: string): void => {
    if (step !== ahead[0]) return;
    ahead.shift();
    if (ahead.length > 0) return;
    const fault = { code: 'ENOSPC', errno: -28, syscall: 'write' };
    throw Object.assign(new Error('ENOSPC: no space left on device'), fault);
  };
  const engine = await createEngine({ ...config, log, onStep });
  const stop = new AbortController();
  const events: EngineEvent[] = [];
  const listening = (async () => {
    for await (const event of engine.client.events(stop.signal)) events.push(event);
  })();
  let isOver = false;
  /** Its containers go on. */
  const end = async (): Promise<void> => {
    if (isOver) return;
    isOver = true;
    stop.abort();
    await listening;
    await engine[Symbol.asyncDispose]();
  };
  t.teardown(end);
  const { client } = engine;
  return {
    engine,
    client,
    end,
    /** Waits for these steps, in this order among others, and fails at the last of them. */
    failAt: (...steps: readonly string[]) => void ahead.splice(0, Infinity, ...steps),
    hasFailed: () => ahead.length === 0,
    count: (action: string, name: string) =>
      events.filter(event => event.action === action && event.container.name === name).length,
    becomes: (name: string, status: string) =>
      eventually(`${name} to be ${status}`, async () =>
        (await client.inspect(name)).status === status ? true : undefined,
      ),
    isGone: (name: string) =>
      eventually(`${name} to be gone`, async () =>
        (await client.list()).every(one => one.name !== name) ? true : undefined,
      ),
  };
};

/** Changes what is kept of a container while no engine is there. */
const rewrite = (
  root: string,
  id: string,
  change: (record: ContainerRecord) => Partial<ContainerRecord>,
): void => {
  const file = join(root, 'containers', id, 'record.json');
  const record = JSON.parse(readFileSync(file, 'utf8')) as ContainerRecord;
  writeFileSync(file, JSON.stringify({ ...record, ...change(record) }));
};
const ANOTHER_BOOT = { bootId: '00000000-0000-0000-0000-000000000000' };

t.test('what fails is done again', async t => {
  const config = configFor('again');
  const first = await startEngine(t, config);
  const { engine, client, failAt, hasFailed, becomes, isGone, count } = first;
  await engine.listen(config.socket);
  const docker = dockerClient(dockerProgram, config.socket, folder);
  const theFault = () => eventually('the fault', () => hasFailed() || undefined);

  await t.test('a restart that could not be begun is begun later', async t => {
    const onFailure = { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 1 } };
    const once = `[ -e /root/x ] || { touch /root/x; exit 1; }; ${FOREVER}`;
    await client.create('later', plainRequest(once, onFailure));
    failAt('exit: record', 'record: change', 'record: change');
    await client.start('later');
    await theFault();
    await becomes('later', 'running');
    t.match(await client.inspect('later'), { restartCount: 1 });
    t.equal(count('gave-up', 'later'), 0);
    await client.stop('later', 0);
    await client.start('later');
    t.match(await client.inspect('later'), { restartCount: 0 }, 'by hand it has not been restarted yet');
    await client.remove('later', { force: true });
  });

  await t.test('a start by hand that could not be begun leaves the restart that is due', async t => {
    const slow = { restartDelayMs: 500, restartMaxDelayMs: 500, scope: 'boot' } as const;
    const always = { RestartPolicy: { Name: 'always' } };
    await client.create('due', serviceRequest('usleep 1000; exit 1', { HostConfig: always, Slipway: slow }));
    await client.start('due');
    await becomes('due', 'restarting');
    failAt('record: change');
    await t.rejects(client.start('due'), { message: /ENOSPC/ });
    const before = count('start', 'due');
    await eventually('the next life', () => (count('start', 'due') > before ? true : undefined));
    await client.remove('due', { force: true });
  });

  await t.test('an end that could not be handled is handled, whoever removes it meanwhile', async t => {
    for (const [name, act] of [
      ['removed', () => client.remove('removed', { force: true })],
      ['stopped', () => client.stop('stopped')],
    ] as const) {
      await client.create(name, plainRequest('usleep 1000'));
      failAt('exit: clear away');
      await client.start(name);
      await theFault();
      t.match(await client.inspect(name), { status: 'running' });
      await act();
    }
    t.match(await client.inspect('stopped'), { status: 'exited', exitCode: 0 });
    await client.remove('stopped');
  });

  await t.test('a removal of --rm that failed is done again', async () => {
    await client.create('away', plainRequest('exit 0', { AutoRemove: true }));
    failAt('remove: record');
    await client.start('away');
    await theFault();
    await isGone('away');
  });

  await t.test('with --rm a restart keeps it, and a start that fails says why', async t => {
    await client.create('kept', plainRequest(FOREVER, { AutoRemove: true }));
    await client.start('kept');
    const { pid } = await client.inspect('kept');
    t.match(await docker('restart', '-t', '0', 'kept'), { code: 0 });
    const after = await client.inspect('kept');
    t.equal(after.status, 'running');
    t.not(after.pid, pid);
    await client.stop('kept', 0);
    await isGone('kept');
    await client.create('faulty', { ...plainRequest('', { AutoRemove: true }), Cmd: ['/no/such'] });
    failAt('remove: record');
    await t.rejects(client.start('faulty'), { message: /no such file or directory/ });
    t.ok(hasFailed());
    await client.remove('faulty');
  });

  await t.test('a lack of memory is told of at once, and not again at the end', async t => {
    const { id } = await client.inspect(await client.create('hungry', plainRequest(FOREVER)));
    await client.start('hungry');
    // As conmon does when the kernel has killed one of several processes.
    writeFileSync(join(config.runRoot, 'exits', `${id}.persist/oom`), '');
    await eventually('the event', () => (count('oom', 'hungry') === 1 ? true : undefined));
    const state = async () =>
      (await docker('inspect', '-f', '{{.State.Status}} {{.State.OOMKilled}}', 'hungry')).stdout;
    t.equal(await state(), 'running true\n');
    await client.stop('hungry', 0);
    t.equal(await state(), 'exited true\n');
    t.equal(count('oom', 'hungry'), 1);
    await client.remove('hungry');
  });

  await t.test('a process that has the number of another one is not a container', async t => {
    await client.create('reused', plainRequest(FOREVER));
    await client.create('joins', plainRequest('true', { NetworkMode: 'container:reused' }));
    await client.start('reused');
    const { id, pid } = await client.inspect('reused');
    await first.end();
    rewrite(config.runRoot, id, ({ state }) =>
      'process' in state ? { state: { ...state, process: { ...state.process, startTime: '1' } } } : {},
    );
    const next = await startEngine(t, config);
    await next.engine.listen(config.socket);
    t.match(await next.client.inspect('reused'), { status: 'running', pid });
    await t.rejects(next.client.start('joins'), { message: /of a non running container/ });
    t.match(await docker('top', 'reused'), { code: 1, stderr: /is not running/ });
    process.kill(pid, 'SIGKILL');
    await next.becomes('reused', 'exited');
    for (const name of ['reused', 'joins']) await next.client.remove(name);
  });
});

t.test('state that comes late, after another boot', async t => {
  const state = join(folder, 'state');
  const source = join(folder, 'source');
  const config = configFor('before');
  const first = await startEngine(t, { ...config, stateRoot: state });
  const ids = new Map<string, string>();
  const make = async (
    name: string,
    policy: string,
    script: string,
    host: ContainerCreateRequest['HostConfig'] = {},
  ): Promise<void> => {
    const request = plainRequest(script, { RestartPolicy: { Name: policy }, ...host });
    ids.set(name, await first.client.create(name, request));
    await first.client.start(name);
    await first.client.stop(name, 0);
  };
  mkdirSync(source);
  await make('always', 'always', FOREVER);
  await make('patient', 'unless-stopped', FOREVER, {
    Mounts: [{ Type: 'bind', Source: source, Target: '/mnt' }],
  });
  await make('known', 'on-failure', FOREVER);
  await first.end();
  const life = { exitCode: 7, startedAtMs: 1000, finishedAtMs: 2000, oomKilled: false };
  const after = (name: string, change: Partial<ContainerRecord>) =>
    rewrite(state, ids.get(name) ?? '', () => ({ ...ANOTHER_BOOT, ...change }));
  after('always', {});
  after('patient', { stopRequested: false });
  after('known', { stopRequested: false, state: { status: 'restarting', retryAtMs: 3000, ...life } });
  rmSync(source, { recursive: true });

  // Reading it takes until somebody writes into it.
  const slow = join(state, 'volumes/slow');
  mkdirSync(slow);
  execFileSync('mkfifo', [join(slow, 'volume.json')]);
  const { engine, client, becomes, count } = await startEngine(t, configFor('after'));
  const attached = engine.attachState(state);
  await eventually('its containers', async () => ((await client.list()).length === 3 ? true : undefined));
  let isAnswered = false;
  const asked = client.start('always').then(
    () => 'started',
    (error: unknown) => String(error),
  );
  void asked.then(() => (isAnswered = true));
  await new Promise(resolve => setTimeout(resolve, 500));
  t.notOk(isAnswered, 'who asks for a container waits until it has been taken up');
  closeSync(openSync(join(slow, 'volume.json'), 'w'));
  await attached;
  t.equal(await asked, 'started', 'as it is running');
  t.equal(count('start', 'always'), 1, 'once');
  t.match(await client.inspect('always'), { status: 'running', restartCount: 0 });
  t.match(await client.inspect('known'), { status: 'exited', exitCode: 7 }, 'what is known is kept');
  t.not((await client.inspect('patient')).status, 'running', 'it cannot be started yet');
  mkdirSync(source);
  await becomes('patient', 'running');
  for (const name of ids.keys()) await client.remove(name, { force: true });
});

t.test('volumes of the boot are taken up when all containers are known', async t => {
  const config = configFor('volumes');
  const state = join(folder, 'volumes-state');
  const first = await startEngine(t, config);
  await first.engine.listen(config.socket);
  const docker = dockerClient(dockerProgram, config.socket, folder);
  await docker('volume', 'create', '-o', 'type=tmpfs', '-o', 'device=tmpfs', 'early');
  await first.engine.attachState(state);
  await first.client.create('user', plainRequest(FOREVER, { Binds: ['early:/mnt'] }));
  await first.client.start('user');
  const mount = join(config.runRoot, 'volumes/early/_data');
  t.equal(countMounts(mount), 1);
  await first.end();
  const next = await startEngine(t, { ...config, stateFollows: true });
  await next.engine.attachState(state);
  t.match(await next.client.inspect('user'), { status: 'running' });
  t.equal(countMounts(mount), 1, 'it is mounted still');
  await next.client.remove('user', { force: true });
});

t.test('a volume that was written into stays', async t => {
  const config = configFor('written');
  const first = await startEngine(t, config);
  first.failAt('create: settle volumes', 'volume: change');
  await first.client.create('writer', plainRequest('echo kept > /mnt/file', { Binds: ['data:/mnt'] }));
  t.ok(first.hasFailed());
  await first.client.start('writer');
  await first.client.wait('writer');
  await first.client.remove('writer');
  await first.end();
  await startEngine(t, config);
  t.equal(readFileSync(join(config.runRoot, 'volumes/data/_data/file'), 'utf8'), 'kept\n');
});
