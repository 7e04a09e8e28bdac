/** What an engine's memory grows by: images that pass through, containers that run. Needs root, for a mount namespace. */
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'memory');

const { default: t } = await import('tap');
const {
  bundleDaemon,
  cleanUp,
  daemonConfigs,
  eventually,
  makeImageStore,
  serviceRequest,
  startDaemon,
  testPrograms,
} = await import('../support/engine.ts');
const { dockerClient } = await import('../support/docker-client.ts');
const { blobsOf, entry, imageOf, tarOf } = await import('../support/oci-image.ts');
const { startHostileServer } = await import('../support/registry.ts');
const { bytesContent } = await import('../../src/shared/archive/entry.ts');

/** The aim is 32 MB; without care it is over 70. */
const MAX_PULL_KB = 48_000;
/** The code that was loaded for it stays, and what the C library keeps for the next time. */
const MAX_LEFT_KB = 20_000;
const CONTAINERS = 30;
/** Of the engine itself; conmon has another 260 KB of its own. */
const MAX_CONTAINER_KB = 300;

const { engine: programs, docker: dockerProgram } = testPrograms(engineRoot, join(folder, 'bin'));
const store = makeImageStore(join(folder, 'store'), programs.busybox);
const script = await bundleDaemon(join(folder, 'daemon.mjs'));
const group = `/slipway-memory-${process.pid}`;
const configFor = daemonConfigs(folder, group, { programs, store });

t.setTimeout(600_000);
t.teardown(() => cleanUp(folder, join('/sys/fs/cgroup', group)));

/** Memory that is a process's own, in KB. */
function ownMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]);
}

t.test('pulling and saving an image that is larger than what may be held of it', async t => {
  const config = configFor('pull');
  const daemon = await startDaemon(config, script);
  t.teardown(() => daemon.kill());
  const docker = dockerClient(dockerProgram, config.socket, folder);
  const size = 8 * 1024 * 1024;
  // A part that stays large when it is compressed, and a part that comes out of little.
  const content = (index: number): Buffer =>
    index % 4 === 0 ? randomBytes(size) : Buffer.alloc(size, randomBytes(4096));
  const tar = await tarOf(
    Array.from({ length: 16 }, (_, index) =>
      entry('file', `f${index}`, { content: bytesContent(content(index)) }),
    ),
  );
  const image = imageOf([tar]);
  await using registry = await startHostileServer((request, response) => {
    const name = (request.url ?? '').split('/').at(-1) ?? '';
    const blob = blobsOf(image).find(one => one.digest === name) ?? image.manifest;
    response.setHeader('content-type', blob.mediaType);
    response.end(blob.bytes);
  });
  const before = ownMemory(daemon.process.pid ?? 0);
  let highest = before;
  const watch = setInterval(() => (highest = Math.max(highest, ownMemory(daemon.process.pid ?? 0))), 10);
  const pulled = await docker('pull', `${registry.host}/large:1`);
  const saved = await docker('save', '-o', join(folder, 'saved.tar'), `${registry.host}/large:1`);
  clearInterval(watch);
  t.equal(pulled.code, 0, pulled.stderr);
  t.equal(saved.code, 0, saved.stderr);
  const grewBy = highest - before;
  t.ok(grewBy < MAX_PULL_KB, `${tar.length >> 10} KB passed through, memory grew by ${grewBy} KB`);
  t.comment(`grew by ${grewBy} KB`);
  const left = await eventually('most of that given back', () => {
    const leftKb = ownMemory(daemon.process.pid ?? 0) - before;
    return leftKb < MAX_LEFT_KB ? leftKb : undefined;
  });
  t.comment(`${left} KB are left`);
});

t.test('containers that run, and an engine that has nothing to do', async t => {
  const config = configFor('many');
  const daemon = await startDaemon(config, script);
  t.teardown(() => daemon.kill());
  const pid = daemon.process.pid ?? 0;
  const start = async (name: string): Promise<void> => {
    await daemon.client.create(name, serviceRequest('while :; do sleep 1000; done'));
    await daemon.client.start(name);
  };
  // What the first one brings into memory is there for all.
  await start('first');
  // Until it has become quiet.
  await new Promise(resolve => setTimeout(resolve, 3000));
  const before = ownMemory(pid);
  for (let index = 0; index < CONTAINERS; index++) await start(`c${index}`);
  const limit = before + CONTAINERS * MAX_CONTAINER_KB;
  const after = await eventually(`less than ${limit} KB`, () => {
    const now = ownMemory(pid);
    return now < limit ? now : undefined;
  });
  t.comment(`${Math.round((after - before) / CONTAINERS)} KB a container`);

  const wakeUps = (): number =>
    readdirSync(`/proc/${pid}/task`)
      .map(task => readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'))
      .reduce((sum, status) => sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]), 0);
  // Ends of what was going on may still come; then ten seconds pass without one.
  await eventually('an engine that sleeps', async () => {
    const count = wakeUps();
    await new Promise(resolve => setTimeout(resolve, 10_000));
    return wakeUps() === count ? true : undefined;
  });
});
