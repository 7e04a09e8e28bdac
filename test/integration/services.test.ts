/** Services on a real engine: what the planner and the image say, as it comes out in real containers. Needs root. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';
import { parseRecipe } from '../../src/shared/manifest/parse-recipe.ts';
import type { ServiceDefinition } from '../../src/shared/service/definition.ts';
import type { ServiceHost } from '../../src/machine/services/pods.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'services');

const { default: t } = await import('tap');
const { cleanUp, makeImageStore, testPrograms } = await import('../support/engine.ts');
const { createService } = await import('../support/service-definition.ts');
const { createEngine } = await import('../../src/machine/engine/engine.ts');
const { silentLog } = await import('../../src/machine/log.ts');
const { ServiceRunner } = await import('../../src/machine/services/apply.ts');
const { Conditions } = await import('../../src/machine/services/conditions.ts');

const { engine: programs } = testPrograms(engineRoot, join(folder, 'bin'));
const store = makeImageStore(join(folder, 'store'), programs.busybox);
t.setTimeout(600_000);
t.teardown(() => cleanUp(folder, join(folder, 'no-cgroups')));

const engine = await createEngine({
  runRoot: join(folder, 'engine'),
  imageStores: [store],
  programs,
  version: '0.1.0-test',
  log: silentLog,
});
t.teardown(() => engine[Symbol.asyncDispose]());
const { client } = engine;

/** Nothing here listens or has a network of its own. */
const host: ServiceHost = {
  listen: async () => undefined,
  unlisten: async () => undefined,
  untilNotified: () => Promise.reject(new Error('nobody speaks')),
  probePort: async () => false,
  probeUrl: async () => false,
  sharesPod: () => true,
};

const shell = (name: string, script: string, more: Partial<ServiceDefinition> = {}): ServiceDefinition =>
  createService(name, { image: 'test/busybox', command: ['/bin/sh', '-c', script], ...more });

function start(definitions: readonly ServiceDefinition[]) {
  const announced: string[] = [];
  const runner = new ServiceRunner({
    definitions,
    engine: client,
    host,
    conditions: new Conditions(),
    log: silentLog,
    uptime: () => performance.now() / 1000,
    announce: line => announced.push(line),
  });
  t.teardown(() => runner[Symbol.asyncDispose]());
  runner.start();
  return { runner, announced };
}

const logOf = async (name: string): Promise<string[]> => {
  const lines: string[] = [];
  for await (const { text } of client.logs(name, {})) lines.push(text);
  return lines;
};

const ENDED = { policy: 'no', delayMs: 1, maxDelayMs: 1, maxRetries: 0 } as const;

await t.test("a root service writes to the kernel's files only where it may", async t => {
  const probe = 'for f in $FILES; do (: >>$f) 2>/dev/null && echo $f; done; ls /sys/firmware | wc -l';
  const files = 'kernel/core_pattern kernel/hostname kernel/modprobe vm/swappiness net/ipv4/ip_forward';
  const env = [
    'PATH=/bin',
    `FILES=/proc/sysrq-trigger ${files.replaceAll(/^|(?<= )/g, '/proc/sys/').replaceAll('  ', ' ')}`,
  ];
  const recipe = parseRecipe('network', readFileSync('system-images/network/image.yml', 'utf8'));
  const { readonlyPaths = [] } = recipe.config;
  const oneshot = { section: 'onboot', restart: ENDED, env, net: 'new' } as const;
  const { runner } = start([
    shell('silent', probe, oneshot),
    shell('network-like', probe, { ...oneshot, readonlyPaths }),
    shell('open', probe, { ...oneshot, readonlyPaths: [], maskedPaths: [] }),
  ]);
  await runner.settled('onboot');
  t.same((await logOf('silent')).slice(0, -1), []);
  t.equal((await logOf('silent')).at(-1), '0', 'nothing of the firmware is seen');
  t.same((await logOf('network-like')).slice(0, -1), [
    '/proc/sys/kernel/hostname',
    '/proc/sys/net/ipv4/ip_forward',
  ]);
  const open = await logOf('open');
  for (const file of ['/proc/sys/kernel/core_pattern', '/proc/sys/vm/swappiness'])
    t.ok(open.includes(file), `${file} could be written: ${open.join(' ')}`);
});

await t.test("the image's stop signal ends a service, unless another is written", async t => {
  const script =
    'trap "echo usr1; exit 0" USR1; trap "echo int; exit 0" INT; echo up; while :; do usleep 50000; done';
  const image = {
    image: 'example.org/two:1',
    restart: ENDED,
    ready: { kind: 'log', pattern: '^up' },
  } as const;
  const { runner } = start([
    shell('of-image', script, image),
    shell('written', script, { ...image, stop: { signal: 'SIGINT', graceMs: 10_000 } }),
  ]);
  await runner.settled('services');
  await Promise.all(['of-image', 'written'].map(name => client.stop(name, 20_000)));
  t.same(await logOf('of-image'), ['up', 'usr1']);
  t.same(await logOf('written'), ['up', 'int']);
});

await t.test('a file is looked up with the links of the container', async t => {
  const marker = `slipway-test-${process.pid}`;
  const { runner } = start([
    shell('linked', `/bin/busybox ln -s /run /mnt/run; touch /run/${marker}; exec sleep 1000000`, {
      tmpfs: ['/mnt', '/run'],
      timeoutMs: 60_000,
      ready: { kind: 'file', path: `/mnt/run/${marker}`, intervalMs: 20 },
    }),
  ]);
  await runner.settled('services');
  t.same(runner.progress.get('linked')?.status, { status: 'up' });
  await client.remove('linked', { force: true });
});

await t.test('a program that ends at once is not up, and says how it ended', async t => {
  const { runner, announced } = start([
    shell('bad', 'echo life; exit 3', { timeoutMs: 3000 }),
    shell('port', 'exit 4', {
      timeoutMs: 3000,
      ready: { kind: 'file', path: '/nothing', intervalMs: 100 },
    }),
    shell('good', 'exec sleep 1000000'),
  ]);
  await runner.steady('services');
  t.same(runner.progress.get('good')?.status, { status: 'up' });
  t.equal(announced.length, 2);
  for (const [name, sign, code] of [
    ['bad', 'its process to stay up', 3],
    ['port', 'the file /nothing', 4],
  ] as const) {
    const reason = `${name} failed: not ready within 3 s (waiting for ${sign}): it ended`;
    const line = announced.find(text => text.startsWith(reason)) ?? '';
    t.match(line, new RegExp(`exit code ${code}, see "system-docker logs ${name}"$`), name);
  }
  await Promise.all(['bad', 'port', 'good'].map(name => client.remove(name, { force: true })));
});

await t.test('a host name of its own', async t => {
  const own = { section: 'onboot', restart: ENDED, uts: 'new', hostname: 'h1' } as const;
  const { runner } = start([shell('named', 'hostname', own)]);
  await runner.settled('onboot');
  t.same(await logOf('named'), ['h1']);
});
