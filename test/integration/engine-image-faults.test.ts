/**
 * Images, and an engine that is killed, a disk that is full, clients that go away. With Docker's own client and a real
 * registry on loopback. Needs root, for a mount namespace of its own.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'image-faults');

const { default: t } = await import('tap');
const { bytesContent } = await import('../../src/shared/archive/entry.ts');
const { cleanUp, eventually, processesWith, startDaemon, testPrograms } =
  await import('../support/engine.ts');
const { dockerClient } = await import('../support/docker-client.ts');
const { blobsOf, file, imageOf, tarOf } = await import('../support/oci-image.ts');
const { makeLayeredImage } = await import('../support/layered-image.ts');
const { findRegistryProgram, push, startHostileServer } = await import('../support/registry.ts');
const { createEngine } = await import('../../src/machine/engine/engine.ts');
const { createLog } = await import('../../src/machine/log.ts');

const { engine: programs, docker: dockerProgram } = testPrograms(engineRoot, join(folder, 'bin'));
const group = `/slipway-image-faults-${process.pid}`;
const cgroupRoot = join('/sys/fs/cgroup', group);
const log = createLog({
  component: 'test',
  level: 'debug',
  write: line => process.env.SLIPWAY_TEST_LOG === '1' && process.stderr.write(line),
});
const registryProgram = await findRegistryProgram();

t.setTimeout(600_000);
t.teardown(() => cleanUp(folder, cgroupRoot));

const configFor = (name: string) => ({
  runRoot: join(folder, name),
  stateRoot: join(folder, `${name}-state`),
  imageStores: [],
  programs,
  cgroups: {
    root: '/sys/fs/cgroup',
    monitors: `${group}/monitors`,
    services: `${group}/services`,
    user: `${group}/user`,
    limits: false,
  },
  version: '0.1.0-test',
  log,
});

const layered = await makeLayeredImage(programs.busybox);
const { app, base } = layered;
const appId = app.config.digest;
const registryWith = (name: string) => layered.startRegistry(registryProgram, join(folder, name));

t.test('an engine that is killed at any step leaves no half image', async t => {
  await using registry = await registryWith('r9');
  const config = configFor('e9');
  const socket = join(folder, 'e9.sock');
  const stepsFile = join(folder, 'steps');
  const reference = `${registry.host}/team/app:1`;
  const archive = join(folder, 'crash.tar');
  const docker = dockerClient(dockerProgram, socket, folder);
  const layersFolder = join(config.stateRoot, 'layers');
  const imagesFolder = join(config.stateRoot, 'images');
  const steps = (): string[] =>
    existsSync(stepsFile) ? readFileSync(stepsFile, 'utf8').split('\n').slice(0, -1) : [];

  {
    const daemon = await startDaemon({ ...config, socket });
    t.match(await docker('pull', '-q', reference), { code: 0 });
    t.match(await docker('save', '-o', archive, reference), { code: 0 });
    t.match(await docker('rmi', reference), { code: 0 });
    await daemon.kill();
  }
  const operations = {
    pull: { prepare: [], run: ['pull', '-q', reference], isThereAfterwards: true },
    load: { prepare: [], run: ['load', '-q', '-i', archive], isThereAfterwards: true },
    rmi: { prepare: ['pull', '-q', reference], run: ['rmi', '-f', appId], isThereAfterwards: false },
  } as const;
  for (const [name, { prepare, run, isThereAfterwards }] of Object.entries(operations)) {
    const visited = new Set<string>();
    if (prepare.length > 0) {
      const first = await startDaemon({ ...config, socket });
      t.match(await docker(...prepare), { code: 0 });
      await first.kill();
    }
    for (let crashAt = 0; ; crashAt++) {
      rmSync(stepsFile, { force: true });
      const daemon = await startDaemon({ ...config, socket, stepsFile, crashAt });
      const atStart = steps().length;
      const ended = await docker(...run);
      if (ended.code === 0) {
        t.ok(crashAt >= steps().length, `${name} has ${steps().length} steps`);
        t.equal(atStart, 0, 'nothing had to be cleared up');
        for (const step of steps()) t.ok(visited.has(step), `${name} was ended at "${step}"`);
        await docker('rmi', '-f', appId);
        await daemon.kill();
        break;
      }
      await daemon.kill();
      const at = steps().at(-1) ?? '';
      visited.add(at);
      const next = await startDaemon({ ...config, socket });
      const ids = (await docker('images', '-q', '--no-trunc', reference)).stdout.trim();
      const all = (await docker('images', '-aq', '--no-trunc')).stdout.trim();
      const where = `${name} ended at "${at}"`;
      t.equal(all, ids, `${where}: there is no image without its name`);
      const isThere = ids !== '';
      if (isThere)
        t.match(
          await docker('run', '--rm', '--network', 'host', reference),
          { code: 0, stdout: /which counts/ },
          `${where}: it is whole`,
        );
      t.same(
        readdirSync(layersFolder).sort(),
        isThere ? app.diffIds.map(diffId => diffId.slice(7)).sort() : [],
        `${where}: its layers and no other`,
      );
      t.same(
        readdirSync(imagesFolder).filter(entry => !entry.startsWith('references.json')),
        isThere ? [appId.slice(7)] : [],
        `${where}: nothing else in the store`,
      );
      t.match(
        await docker(...(isThere === isThereAfterwards ? ['version'] : run)),
        { code: 0 },
        `${where}: it can be done again`,
      );
      if (name !== 'rmi') await docker('rmi', '-f', appId);
      if (prepare.length > 0) t.match(await docker(...prepare), { code: 0, stderr: '' });
      await next.kill();
    }
  }

  await t.test('and at any moment of a larger one', async t => {
    const noise = await tarOf(
      Array.from({ length: 60 }, (_, i) =>
        file(`f${i}`, '', { content: bytesContent(randomBytes(400_000)) }),
      ),
    );
    const large = imageOf([base, noise], { compression: 'none' });
    await push(registry.host, 'large', blobsOf(large), [{ blob: large.manifest, tag: '1' }]);
    for (let delayMs = 0; delayMs < 400; delayMs += 50) {
      const daemon = await startDaemon({ ...config, socket });
      const pulled = docker('pull', '-q', `${registry.host}/large:1`);
      await new Promise(resolve => setTimeout(resolve, delayMs));
      await daemon.kill();
      const acknowledged = (await pulled).code === 0;
      const next = await startDaemon({ ...config, socket });
      const ids = (await docker('images', '-q', '--no-trunc')).stdout.trim();
      if (acknowledged) t.equal(ids, large.config.digest, 'what was acknowledged is there');
      t.equal(readdirSync(layersFolder).length, ids === '' ? 0 : 2, `killed after ${delayMs} ms`);
      await eventually('mkfs.erofs to be gone', () =>
        processesWith('layer.erofs').length === 0 ? true : undefined,
      );
      await docker('rmi', '-f', large.config.digest);
      await next.kill();
    }
  });
});

t.test('clients that go away, that come together, that do not read', async t => {
  const config = configFor('g1');
  const socket = join(folder, 'g1.sock');
  await using engine = await createEngine(config);
  await engine.listen(socket);
  const docker = dockerClient(dockerProgram, socket, folder);
  const layersFolder = join(config.stateRoot, 'layers');

  await t.test('a pull ends with its client', async t => {
    const blobs = new Map(blobsOf(app).map(blob => [blob.digest as string, blob]));
    const stalled = app.layers[1]?.digest ?? '';
    await using server = await startHostileServer((request, response) => {
      const name = request.url?.split('/').at(-1) ?? '';
      const blob = blobs.get(name) ?? app.manifest;
      response.writeHead(200, { 'content-type': blob.mediaType, 'content-length': blob.bytes.length });
      if (name === stalled) response.write(blob.bytes.subarray(0, 10));
      else response.end(blob.bytes);
    });
    const child = spawn(dockerProgram, ['pull', `${server.host}/app:1`], {
      env: { ...process.env, DOCKER_HOST: `unix://${socket}`, HOME: folder },
      stdio: 'ignore',
    });
    await eventually('the layer to be asked for', () =>
      server.seen.some(({ path }) => path.endsWith(stalled)) ? true : undefined,
    );
    t.ok(readdirSync(layersFolder).length > 0, 'it has begun');
    child.kill('SIGKILL');
    await eventually('nothing to be left of it', () =>
      readdirSync(layersFolder).length === 0 ? true : undefined,
    );
  });

  await using registry = await registryWith('s1');
  const reference = `${registry.host}/team/app:1`;

  await t.test('four clients pull the same', async t => {
    const all = await Promise.all([1, 2, 3, 4].map(() => docker('pull', '-q', reference)));
    for (const ended of all) t.match(ended, { code: 0, stderr: '' });
    t.equal(readdirSync(layersFolder).length, 2);
    t.match(await docker('pull', '-aq', `${registry.host}/team/app`), { code: 0 });
    t.equal((await docker('images', '-q')).stdout.trim().split('\n').length, 2, 'every tag');
  });

  const mounts = (where = ' - erofs '): number =>
    readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter(line => line.includes(where)).length;
  const unmounted = (where?: string): Promise<true> =>
    eventually('layers to be unmounted', () => mounts(where) === 0 || undefined, 60_000);

  await t.test('what a container is made of stays, and is unmounted after the last one', async t => {
    await unmounted();
    for (const name of ['one', 'two']) {
      t.match(await docker('run', '-d', '--name', name, '--network', 'host', reference, 'sleep', '1000'), {
        code: 0,
      });
    }
    t.equal(mounts(), 2, 'both containers have the same two layers');
    t.match(await docker('rmi', '-f', appId), { code: 1, stderr: /is being used by running container/ });
    t.match(await docker('rm', '-f', 'one'), { code: 0 });
    t.equal(mounts(), 2);
    t.match(await docker('rm', '-f', 'two'), { code: 0 });
    await unmounted();
  });

  await t.test('a layer that the disk has changed is not passed on', async t => {
    const file = join(layersFolder, app.diffIds[1]?.slice(7) ?? '', 'layer.erofs');
    const bytes = readFileSync(file);
    const sound = await docker('save', '-o', join(folder, 'sound.tar'), reference);
    t.match(sound, { code: 0 });
    // Behind the superblock, whose checksum the kernel looks at.
    const at = bytes.indexOf('x'.repeat(64), 4096);
    t.ok(at > 0);
    await unmounted();
    const changed = Buffer.from(bytes);
    changed.write('XXXX', at);
    writeFileSync(file, changed);
    t.match(await docker('save', '-o', join(folder, 'damaged.tar'), reference), { code: 1 });
    await unmounted();
    writeFileSync(file, bytes);
    t.match(await docker('save', '-o', join(folder, 'sound.tar'), reference), { code: 0 });
  });

  await t.test('an engine that was killed knows what its containers hold', async t => {
    const daemonConfig = { ...configFor('g3'), socket: join(folder, 'g3.sock') };
    const client = dockerClient(dockerProgram, daemonConfig.socket, folder);
    const layers = join(folder, 'g3/mounts');
    let daemon = await startDaemon(daemonConfig);
    t.match(await client('pull', '-q', reference), { code: 0 });
    t.match(await client('run', '-d', '--name', 'held', '--network', 'host', reference, 'sleep', '1000'), {
      code: 0,
    });
    for (let round = 0; round < 3; round++) {
      await daemon.kill();
      daemon = await startDaemon(daemonConfig);
      t.equal(mounts(layers), 2, 'both layers stay mounted, once');
    }
    t.match(await client('exec', 'held', 'cat', '/data/new'), { code: 0, stdout: 'above\n' });
    t.match(await client('rm', '-f', 'held'), { code: 0 });
    await unmounted(layers);
    await daemon.kill();
  });

  await t.test('a client that does not read holds nobody up', async t => {
    t.match(await docker('image', 'prune', '-af'), { code: 0 });
    const silent = connect(socket, () => {
      const [image, tag] = [`${registry.host}/team/app`, '1'];
      silent.write(
        `POST /images/create?fromImage=${image}&tag=${tag} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`,
      );
    });
    silent.pause();
    await eventually('the image', async () =>
      (await docker('images', '-q')).stdout === '' ? undefined : true,
    );
    silent.destroy();
  });
});

t.test('a disk that is full, and one that cannot be written', async t => {
  const config = configFor('g2');
  const state = config.stateRoot;
  mkdirSync(state);
  const mount = (...options: readonly string[]): void => void execFileSync('mount', [...options, state]);
  mount('-t', 'tmpfs', '-o', 'size=3m', 'state');
  const socket = join(folder, 'g2.sock');
  await using engine = await createEngine(config);
  await engine.listen(socket);
  const docker = dockerClient(dockerProgram, socket, folder);
  await using registry = await registryWith('s2');
  const reference = `${registry.host}/team/app:1`;
  const layers = (): string[] => readdirSync(join(state, 'layers'));

  t.match(await docker('pull', reference), { code: 1, stderr: /ENOSPC|[Nn]o space left/ });
  t.same(layers(), [], 'the room is free again');
  mount('-o', 'remount,size=64m');
  t.match(await docker('pull', '-q', reference), { code: 0 });
  mount('-o', 'remount,ro');
  t.match(await docker('tag', reference, 'other:1'), { code: 1, stderr: /EROFS|[Rr]ead-only/ });
  t.match(await docker('pull', '-q', `${registry.host}/team/app:single`), {
    code: 1,
    stderr: /EROFS|[Rr]ead-only/,
  });
  t.match(await docker('rmi', '-f', appId), { code: 1, stderr: /EROFS|[Rr]ead-only/ });
  t.equal((await docker('images', '-q', '--no-trunc')).stdout, `${appId}\n`, 'everything is as it was');
  mount('-o', 'remount,rw');
  t.match(await docker('run', '--rm', '--network', 'host', reference), { code: 0, stdout: /which counts/ });
  t.match(await docker('rmi', reference), { code: 0 });
  t.same(layers(), []);
});
