/**
 * What becomes of containers' networks when the engine, or what it uses, is killed, and with many at once. With the real
 * netavark, in a network namespace of its own. Needs root.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'netfaults', { network: true });

const { default: t } = await import('tap');
const { bundleDaemon, cleanUp, eventually, startDaemon } = await import('../support/engine.ts');
const { startNetworkMachine } = await import('../support/network-machine.ts');

const { NETWORK_STEPS } = await import('../../src/machine/engine/steps.ts');

const script = await bundleDaemon(join(folder, 'daemon.mjs'));
const machine = await startNetworkMachine(engineRoot, folder);
const { config, docker, said, inspect, inside, fetch, serve, untilServing, sh, world, expectNothing } =
  machine;
t.setTimeout(600_000);
t.teardown(() => {
  machine[Symbol.dispose]();
  cleanUp(folder, join('/sys/fs/cgroup', config.cgroups?.monitors ?? '', '..'));
});

let daemon = await startDaemon(config, script);
t.teardown(() => daemon.kill());

await t.test('an engine that is killed leaves networks as they are', async t => {
  await said('network', 'create', 'kept');
  await serve('web', ['--network', 'kept', '-p', '8087:80', '--restart', 'always']);
  await said('run', '-d', '--name', 'client', '--network', 'kept', 'test/busybox', 'sleep', '1000');
  const before = await inspect('web', '{{json .NetworkSettings}}');
  await daemon.kill();
  t.equal(await fetch('http://198.51.100.2:8087', world), 'web\n', 'without an engine');
  sh(`kill -9 $(cat ${join(config.runRoot, 'netavark/aardvark-dns/aardvark.pid')})`);
  daemon = await startDaemon(config, script);
  t.equal(await inspect('web', '{{json .NetworkSettings}}'), before);
  t.equal(
    (await inside('client', 'busybox wget -q -O - http://web')).stdout,
    'web\n',
    'names are answered again',
  );
  // While the engine lives, and nothing is changed in any network.
  const pidFile = join(config.runRoot, 'netavark/aardvark-dns/aardvark.pid');
  const nameServer = (): string => (existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim() : '');
  for (let round = 0; round < 2; round += 1) {
    const killed = nameServer();
    process.kill(Number(killed), 'SIGKILL');
    await eventually('another name server', () => (['', killed].includes(nameServer()) ? undefined : true));
    await eventually('names to be answered again', async () =>
      (await inside('client', 'busybox wget -q -T 2 -O - http://web')).stdout === 'web\n' ? true : undefined,
    );
  }
  // The container ends while nobody looks.
  const pid = await inspect('web', '{{.State.Pid}}');
  await daemon.kill();
  sh(`kill -9 ${pid}`);
  daemon = await startDaemon(config, script);
  await eventually('another life', async () => {
    const now = await inspect('web', '{{.State.Status}} {{.State.Pid}}');
    return now.startsWith('running') && now !== `running ${pid}` ? true : undefined;
  });
  await untilServing('web');
  t.equal(await fetch('http://127.0.0.1:8087'), 'web\n');
  t.equal((await inside('client', 'busybox wget -q -O - http://web')).stdout, 'web\n');
  await said('rm', '-f', 'web', 'client');
  await said('network', 'rm', 'kept');
  expectNothing(t, 'in the end');
});

await t.test('killed at any step: nothing half-made is left, and everything can be worked with', async t => {
  const stepsFile = join(folder, 'steps.txt');
  const steps = (): string[] =>
    existsSync(stepsFile) ? readFileSync(stepsFile, 'utf8').trim().split('\n') : [];
  const live = async (): Promise<void> => {
    await said('network', 'create', 'stays');
    await said('network', 'create', 'comes');
    await said('run', '-d', '--name', 'none', '--network', 'none', 'test/busybox', 'sleep', '1000');
    await said(
      ...['run', '-d', '--name', 'web', '--network', 'stays', '-p', '8088:80'],
      ...['test/busybox', 'sleep', '1000'],
    );
    await said('network', 'connect', 'comes', 'web');
    await said('network', 'disconnect', 'stays', 'web');
    await said('network', 'disconnect', 'none', 'none');
    await said('network', 'connect', 'comes', 'none');
    await said('rm', '-f', 'web', 'none');
    await said('network', 'rm', 'stays', 'comes');
  };
  await daemon.kill();
  daemon = await startDaemon({ ...config, stepsFile }, script);
  await live();
  await daemon.kill();
  const all = steps();
  const visited = new Set<string>();
  for (const [crashAt, step] of all.entries()) {
    const isOurs = step.startsWith('network: ');
    if (!isOurs && all[crashAt - 1]?.startsWith('network: ') !== true) continue;
    rmSync(stepsFile, { force: true });
    daemon = await startDaemon({ ...config, stepsFile, crashAt }, script);
    await t.rejects(live(), `it was killed before step ${crashAt}, "${step}"`);
    visited.add(steps().at(-1) ?? '');
    await daemon.kill();
    daemon = await startDaemon(config, script);
    const names = (await said('ps', '-a', '--format', '{{.Names}}')).split('\n').filter(name => name !== '');
    for (const name of names) {
      await docker('start', name);
      const wanted = JSON.parse(await inspect(name, '{{json .NetworkSettings.Networks}}')) as Record<
        string,
        { IPAddress: string }
      >;
      const addresses = (await inside(name, 'busybox ip -4 -o addr show')).stdout;
      for (const [network, { IPAddress }] of Object.entries(wanted)) {
        if (network !== 'none') t.match(addresses, ` ${IPAddress}/`, `${name} is in ${network}`);
      }
      t.equal(
        addresses.trim().split('\n').length - 1,
        Object.keys(wanted).filter(network => network !== 'none').length,
        `${name} is in no other, killed before step ${crashAt}, "${step}"`,
      );
      if (name === 'web') {
        t.match((await inside(name, 'busybox ip route')).stdout, /^default /m, 'it has a way out');
        t.match(await said('port', 'web'), /8088/, 'and in');
      }
    }
    if (names.length > 0) await said('rm', '-f', ...names);
    await docker('network', 'rm', 'stays', 'comes');
    t.equal(await said('network', 'ls', '-q', '--filter', 'type=custom'), '');
    expectNothing(t, `killed before step ${crashAt}, "${step}"`);
    await daemon.kill();
  }
  for (const step of NETWORK_STEPS) t.ok(visited.has(step), `it was killed before "${step}"`);
  daemon = await startDaemon(config, script);
});

await t.test('many at once', async t => {
  const names = Array.from({ length: 30 }, (_, index) => `many-${index}`);
  const started = await Promise.all(
    names.map(name => docker('run', '-d', '-p', '80', '--name', name, 'test/busybox', 'sleep', '1000')),
  );
  t.same(
    started.filter(({ code }) => code !== 0),
    [],
  );
  const seen = await Promise.all(
    names.map(name =>
      inspect(name, '{{.NetworkSettings.IPAddress}} {{(index .NetworkSettings.Ports "80/tcp" 0).HostPort}}'),
    ),
  );
  for (const column of [0, 1]) {
    t.equal(new Set(seen.map(line => line.split(' ')[column])).size, names.length, 'one each');
  }
  const ended = await Promise.all(names.map(name => docker('rm', '-f', name)));
  t.ok(ended.every(({ code }) => code === 0));
  expectNothing(t, 'in the end');
});

await t.test('UDP ports are published also where flows cannot be forgotten', async t => {
  const { netavark = '', aardvarkDns = '', nft = '' } = config.programs;
  const programs = { ...machine.withoutNetworks, netavark, aardvarkDns, nft };
  for (const conntrack of [{}, { conntrack: '/bin/false' }]) {
    await daemon.kill();
    daemon = await startDaemon({ ...config, programs: { ...programs, ...conntrack } }, script);
    t.match(await docker('run', '--rm', '-p', '5353:53/udp', 'test/busybox', 'echo', 'well'), {
      code: 0,
      stdout: 'well\n',
    });
  }
  await daemon.kill();
  daemon = await startDaemon(config, script);
});

await t.test('an image without netavark', async t => {
  await daemon.kill();
  const without = await startDaemon({
    ...config,
    programs: machine.withoutNetworks,
    runRoot: join(folder, 'without'),
    stateRoot: join(folder, 'none'),
  });
  t.equal(await said('network', 'ls', '--format', '{{.Name}}'), 'host\nnone');
  t.match(await docker('network', 'create', 'x'), {
    code: 1,
    stderr: /needs the program netavark, which this machine's image leaves out/,
  });
  t.match(await docker('run', '--rm', 'test/busybox', 'true'), {
    code: 125,
    stderr: /needs the program netavark/,
  });
  t.match(await docker('run', '--rm', '--network', 'none', 'test/busybox', 'true'), { code: 0 });
  await without.kill();
  daemon = await startDaemon(config, script);
});
