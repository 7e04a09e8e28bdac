/**
 * An engine that is asked for things which do not go together, at the same moment. Real conmon, crun and netavark, in a
 * network namespace of its own. Needs root.
 *
 * SLIPWAY_TEST_ASKS sets how many, SLIPWAY_TEST_SEED which ones.
 */
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'races', { network: true });

const { default: t } = await import('tap');
const { apiClient, seededRandom } = await import('../support/api-client.ts');
const { argumentsOf, bundleDaemon, cleanUp, eventually, processesWith, startDaemon } =
  await import('../support/engine.ts');
const { expectNoTraces } = await import('../support/engine-traces.ts');
const { startNetworkMachine } = await import('../support/network-machine.ts');
const { makeLayeredImage, makeReadOnlyStore } = await import('../support/layered-image.ts');
const { archiveOf, blobsOf, file, tarOf } = await import('../support/oci-image.ts');
const { startHostileServer } = await import('../support/registry.ts');
const { stall, stir } = await import('../support/soup.ts');

const ASKS = Number(process.env.SLIPWAY_TEST_ASKS ?? 600);
const SEED = Number(process.env.SLIPWAY_TEST_SEED ?? 20_261_121);

const script = await bundleDaemon(join(folder, 'daemon.mjs'));
const machine = await startNetworkMachine(engineRoot, folder);
const layered = await makeLayeredImage(machine.config.programs.busybox);
const committable = join(folder, 'core');
await makeReadOnlyStore(committable, layered.base);
const config = { ...machine.config, imageStores: [committable], logBudgetBytes: 1024 * 1024 };
const cgroupRoot = join('/sys/fs/cgroup', config.cgroups?.monitors ?? '', '..');
t.setTimeout(3_600_000);
t.teardown(() => {
  machine[Symbol.dispose]();
  cleanUp(folder, cgroupRoot);
});

const { app } = layered;
const blobs = new Map(blobsOf(app).map(blob => [blob.digest as string, blob]));
/** How long the registry waits before it gives a layer. */
let registryPauseMs = 0;
await using registry = await startHostileServer((request, response) => {
  const blob = blobs.get(request.url?.split('/').at(-1) ?? '') ?? app.manifest;
  const isLayer = app.layers.some(layer => layer.digest === blob.digest);
  setTimeout(
    () => {
      response.writeHead(200, { 'content-type': blob.mediaType, 'content-length': blob.bytes.length });
      response.end(blob.bytes);
    },
    isLayer ? registryPauseMs : 0,
  );
});
const archive = await archiveOf(app, [layered.base, layered.top], 'loaded:1');
const api = apiClient(config.socket);
const IMAGE = 'core/base';

let daemon = await startDaemon(config, script);
t.teardown(() => daemon.kill());
const ask = async (method: string, path: string, body?: object | Buffer): Promise<string> => {
  const { status, text } = await api(method, `/v1.45${path}`, body);
  if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text}`);
  return text;
};
const files = (): number => readdirSync(`/proc/${daemon.process.pid ?? 0}/fd`).length;
const memoryKiB = (): number =>
  Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.process.pid ?? 0}/status`, 'utf8'))?.[1]);

/** Removes everything, which has to be possible whatever came before. */
const clear = async (): Promise<void> => {
  const all = JSON.parse(await ask('GET', '/containers/json?all=1')) as { readonly Id: string }[];
  for (const { Id } of all) {
    const { status } = await api('DELETE', `/v1.45/containers/${Id}?force=1&v=1`);
    t.ok(status === 204 || status === 404 || status === 409, `removing ${Id}: ${status}`);
  }
  await eventually('no container to be left', async () =>
    (await ask('GET', '/containers/json?all=1')).trim() === '[]' ? true : undefined,
  );
  await ask('POST', '/networks/prune');
  await ask('POST', '/volumes/prune?filters={"all":["true"]}');
  await ask('POST', '/images/prune?filters={"dangling":["false"]}');
};

