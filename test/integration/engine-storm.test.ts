/**
 * An engine that is killed again and again, at any moment, while everything is asked of it at once. Real conmon, crun and
 * netavark, in a network namespace of its own. Needs root.
 *
 * SLIPWAY_TEST_KILLS sets how often, SLIPWAY_TEST_SEED what happens when.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'storm', { network: true });

const { default: t } = await import('tap');
const { apiClient, seededRandom } = await import('../support/api-client.ts');
const { bundleDaemon, cleanUp, eventually, serviceRequest, startDaemon } =
  await import('../support/engine.ts');
const { expectNoTraces } = await import('../support/engine-traces.ts');
const { startNetworkMachine } = await import('../support/network-machine.ts');
const { makeLayeredImage, makeReadOnlyStore } = await import('../support/layered-image.ts');
const { archiveOf, blobsOf } = await import('../support/oci-image.ts');
const { startHostileServer } = await import('../support/registry.ts');
const { jumps, newLedger, runStorm, stagesOf } = await import('../support/storm.ts');

const KILLS = Number(process.env.SLIPWAY_TEST_KILLS ?? 300);
const SEED = Number(process.env.SLIPWAY_TEST_SEED ?? 20_261_121);
/** Most lives are short. */
const SHORT_LIFE_MS = 120;
/** Some last until so much of what is asked has been done, or for so long. */
const DONE_IN_LONG_LIFE = 20;
const LONGEST_LIFE_MS = 20_000;
/** Longer than an engine takes to start. */
const START_MS = 150;
const IMAGE = 'test/busybox';
const COUNT = 'i=0; while :; do echo line $i; i=$((i+1)); usleep 1000; done';

const script = await bundleDaemon(join(folder, 'daemon.mjs'));
const machine = await startNetworkMachine(engineRoot, folder);
const layered = await makeLayeredImage(machine.config.programs.busybox);
const committable = join(folder, 'core');
await makeReadOnlyStore(committable, layered.base);
const config = {
  ...machine.config,
  imageStores: [...machine.config.imageStores, committable],
  logBudgetBytes: 256 * 1024,
};
const cgroupRoot = join('/sys/fs/cgroup', config.cgroups?.monitors ?? '', '..');
t.setTimeout(3_600_000);
t.teardown(() => {
  machine[Symbol.dispose]();
  cleanUp(folder, cgroupRoot);
});

const { app } = layered;
const blobs = new Map(blobsOf(app).map(blob => [blob.digest as string, blob]));
await using registry = await startHostileServer((request, response) => {
  const blob = blobs.get(request.url?.split('/').at(-1) ?? '') ?? app.manifest;
  response.writeHead(200, { 'content-type': blob.mediaType, 'content-length': blob.bytes.length });
  response.end(blob.bytes);
});
const archive = await archiveOf(app, [layered.base, layered.top], 'loaded:1');

