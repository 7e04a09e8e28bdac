/**
 * What an engine needs, broken: records, programs, conmons, cgroups, files of the runtime. Needs root, for a mount
 * namespace of its own.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'faults');

const { default: t } = await import('tap');
const {
  argumentsOf,
  bundleDaemon,
  cleanUp,
  daemonConfigs,
  eventually,
  makeImageStore,
  processesWith,
  serviceRequest,
  startDaemon,
  testPrograms,
} = await import('../support/engine.ts');
const { createEngine } = await import('../../src/machine/engine/engine.ts');
const { silentLog } = await import('../../src/machine/log.ts');
const { apiClient } = await import('../support/api-client.ts');
const { expectNoTraces } = await import('../support/engine-traces.ts');

const { engine: programs } = testPrograms(engineRoot, join(folder, 'bin'));
const store = makeImageStore(join(folder, 'store'), programs.busybox);
const script = await bundleDaemon(join(folder, 'daemon.mjs'));
const group = `/slipway-faults-${process.pid}`;
const cgroupRoot = join('/sys/fs/cgroup', group);
const configFor = daemonConfigs(folder, group, { programs, store });

t.setTimeout(600_000);
t.teardown(() => cleanUp(folder, cgroupRoot));

const SLEEP = 'while :; do usleep 20000; done';
const always = { HostConfig: { RestartPolicy: { Name: 'always' } } };

t.test('two engines do not share what they have', async t => {
  const config = configFor('shared');
  const daemon = await startDaemon(config, script);
  const { client } = daemon;
  await client.create('one', serviceRequest(SLEEP));
  await client.start('one');
  const { pid } = await client.inspect('one');
  const second = (change: object): Promise<string> =>
    new Promise(resolve => {
      const child = spawn(process.execPath, [script, JSON.stringify({ ...config, ...change })]);
      let text = '';
      child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
      child.on('close', code => resolve(`${code}: ${text}`));
    });
  t.match(await second({ socket: join(folder, 'other.sock') }), /^1: [^]*PID \d+ is still running/);
  t.match(await second({ runRoot: join(folder, 'other') }), /^1: [^]*another program listens there/);
  t.match(await client.inspect('one'), { status: 'running', pid }, 'the first one goes on');
  t.equal((await apiClient(config.socket)('GET', '/_ping')).text, 'OK');
  await daemon.kill();
  const third = await startDaemon(config, script);
  t.match(await third.client.inspect('one'), { status: 'running', pid }, 'what was killed left its place');
  await third.client.remove('one', { force: true });
  third.process.kill('SIGTERM');
  await once(third.process, 'exit');
  const fourth = await startDaemon(config, script);
  await fourth.kill();
  await expectNoTraces({ ...config, cgroupRoot }, 'after all of them');
});

t.test('records and files that make no sense keep no engine from starting', async t => {
  const config = { ...configFor('garbage'), stateRoot: join(folder, 'garbage-state') };
  const ask = apiClient(config.socket);
  let daemon = await startDaemon(config, script);
  const create = async (name: string): Promise<string> => {
    const body = { Image: 'test/busybox', Cmd: ['sh', '-c', SLEEP], HostConfig: { NetworkMode: 'none' } };
    const { text } = await ask('POST', `/containers/create?name=${name}`, body);
    const { Id } = JSON.parse(text) as { readonly Id: string };
    await ask('POST', `/containers/${name}/start`);
    return Id;
  };
  const ids = new Map<string, string>();
  for (const name of ['good', 'torn', 'empty', 'strange']) ids.set(name, await create(name));
  await ask('POST', '/volumes/create', { Name: 'good' });
  await ask('POST', '/volumes/create', { Name: 'torn' });
  await daemon.kill();
  const recordOf = (name: string): string =>
    join(config.stateRoot, 'containers', ids.get(name) ?? '', 'record.json');
  const sound = new Map([...ids.keys()].map(name => [name, readFileSync(recordOf(name), 'utf8')]));
  const whole = sound.get('torn') ?? '';
  writeFileSync(recordOf('torn'), whole.slice(0, whole.length / 2));
  writeFileSync(recordOf('empty'), '');
  writeFileSync(
    recordOf('strange'),
    JSON.stringify({ ...(JSON.parse(whole) as object), state: { status: 'odd' } }),
  );
  writeFileSync(`${recordOf('good')}.new`, whole.slice(0, 10));
  writeFileSync(join(config.stateRoot, 'volumes/torn/volume.json'), '{"schema":1');
  mkdirSync(join(config.stateRoot, 'images'), { recursive: true });
  writeFileSync(join(config.stateRoot, 'images/references.json'), 'nonsense');
  writeFileSync(join(config.stateRoot, 'images/references.json.new'), '{');
  mkdirSync(join(config.stateRoot, 'images', 'a'.repeat(64)));
  mkdirSync(join(config.stateRoot, 'layers', 'b'.repeat(64)));
  writeFileSync(join(config.stateRoot, 'layers', 'b'.repeat(64), 'layer.json'), '[]');
  writeFileSync(join(config.stateRoot, 'networks', `${'c'.repeat(64)}.json`), 'null');
  writeFileSync(join(config.stateRoot, 'networks/x.json.new'), '{');
  mkdirSync(join(config.stateRoot, 'containers', 'not-an-id'));
  writeFileSync(join(config.stateRoot, 'containers', 'a file'), '');
  mkdirSync(join(config.runRoot, 'execs/old'), { recursive: true });
  writeFileSync(join(config.runRoot, 'engine.json'), '{"pid":');

  daemon = await startDaemon(config, script);
  const list = JSON.parse((await ask('GET', '/containers/json?all=1')).text) as {
    Names: string[];
    State: string;
  }[];
  t.match(list, [{ Names: ['/good'], State: 'running' }]);
  t.equal(list.length, 1, 'the others are set aside');
  const volumes = JSON.parse((await ask('GET', '/volumes')).text) as { Volumes: { Name: string }[] };
  t.match(volumes.Volumes, [{ Name: 'good' }]);
  t.equal(volumes.Volumes.length, 1);
  t.match((await ask('GET', '/images/json')).status, 200);
  t.ok(existsSync(recordOf('torn')), 'somebody may still repair it');
  t.notOk(existsSync(`${recordOf('good')}.new`));
  t.match((await ask('DELETE', '/containers/good?force=1')).status, 204);
  const young = await create('torn');
  await daemon.kill();
  for (const name of ['torn', 'empty', 'strange']) writeFileSync(recordOf(name), sound.get(name) ?? '');
  daemon = await startDaemon(config, script);
  for (const id of [ids.get('torn'), ids.get('empty'), ids.get('strange'), young]) {
    const { status, text } = await ask('GET', `/containers/${id ?? ''}/json`);
    t.match({ status, text }, { status: 200, text: /"Status":"running"/ }, 'repaired');
    t.equal((await ask('DELETE', `/containers/${id ?? ''}?force=1`)).status, 204);
  }
  await daemon.kill();
});

t.test('a conmon or a container that somebody else kills', async t => {
  const config = configFor('killed');
  let daemon = await startDaemon(config, script);
  const monitorOf = async (name: string): Promise<number> => {
    const { id } = await daemon.client.inspect(name);
    return processesWith(id).find(pid => argumentsOf(pid).includes('conmon')) ?? 0;
  };
  const untilAnother = (name: string, before: number) =>
    eventually(`another life of ${name}`, async () => {
      const now = await daemon.client.inspect(name);
      return now.status === 'running' && now.pid !== before ? now : undefined;
    });
  await daemon.client.create('stays', serviceRequest(SLEEP, always));
  await daemon.client.create('ends', serviceRequest(SLEEP));
  for (const name of ['stays', 'ends']) await daemon.client.start(name);

  let { pid } = await daemon.client.inspect('stays');
  process.kill(await monitorOf('stays'), 'SIGKILL');
  const second = await untilAnother('stays', pid);
  t.match(second, { restartCount: 1 });
  t.same(argumentsOf(pid), '', 'its container went with it');
  process.kill(second.pid, 'SIGKILL');
  const third = await untilAnother('stays', second.pid);
  t.match(third, { restartCount: 2 });

  // Nobody is there to see it.
  ({ pid } = third);
  const monitor = await monitorOf('stays');
  const ending = await monitorOf('ends');
  await daemon.kill();
  process.kill(monitor, 'SIGKILL');
  process.kill(ending, 'SIGKILL');
  daemon = await startDaemon(config, script);
  await untilAnother('stays', pid);
  t.match(
    await eventually('its end', async () => {
      const now = await daemon.client.inspect('ends');
      return now.status === 'exited' ? now : undefined;
    }),
    { exitCode: 137, error: 'its monitor (conmon) died, so it was killed' },
  );
  t.same(argumentsOf(pid), '');

  // A conmon that is stopped answers nothing, and is killed with its container.
  process.kill(await monitorOf('stays'), 'SIGSTOP');
  const stopped = await monitorOf('stays');
  const removed = daemon.client.remove('stays', { force: true });
  await eventually('it to be killed', async () => {
    const now = await daemon.client.inspect('stays').catch(() => undefined);
    return now === undefined || argumentsOf(now.pid) === '' ? true : undefined;
  });
  process.kill(stopped, 'SIGCONT');
  await removed;
  await daemon.client.remove('ends');
  await daemon.kill();
  await expectNoTraces({ ...config, cgroupRoot }, 'after all of it');
});

t.test('programs that are broken or gone', async t => {
  const own = join(folder, 'own');
  mkdirSync(own);
  const broken = { ...programs, crun: join(own, 'crun'), conmon: join(own, 'conmon') };
  const repair = (): void => {
    for (const name of ['crun', 'conmon'] as const) {
      rmSync(broken[name], { force: true });
      copyFileSync(programs[name], broken[name]);
    }
  };
  repair();
  const config = { ...configFor('programs'), programs: broken };
  const daemon = await startDaemon(config, script);
  const { client } = daemon;
  await client.create('runs', serviceRequest(SLEEP, always));
  await client.start('runs');
  await client.create('one', serviceRequest('exit 4'));
  const damages: readonly [string, RegExp, () => void][] = [
    ['no crun', /crun/, () => rmSync(broken.crun)],
    ['no conmon', /conmon/, () => rmSync(broken.conmon)],
    ['a crun that is no program', /crun|conmon/, () => writeFileSync(broken.crun, '\x7fELF nonsense')],
    ['a conmon that is no program', /conmon|ormat/, () => writeFileSync(broken.conmon, '\x7fELF nonsense')],
    ['a crun that must not be run', /crun|ermission/, () => chmodSync(broken.crun, 0o644)],
    ['a conmon that says nothing', /conmon/, () => writeFileSync(broken.conmon, '#!/bin/sh\nexit 0\n')],
    ['a crun that says nothing', /crun|conmon/, () => writeFileSync(broken.crun, '#!/bin/sh\nexit 3\n')],
  ];
  for (const [what, why, damage] of damages) {
    damage();
    await t.rejects(client.start('one'), { message: why }, what);
    t.match(await client.inspect('one'), { status: /created|exited/ }, what);
    t.match(await client.inspect('runs'), { status: 'running' }, `${what}: the others go on`);
    repair();
    await client.start('one');
    t.equal(await client.wait('one'), 4, `${what}: repaired`);
  }
  rmSync(broken.crun);
  const { pid } = await client.inspect('runs');
  process.kill(pid, 'SIGKILL');
  await eventually('its end', async () =>
    (await client.inspect('runs')).status === 'running' ? undefined : true,
  );
  repair();
  await eventually('its next life', async () => {
    const now = await client.inspect('runs');
    return now.status === 'running' && now.pid !== pid ? true : undefined;
  });
  await client.remove('runs', { force: true });
  await client.remove('one');
  await daemon.kill();
  await expectNoTraces({ ...config, cgroupRoot }, 'after all of it');
});

t.test('what others take away', async t => {
  const config = configFor('taken');
  let daemon = await startDaemon(config, script);
  const start = async (name: string, change = {}): Promise<string> => {
    await daemon.client.create(name, serviceRequest(SLEEP, change));
    await daemon.client.start(name);
    return (await daemon.client.inspect(name)).id;
  };
  // crun's own file of a container.
  const id = await start('one');
  rmSync(join(config.runRoot, 'crun', id), { recursive: true });
  await daemon.client.stop('one', 0);
  t.match(await daemon.client.inspect('one'), { status: 'exited', exitCode: 137 });
  await daemon.client.remove('one');

  // Its cgroup, as far as the kernel lets one.
  await start('two');
  const { pid } = await daemon.client.inspect('two');
  writeFileSync('/sys/fs/cgroup/cgroup.procs', String(pid));
  await daemon.client.remove('two', { force: true });
  t.equal(argumentsOf(pid), '', 'it is killed all the same');
  for (const name of ['monitors', 'services', 'user']) {
    await eventually(`${name} to be empty`, () => {
      try {
        rmdirSync(join(cgroupRoot, name));
        return true;
      } catch {
        return undefined;
      }
    });
  }
  await start('three');

  // Its bundle, with the FIFO by which conmon's end is seen; and the exit file is not what it should be.
  const three = (await daemon.client.inspect('three')).id;
  await daemon.kill();
  const bundle = join(config.runRoot, 'containers', three, 'bundle');
  renameSync(join(bundle, 'winsz'), join(bundle, 'gone'));
  daemon = await startDaemon(config, script);
  t.match(await daemon.client.inspect('three'), { status: 'running' });
  process.kill((await daemon.client.inspect('three')).pid, 'SIGKILL');
  await eventually('its end to be seen', async () =>
    (await daemon.client.inspect('three')).status === 'exited' ? true : undefined,
  );
  await daemon.client.start('three');
  const before = await daemon.client.inspect('three');
  await daemon.kill();
  process.kill(before.pid, 'SIGKILL');
  const exitFile = join(config.runRoot, 'exits', three);
  await eventually('the exit file', () => (existsSync(exitFile) ? true : undefined));
  writeFileSync(exitFile, 'nonsense');
  daemon = await startDaemon(config, script);
  await eventually('its end', async () =>
    (await daemon.client.inspect('three')).status === 'exited' ? true : undefined,
  );
  await daemon.client.remove('three');
  t.same(readdirSync(join(config.runRoot, 'exits')), []);
  await daemon.kill();
  await expectNoTraces({ ...config, cgroupRoot }, 'after all of it');
});

t.test('a clock that jumps', async t => {
  let offsetMs = 0;
  const engine = await createEngine({
    ...configFor('clock'),
    log: silentLog,
    clock: () => Date.now() + offsetMs,
  });
  t.teardown(() => engine[Symbol.asyncDispose]());
  const socket = join(folder, 'clock.sock');
  await engine.listen(socket);
  const ask = apiClient(socket);
  const { client } = engine;
  const DAY_MS = 86_400_000;
  const inspect = async (name: string) =>
    JSON.parse((await ask('GET', `/containers/${name}/json`)).text) as {
      State: { Status: string; Health?: { Status: string; FailingStreak: number } };
      RestartCount: number;
    };
  for (const jumpMs of [-DAY_MS, DAY_MS]) {
    const where = `the clock jumps by ${jumpMs} ms`;
    // Its start lies before the jump, its end behind it, which makes it seem to have run for a day, or not at all.
    offsetMs = -jumpMs;
    const policy = { HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } } };
    await client.create('fails', serviceRequest('exit 1', policy));
    await client.start('fails');
    await eventually(`${where}: to be given up`, async () => {
      const { State, RestartCount } = await inspect('fails');
      return State.Status === 'exited' && RestartCount === 3 ? true : undefined;
    });

    await client.create(
      'sick',
      serviceRequest(SLEEP, {
        Healthcheck: {
          Test: ['CMD', 'false'],
          Interval: 20_000_000,
          StartInterval: 20_000_000,
          StartPeriod: 3600e9,
          Retries: 1,
        },
      }),
    );
    await client.start('sick');
    offsetMs += jumpMs;
    const looks = async (): Promise<number> => {
      const { text } = await ask('GET', '/containers/sick/json');
      return (JSON.parse(text) as { State: { Health: { Log: unknown[] } } }).State.Health.Log.length;
    };
    await eventually(`${where}: looks`, async () => ((await looks()) >= 3 ? true : undefined));
    t.match((await inspect('sick')).State.Health, { Status: 'starting' }, `${where}: it still starts`);

    const list = JSON.parse((await ask('GET', '/containers/json?all=1')).text) as { Status: string }[];
    for (const { Status } of list) t.match(Status, /^(Up|Exited)/, where);
    const until = Math.floor((Date.now() + 1000) / 1000);
    t.equal((await ask('GET', `/events?until=${until}`)).status, 200, `${where}: events end`);
    await client.stop('sick', 0);
    t.match(await client.inspect('sick'), { status: 'exited', exitCode: 137 }, where);
    await client.remove('sick');
    await client.remove('fails');
  }
});