/** What is said to run has one conmon, and nothing else has any. */
const expectTruth = async (): Promise<void> => {
  const all = JSON.parse(await ask('GET', '/containers/json?all=1')) as { Id: string; State: string }[];
  for (const { Id } of all) {
    await eventually(`the truth of ${Id}`, async () => {
      const { status, text } = await api('GET', `/v1.45/containers/${Id}/json`);
      const monitors = processesWith(Id).filter(pid => argumentsOf(pid).includes('conmon'));
      if (status === 404) return monitors.length === 0 ? true : undefined;
      const { State } = JSON.parse(text) as {
        readonly State: { readonly Running: boolean; readonly Restarting: boolean };
      };
      // One that can never start again, its network gone for instance, is restarting for as long as it is there.
      const hasMonitor = State.Running && !State.Restarting;
      return monitors.length === (hasMonitor ? 1 : 0) ? true : undefined;
    });
  }
};

await t.test(`${ASKS} requests that do not go together`, async t => {
  const random = seededRandom(SEED);
  const options = {
    api,
    socket: config.socket,
    random,
    image: IMAGE,
    archive,
    pulled: { name: `${registry.host}/app`, tag: '1' },
    tar: await tarOf([file('copied', 'text\n')]),
  };
  registryPauseMs = 100;
  const before = files();
  const { faults, answers } = await stir(options, 12, ASKS, new AbortController().signal);
  t.same(faults, [], 'every one was answered, and none with a fault of the engine');
  t.comment([...answers].map(([status, count]) => `${status}: ${count}`).join(', '));
  await expectTruth();
  await clear();
  machine.expectNothing(t, 'afterwards');
  await expectNoTraces({ ...config, cgroupRoot }, 'afterwards');
  await eventually('its files to be closed', () => (files() <= before + 4 ? true : undefined)).catch(() =>
    t.equal(files(), before, 'open files'),
  );
  t.comment(`${memoryKiB()} KiB`);
  t.ok(memoryKiB() < 150 * 1024, 'memory');

  const stop = new AbortController();
  const more = stir(options, 12, Infinity, stop.signal);
  await sleep(2000);
  const ended = once(daemon.process, 'exit');
  daemon.process.kill('SIGTERM');
  stop.abort();
  t.same(await ended, [0, null], 'it can be ended in the middle of it');
  await more;
  daemon = await startDaemon(config, script);
  await expectTruth();
  await clear();
  machine.expectNothing(t, 'after its end');
  await expectNoTraces({ ...config, cgroupRoot }, 'after its end');
  registryPauseMs = 0;
});

