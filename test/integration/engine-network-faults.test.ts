/**
 * What becomes of containers' networks when the engine, or what it uses, is killed, and with many at once. With the real
 * netavark, in a network namespace of its own. Needs root.
 */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { findEngineRoot } from '../support/engine-root.ts';
import { enterPrivateMachine } from '../support/private-machine.ts';

const inherited = process.env.SLIPWAY_TEST_FOLDER;
const folder = inherited ?? mkdtempSync('/tmp/slipway-netfaults-');
process.env.SLIPWAY_TEST_FOLDER = folder;
const engineRoot = await findEngineRoot();
process.env.SLIPWAY_TEST_ENGINE = engineRoot;
enterPrivateMachine(import.meta.filename, folder, { network: true });

const { default: t } = await import('tap');
const { cleanUp, eventually, startDaemon } = await import('../support/engine.ts');
const { startNetworkMachine } = await import('../support/network-machine.ts');

const machine = await startNetworkMachine(engineRoot, folder);
const { config, docker, said, inspect, inside, fetch, serve, untilServing, sh, world, expectNothing } =
  machine;
t.setTimeout(600_000);
t.teardown(() => {
  machine[Symbol.dispose]();
  cleanUp(folder, join('/sys/fs/cgroup', config.cgroups?.monitors ?? '', '..'));
});

let daemon = await startDaemon(config);
t.teardown(() => daemon.kill());

await t.test('an engine that is killed leaves networks as they are', async t => {
  await said('network', 'create', 'kept');
  await serve('web', ['--network', 'kept', '-p', '8087:80', '--restart', 'always']);
  await said('run', '-d', '--name', 'client', '--network', 'kept', 'test/busybox', 'sleep', '1000');
  const before = await inspect('web', '{{json .NetworkSettings}}');
  await daemon.kill();
  t.equal(await fetch('http://198.51.100.2:8087', world), 'web\n', 'without an engine');
  sh(`kill -9 $(cat ${join(config.runRoot, 'netavark/aardvark-dns/aardvark.pid')})`);
  daemon = await startDaemon(config);
  t.equal(await inspect('web', '{{json .NetworkSettings}}'), before);
  t.equal(
    (await inside('client', 'busybox wget -q -O - http://web')).stdout,
    'web\n',
    'names are answered again',
  );
  // The container ends while nobody looks.
  const pid = await inspect('web', '{{.State.Pid}}');
  await daemon.kill();
  sh(`kill -9 ${pid}`);
  daemon = await startDaemon(config);
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

await t.test('killed while it connects: nothing half-made is left', async t => {
  await said('network', 'create', 'cut');
  for (let delayMs = 0; delayMs < 130; delayMs += 13) {
    await said(
      'create',
      '--name',
      'half',
      '--network',
      'cut',
      '-p',
      '8088:80',
      'test/busybox',
      'sleep',
      '1000',
    );
    const started = docker('start', 'half');
    await new Promise(resolve => setTimeout(resolve, delayMs));
    await daemon.kill();
    await started;
    daemon = await startDaemon(config);
    await docker('start', 'half');
    t.equal(
      await inspect('half', '{{.State.Status}} {{len .NetworkSettings.Networks}}'),
      'running 1',
      `after ${delayMs} ms`,
    );
    t.match(await inside('half', 'busybox ip addr show eth0'), { stdout: /inet 172\.\d+\.0\.2\// });
    await said('rm', '-f', 'half');
    expectNothing(t, `after ${delayMs} ms`);
  }
  await said('network', 'rm', 'cut');
});

await t.test('killed while a running container is connected or disconnected', async t => {
  await said('network', 'create', 'stays');
  await said('network', 'create', 'comes');
  await serve('web', ['--network', 'stays']);
  for (let delayMs = 0; delayMs < 100; delayMs += 20) {
    for (const verb of ['connect', 'disconnect'] as const) {
      const asked = docker('network', verb, 'comes', 'web');
      await new Promise(resolve => setTimeout(resolve, delayMs));
      await daemon.kill();
      await asked;
      daemon = await startDaemon(config);
      const networksNow = await inspect('web', '{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}');
      // The container's own queue has been gone through by then.
      await docker('network', 'disconnect', 'comes', 'web');
      t.match(networksNow, /stays/);
      t.equal(
        (await inside('web', 'ls /sys/class/net')).stdout,
        'eth0\nlo\n',
        `${verb} cut after ${delayMs} ms`,
      );
      t.equal((await inside('web', 'busybox wget -q -O - http://web')).stdout, 'web\n');
      if (verb === 'connect') await said('network', 'connect', 'comes', 'web');
    }
  }
  await said('rm', '-f', 'web');
  await said('network', 'rm', 'stays', 'comes');
  expectNothing(t, 'in the end');
});

await t.test('many at once', async t => {
  const count = 30;
  const ended = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      docker(
        'run',
        '--rm',
        '-p',
        '80',
        '--name',
        `many-${index}`,
        'test/busybox',
        'busybox',
        'hostname',
        '-i',
      ),
    ),
  );
  t.same(
    ended.filter(({ code }) => code !== 0),
    [],
  );
  t.equal(new Set(ended.map(({ stdout }) => stdout.trim())).size, count, 'an address each');
  await eventually('their end', async () => ((await said('ps', '-aq')) === '' ? true : undefined));
  expectNothing(t, 'in the end');
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
  daemon = await startDaemon(config);
});