await t.test(`an engine that is killed ${KILLS} times under load`, async t => {
  const random = seededRandom(SEED);
  const api = apiClient(config.socket);
  const ledger = newLedger();
  let daemon = await startDaemon(config, script);
  let ready: Promise<unknown> = Promise.resolve();
  const ask = async (method: string, path: string, body?: object): Promise<string> => {
    const { status, text } = await api(method, `/v1.45${path}`, body);
    if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text}`);
    return text;
  };
  const inspect = async (name: string) =>
    JSON.parse(await ask('GET', `/containers/${name}/json`)) as {
      Id: string;
      RestartCount: number;
      State: { Pid: number; Status: string; ExitCode: number };
    };
  const always = { RestartPolicy: { Name: 'always' } };
  await daemon.client.create('counter', serviceRequest(COUNT, { HostConfig: always }));
  await daemon.client.start('counter');
  const state = { Image: IMAGE, Cmd: ['sh', '-c', COUNT] };
  const LogConfig = { Type: 'json-file', Config: { 'max-size': '64k', 'max-file': '4' } };
  await ask('POST', '/containers/create?name=steady', {
    ...state,
    HostConfig: { ...always, LogConfig, NetworkMode: 'none' },
  });
  await ask('POST', '/containers/create?name=cycle', { ...state, HostConfig: { NetworkMode: 'none' } });
  await ask('POST', '/networks/create', { Name: 'home' });
  await ask('POST', '/containers/create?name=linked', {
    Image: 'core/base',
    Cmd: ['sh', '-c', 'echo changed > /data/new; exec sleep 100000'],
    HostConfig: { NetworkMode: 'home' },
  });
  for (const name of ['steady', 'cycle', 'linked']) await ask('POST', `/containers/${name}/start`);
  const lasting = ['counter', 'steady', 'linked'];
  const pids = await Promise.all(lasting.map(async name => (await inspect(name)).State.Pid));

  const stop = new AbortController();
  const storm = runStorm(
    {
      api,
      socket: config.socket,
      random,
      image: IMAGE,
      archive,
      pulled: { name: `${registry.host}/app`, tag: '1' },
      ready: () => ready,
      signal: stop.signal,
    },
    ledger,
  );
  let early = 0;
  for (let round = 0; round < KILLS; round += 1) {
    const enough = random() < 0.2 ? ledger.done + random() * DONE_IN_LONG_LIFE : 0;
    const end = performance.now() + LONGEST_LIFE_MS;
    do await sleep(random() * SHORT_LIFE_MS);
    while (ledger.done < enough && performance.now() < end);
    const next = Promise.withResolvers<undefined>();
    ready = next.promise;
    await daemon.kill();
    // Some are killed while they start.
    while (random() < 0.5) {
      early += 1;
      round += 1;
      const afterMs = random() * START_MS;
      const started = startDaemon(config, script, child => setTimeout(() => child.kill('SIGKILL'), afterMs));
      await started.then(one => one.kill()).catch(() => undefined);
    }
    daemon = await startDaemon(config, script);
    next.resolve(undefined);
    const now = await Promise.all(lasting.map(async name => (await daemon.client.inspect(name)).pid));
    if (now.join() !== pids.join()) t.fail(`round ${round}: ${now.join()} instead of ${pids.join()}`);
  }
  t.comment(`${early} were killed while they started`);
  stop.abort();
  await storm;
  // What is asked of the last one is not cut off.
  await daemon.kill();
  daemon = await startDaemon(config, script);

  t.same(ledger.faults, [], 'no engine said what it must not say');
  for (const [kind, things] of Object.entries(stagesOf(ledger))) {
    const done = things.filter(stage => stage !== 'asked').length;
    t.comment(`${kind}: ${things.length} asked for, ${done} made`);
    t.ok(done > KILLS / 60, `enough ${kind} were made in between`);
  }
  for (const name of lasting)
    t.match(await inspect(name), { RestartCount: 0, State: { Status: 'running' } }, name);

  const known = JSON.parse(await ask('GET', '/containers/json?all=1')) as {
    Names: readonly string[];
    State: string;
  }[];
  const there = new Set(known.map(({ Names }) => Names[0]?.slice(1)));
  for (const [name, { stage, code, restarts }] of ledger.containers) {
    if (stage === 'created' && !there.has(name)) t.fail(`${name} was made, and is lost`);
    if (stage === 'gone' && there.has(name)) t.fail(`${name} was removed, and is there`);
    if (stage !== 'started') continue;
    const end = await eventually(`${name} to end`, async () => {
      const { State, RestartCount } = await inspect(name);
      return State.Status === 'exited' ? `${State.ExitCode}, ${RestartCount} restarts` : undefined;
    });
    if (end !== `${code}, ${restarts} restarts`)
      t.fail(`${name}: ${end} instead of ${code}, ${restarts} restarts`);
  }
  const named = {
    volumes: (JSON.parse(await ask('GET', '/volumes')) as { Volumes: { Name: string }[] }).Volumes.map(
      ({ Name }) => Name,
    ),
    networks: (JSON.parse(await ask('GET', '/networks')) as { Name: string }[]).map(({ Name }) => Name),
    images: (JSON.parse(await ask('GET', '/images/json')) as { RepoTags: string[] }[]).flatMap(
      ({ RepoTags }) => RepoTags,
    ),
  };
  for (const kind of ['volumes', 'networks', 'images'] as const) {
    for (const [name, stage] of ledger[kind]) {
      if (stage === 'created' && !named[kind].includes(name))
        t.fail(`${kind}: ${name} was made, and is lost`);
      if (stage === 'gone' && named[kind].includes(name))
        t.fail(`${kind}: ${name} was removed, and is there`);
    }
  }
  for (const name of ['counter', 'steady']) {
    await ask('POST', `/containers/${name}/stop?t=0`);
    const lines = (await machine.docker('logs', name)).stdout.trimEnd().split('\n');
    t.ok(lines.length > 1000, `${lines.length} lines of ${name} are kept`);
    t.same(jumps(lines), [], `${name}: no gap, no duplicate`);
  }

  for (const { Names } of known) await ask('DELETE', `/containers${Names[0] ?? ''}?force=1&v=1`);
  await ask('POST', '/networks/prune');
  await ask('POST', '/volumes/prune?filters={"all":["true"]}');
  await ask('POST', '/images/prune?filters={"dangling":["false"]}');
  machine.expectNothing(t, 'in the end');
  await daemon.kill();
  await expectNoTraces({ ...config, cgroupRoot }, 'after the storm');
});