await t.test('images that come and go while they are used', async t => {
  const name = `${registry.host}/app`;
  const pull = (signal?: AbortSignal) =>
    api('POST', `/v1.45/images/create?fromImage=${name}&tag=1`, undefined, signal);

  registryPauseMs = 300;
  const stop = new AbortController();
  const pulls = [pull(), pull(stop.signal).catch(() => undefined), pull()];
  await sleep(150);
  stop.abort();
  for (const pulled of await Promise.all(pulls)) {
    if (pulled !== undefined) t.notMatch(pulled.text, /errorDetail/, 'the others get what they asked for');
  }
  registryPauseMs = 0;
  const { Id } = JSON.parse(await ask('GET', `/images/${name}:1/json`)) as { readonly Id: string };
  t.equal(Id, app.config.digest);

  const loads = await Promise.all([1, 2].map(() => ask('POST', '/images/load?quiet=1', archive)));
  for (const text of loads) t.notMatch(text, /errorDetail/);

  for (let round = 0; round < 5; round += 1) {
    await ask('POST', '/images/load?quiet=1', archive);
    const [saved] = await Promise.all([
      ask('GET', '/images/loaded:1/get').catch((error: unknown) => String(error)),
      ask('DELETE', `/images/${app.config.digest}?force=1`),
    ]);
    if (!saved.startsWith('Error'))
      t.match(saved, /manifest\.json[^]*repositories/, 'what is saved is whole');
    else t.match(saved, /404/);
    t.equal((await api('GET', `/v1.45/images/${app.config.digest}/json`)).status, 404, 'and it is removed');
  }

  let made = 0;
  for (let round = 0; round < 5; round += 1) {
    await ask('POST', '/images/load?quiet=1', archive);
    const body = { Image: 'loaded:1', Cmd: ['sh', '-c', 'exit 5'], HostConfig: { NetworkMode: 'none' } };
    const [created, removed] = await Promise.all([
      api('POST', `/v1.45/containers/create?name=r${round}`, body),
      api('DELETE', '/v1.45/images/loaded:1?force=1'),
    ]);
    t.ok(created.status === 201 || created.status === 404, created.text);
    t.equal(removed.status, 200, removed.text);
    if (created.status === 404) continue;
    made += 1;
    await ask('POST', `/containers/r${round}/start`);
    t.match(await ask('POST', `/containers/r${round}/wait`), '"StatusCode":5', 'it can be run all the same');
    await ask('DELETE', `/containers/r${round}`);
  }
  t.ok(made > 0, 'some were quicker');

  // Removed by force, while a stopped container is made of it.
  await ask('POST', '/images/load?quiet=1', archive);
  await ask('POST', '/containers/create?name=kept', {
    Image: 'loaded:1',
    Cmd: ['cat', '/etc/again'],
    HostConfig: { NetworkMode: 'none' },
  });
  t.equal((await api('DELETE', '/v1.45/images/loaded:1')).status, 409);
  t.match(await ask('DELETE', '/images/loaded:1?force=1'), /Untagged[^]*Deleted/);
  t.equal((await ask('GET', '/images/json?all=1')).includes(app.config.digest), false);
  await daemon.kill();
  daemon = await startDaemon(config, script);
  await ask('POST', '/containers/kept/start');
  t.match(await ask('POST', '/containers/kept/wait'), '"StatusCode":0');
  t.ok(readdirSync(join(config.stateRoot, 'layers')).length > 0);
  await ask('DELETE', '/containers/kept');
  t.same(readdirSync(join(config.stateRoot, 'layers')), [], 'it goes with the last container');
  await clear();
  await expectNoTraces({ ...config, cgroupRoot }, 'in the end');
});

await t.test('a hundred clients that do not read', async t => {
  await ask('POST', '/containers/create?name=loud', {
    Image: IMAGE,
    Cmd: ['sh', '-c', 'while :; do cat /etc/passwd; echo x >> /tmp/turns; done'],
    HostConfig: { NetworkMode: 'none' },
  });
  const before = files();
  await ask('POST', '/containers/loud/start');
  const clients = Array.from({ length: 50 }, () => [
    stall(config.socket, '/v1.45/containers/loud/logs?follow=1&stdout=1', false),
    stall(config.socket, '/v1.45/containers/loud/attach?stream=1&stdout=1&logs=1', true),
  ]).flat();
  const turns = async (): Promise<number> => {
    const { text } = await api('GET', '/v1.45/containers/loud/archive?path=/tmp/turns');
    return text.length;
  };
  await eventually('the clients', () => (files() > before + 50 ? true : undefined));
  const first = await turns();
  await eventually('the container to go on', async () => ((await turns()) > first + 1024 ? true : undefined));
  t.comment(`${memoryKiB()} KiB with ${clients.length} clients`);
  t.ok(memoryKiB() < 200 * 1024, 'memory is bounded');
  for (const client of clients) client[Symbol.dispose]();
  await ask('DELETE', '/containers/loud?force=1');
  await eventually('their files to be closed', () => (files() <= before + 4 ? true : undefined));
  await clear();
  await daemon.kill();
  await expectNoTraces({ ...config, cgroupRoot }, 'in the end');
});
