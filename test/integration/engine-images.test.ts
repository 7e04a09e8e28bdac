/**
 * Images: pulled, listed, tagged, removed, saved, loaded, pushed and imported by Docker's own client, against a real
 * registry on loopback. Layers are real EROFS files, mounted by this host's kernel. Needs root, for a mount namespace
 * of its own.
 */
import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'images');

const { default: t } = await import('tap');
const { bytesContent } = await import('../../src/shared/archive/entry.ts');
const { digestOf } = await import('../../src/shared/digest.ts');
const { cleanUp, eventually, testPrograms } = await import('../support/engine.ts');
const { dockerClient } = await import('../support/docker-client.ts');
const { blobsOf, entry, file, imageOf, rawHeader, rawTar, tarOf } = await import('../support/oci-image.ts');
const { makeLayeredImage, makeReadOnlyStore } = await import('../support/layered-image.ts');
const { USER, findRegistryProgram, push, startRegistry } = await import('../support/registry.ts');
const { createEngine } = await import('../../src/machine/engine/engine.ts');
const { createLog } = await import('../../src/machine/log.ts');

const { engine: programs, docker: dockerProgram } = testPrograms(engineRoot, join(folder, 'bin'));
const group = `/slipway-images-${process.pid}`;
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
const { app, base, index, top } = layered;
const appId = app.config.digest;
const registryWith = (name: string) => layered.startRegistry(registryProgram, join(folder, name));

t.test("Docker's own client pulls, looks, tags and removes", async t => {
  await using registry = await registryWith('r1');
  const { host } = registry;
  const config = configFor('e1');
  const socket = join(folder, 'e1.sock');
  await using engine = await createEngine(config);
  await engine.listen(socket);
  const docker = dockerClient(dockerProgram, socket, folder);
  const layersFolder = join(config.stateRoot, 'layers');

  await t.test('pull', async t => {
    const pulled = await docker('pull', `${host}/team/app:1`);
    t.equal(pulled.stderr, '');
    t.equal(pulled.code, 0);
    const short = app.layers.map(layer => layer.digest.slice(7, 19));
    t.match(pulled.stdout, `1: Pulling from ${host}/team/app\n`);
    for (const id of short) {
      t.match(pulled.stdout, `${id}: Pulling fs layer\n`);
      t.match(pulled.stdout, `${id}: Pull complete\n`);
    }
    t.match(
      pulled.stdout,
      `Digest: ${index.digest}\nStatus: Downloaded newer image for ${host}/team/app:1\n`,
    );
    t.match(pulled.stdout, new RegExp(`\n${host}/team/app:1\n$`));
    t.same(
      readdirSync(layersFolder).sort(),
      app.diffIds.map(diffId => diffId.slice(7)).sort(),
      'layers, and nothing half-made',
    );
    const again = await docker('pull', `${host}/team/app:1`);
    t.match(again.stdout, `Status: Image is up to date for ${host}/team/app:1\n`);
    t.match(again.stdout, `${short[0]}: Already exists\n`);
    const other = await docker('pull', '-q', `${host}/team/app@${app.manifest.digest}`);
    t.match(other, { code: 0, stdout: `${host}/team/app@${app.manifest.digest}\n` });
    t.match(await docker('pull', `${host}/team/app:nope`), {
      code: 1,
      stderr: new RegExp(`manifest for ${host}/team/app:nope not found: manifest unknown`),
    });
    t.match(await docker('pull', '--platform', 'linux/s390x', `${host}/team/app:1`), {
      code: 1,
      stderr: /no matching manifest for linux\/s390x in the manifest list entries/,
    });
  });

  await t.test('images and inspect', async t => {
    t.match(
      (await docker('images')).stdout,
      new RegExp(
        `^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE\n${host}/team/app +1 +${appId.slice(7, 19)} +.* +.*\n$`,
      ),
    );
    t.equal((await docker('images', '-q', '--no-trunc')).stdout, `${appId}\n`);
    t.equal((await docker('images', '-q', '--filter', 'label=tier=back')).stdout, '');
    t.equal((await docker('images', '-q', `${host}/team/*`)).stdout, `${appId.slice(7, 19)}\n`);
    const format = '{{.Id}} {{.RepoTags}} {{.Os}}/{{.Architecture}} {{.Config.Cmd}} {{.RootFS.Layers}}';
    t.equal(
      (await docker('image', 'inspect', '--format', format, appId.slice(7, 19))).stdout,
      `${appId} [${host}/team/app:1] linux/amd64 [cat /etc/again] [${app.diffIds.join(' ')}]\n`,
    );
    t.match(await docker('image', 'inspect', 'nope'), { code: 1, stderr: /No such image: nope:latest/ });
    t.equal((await docker('history', '-q', `${host}/team/app:1`)).code, 0);
  });

  await t.test('a container of it has both layers', async t => {
    const run = await docker('run', '--rm', '--network', 'host', appId);
    t.same(run, { code: 0, stdout: 'second, which counts\n', stderr: '' });
    const look = await docker(
      'run',
      '--rm',
      '--network',
      'host',
      appId,
      'sh',
      '-c',
      'ls /data /etc; cat /data/new; stat -c "%u %g %Y" /data/new; stat -c %h /etc/linked',
    );
    t.equal(look.stderr, '');
    t.match(look.stdout, /^\/data:\nnew\n\n\/etc:\nagain\n/);
    t.notMatch(look.stdout, /^old$/m);
    t.match(look.stdout, /\nabove\n70000 80000 1500000000\n2\n$/);
    const isMounted = (): boolean => readFileSync('/proc/self/mountinfo', 'utf8').includes(' erofs ');
    t.ok(isMounted(), 'layers stay for whoever comes next');
    await eventually('layers to be unmounted', () => !isMounted() || undefined, 60_000);
  });

  await t.test('tag and rmi', async t => {
    t.match(await docker('tag', appId, 'mine:2'), { code: 0 });
    t.match(await docker('tag', 'mine:2', 'Mine:2'), {
      code: 1,
      stderr: /repository name must be lowercase|invalid reference format/,
    });
    t.match(await docker('rmi', appId), {
      code: 1,
      stderr: new RegExp(
        `conflict: unable to delete ${appId.slice(7, 19)} \\(must be forced\\) - image is referenced in multiple repositories`,
      ),
    });
    t.match(await docker('create', '--name', 'user', '--network', 'host', 'mine:2'), { code: 0 });
    t.match(await docker('rmi', 'mine:2'), { code: 0, stdout: 'Untagged: mine:2\n' });
    t.match(await docker('rmi', `${host}/team/app:1`), {
      code: 1,
      stderr: new RegExp(
        `unable to remove repository reference "${host}/team/app:1" \\(must force\\) - container [0-9a-f]{12} is using its referenced image ${appId.slice(7, 19)}`,
      ),
    });
    t.match(await docker('rm', 'user'), { code: 0 });
    const removed = await docker('rmi', `${host}/team/app:1`);
    t.equal(removed.stderr, '');
    t.match(
      removed.stdout,
      new RegExp(
        `^Untagged: ${host}/team/app:1\nUntagged: .*\n(Untagged: .*\n)*Deleted: ${appId}\nDeleted: sha256:.*\nDeleted: sha256:.*\n$`,
      ),
    );
    t.match(await docker('rmi', 'mine:2'), { code: 1, stderr: /No such image: mine:2/ });
    t.same(readdirSync(layersFolder), []);
    t.same(readdirSync(join(config.stateRoot, 'images')), ['references.json']);
  });

  await t.test('create says what clients pull after', async t => {
    const run = await docker('run', '--rm', '--network', 'host', `${host}/team/app:single`);
    t.equal(run.code, 0, run.stderr);
    t.match(run.stderr, new RegExp(`^Unable to find image '${host}/team/app:single' locally\n`));
    t.equal(run.stdout, 'second, which counts\n');
    t.match(await docker('image', 'prune', '-af'), {
      code: 0,
      stdout: /\ndeleted: sha256:[\s\S]*\nTotal reclaimed space: /,
    });
    t.same(readdirSync(layersFolder), []);
  });
});

t.test('saved, loaded, pushed and imported', async t => {
  await using registry = await registryWith('r2');
  const { host } = registry;
  const config = configFor('e2');
  const socket = join(folder, 'e2.sock');
  await using engine = await createEngine(config);
  await engine.listen(socket);
  const docker = dockerClient(dockerProgram, socket, folder);
  const archive = join(folder, 'saved.tar');

  t.match(await docker('pull', '-q', `${host}/team/app:1`), { code: 0 });
  t.match(await docker('save', '-o', archive, `${host}/team/app:1`), { code: 0, stderr: '' });
  t.match(await docker('rmi', `${host}/team/app:1`), { code: 0 });
  const loaded = await docker('load', '-i', archive);
  t.same(loaded, { code: 0, stdout: `Loaded image: ${host}/team/app:1\n`, stderr: '' });
  const ids = await docker(
    'image',
    'inspect',
    '--format',
    '{{.Id}} {{.RootFS.Layers}}',
    `${host}/team/app:1`,
  );
  t.equal(ids.stdout, `${appId} [${app.diffIds.join(' ')}]\n`, 'id and layers are the same');
  t.match(await docker('run', '--rm', '--network', 'host', `${host}/team/app:1`), {
    code: 0,
    stdout: 'second, which counts\n',
  });

  const pushed = await docker('push', `${host}/team/app:1`);
  t.equal(pushed.stderr, '');
  t.match(pushed.stdout, `The push refers to repository [${host}/team/app]\n`);
  t.match(pushed.stdout, /\n1: digest: sha256:[0-9a-f]{64} size: \d+\n/);
  t.match(await docker('rmi', '-f', appId), { code: 0 });
  t.match(await docker('pull', '-q', `${host}/team/app:1`), { code: 0 });
  t.equal(
    (await docker('images', '-q', '--no-trunc')).stdout,
    `${appId}\n`,
    'what was pushed is the same image',
  );

  await t.test('a pulled image keeps its digest in another repository', async t => {
    t.match(await docker('rmi', '-f', appId), { code: 0 });
    t.match(await docker('pull', '-q', `${host}/team/app:single`), { code: 0 });
    t.match(await docker('tag', appId, `${host}/other/app:x`), { code: 0 });
    const copied = await docker('push', `${host}/other/app:x`);
    t.equal(copied.stderr, '');
    t.match(copied.stdout, 'Mounted from team/app\n');
    t.match(copied.stdout, `x: digest: ${app.manifest.digest} size: `);
    t.match(await docker('push', `${host}/other/app:x`), { stdout: /Layer already exists/ });
  });

  await t.test('import', async t => {
    const tar = join(folder, 'import.tar');
    writeFileSync(tar, base);
    const imported = await docker(
      'import',
      '-m',
      'from a tar',
      '-c',
      'CMD ["cat","/etc/old"]',
      '-c',
      'ENV A=b',
      tar,
      'made:1',
    );
    t.equal(imported.stderr, '');
    t.match(imported.stdout, /^sha256:[0-9a-f]{64}\n$/);
    t.match(await docker('run', '--rm', '--network', 'host', 'made:1'), { code: 0, stdout: 'from below\n' });
    t.equal(
      (
        await docker(
          'image',
          'inspect',
          '--format',
          '{{.Comment}} {{.Config.Env}} {{index .RootFS.Layers 0}}',
          'made:1',
        )
      ).stdout,
      `from a tar [A=b] ${digestOf(base)}\n`,
    );
  });
});

t.test('devices and links of an image are those of its containers', async t => {
  const socket = join(folder, 'e3b.sock');
  await using engine = await createEngine(configFor('e3b'));
  await engine.listen(socket);
  const docker = dockerClient(dockerProgram, socket, folder);
  const archive = join(folder, 'nodes.tar');
  const more = await tarOf([
    entry('block-device', 'sda', { major: 8, minor: 0, mode: 0o666 }),
    entry('char-device', 'mem', { major: 1, minor: 1, mode: 0o666 }),
    entry('symlink', 'up', { target: '../../../etc/old' }),
  ]);
  writeFileSync(archive, Buffer.concat([base.subarray(0, -1024), more]));
  t.match(await docker('import', archive, 'nodes:1'), { code: 0, stderr: '' });
  const script = 'cat /up; stat -c "%F %t:%T" /sda /mem; cat /sda; cat /mem';
  const run = await docker('run', '--rm', '--network', 'none', 'nodes:1', 'sh', '-c', script);
  t.equal(run.stdout, 'from below\nblock special file 8:0\ncharacter special file 1:1\n');
  t.match(run.stderr, /can't open '\/sda'.*\n.*can't open '\/mem'/);
});

t.test('images of the machine itself', async t => {
  await using registry = await registryWith('r3');
  const { host } = registry;
  const socket = join(folder, 'e3.sock');
  const { diffId } = await makeReadOnlyStore(join(folder, 'core'), base);
  await using engine = await createEngine({ ...configFor('e3'), imageStores: [join(folder, 'core')] });
  await engine.listen(socket);
  const docker = dockerClient(dockerProgram, socket, folder);
  const archive = join(folder, 'core.tar');
  const id = (await docker('images', '-q', '--no-trunc', 'core/base')).stdout.trim();
  t.match(id, /^sha256:/);

  for (const name of ['core/base', id]) {
    t.match(await docker('rmi', '-f', name), {
      code: 1,
      stderr: /cannot be forced\) - .*machine's own image/,
    });
  }
  t.match(await docker('tag', 'core/base', `${host}/core:1`), { code: 0 });
  t.match(await docker('rmi', `${host}/core:1`), { code: 0, stdout: `Untagged: ${host}/core:1\n` });
  t.match(await docker('tag', 'core/base', `${host}/core:1`), { code: 0 });
  t.match(await docker('push', `${host}/core:1`), { code: 0, stderr: '' });
  t.match(await docker('save', '-o', archive, 'core/base'), { code: 0, stderr: '' });
  // Names of what every object has are names like any other.
  t.match(await docker('tag', 'core/base', 'constructor:entries'), { code: 0 });
  t.match(await docker('save', '-o', join(folder, 'names.tar'), 'constructor'), { code: 0, stderr: '' });
  t.match(await docker('rmi', 'constructor:entries'), { code: 0 });
  t.match(await docker('info', '--format', '{{.DockerRootDir}}'), {
    code: 0,
    stdout: `${configFor('e3').stateRoot}\n`,
  });

  const other = join(folder, 'e4.sock');
  await using second = await createEngine(configFor('e4'));
  await second.listen(other);
  const elsewhere = dockerClient(dockerProgram, other, folder);
  for (const bring of [() => elsewhere('load', '-i', archive), () => elsewhere('pull', `${host}/core:1`)]) {
    t.match(await bring(), { code: 0 });
    t.equal((await elsewhere('images', '-q', '--no-trunc')).stdout, `${id}\n`, 'the same id');
    t.match(await elsewhere('image', 'inspect', '--format', '{{.RootFS.Layers}}', id), {
      stdout: `[${diffId}]\n`,
    });
    t.match(await elsewhere('rmi', '-f', id), { code: 0 });
  }

  await t.test('a pull under its name leaves services theirs', async t => {
    t.match(await docker('pull', '-q', `${host}/team/app:1`), { code: 0 });
    t.match(await docker('tag', `${host}/team/app:1`, 'core/base'), { code: 0 });
    t.equal((await docker('images', '-q', '--no-trunc', 'core/base')).stdout, `${appId}\n`);
    const service = { Image: 'core/base', Cmd: ['true'], Slipway: { scope: 'boot' as const } };
    await engine.client.create('service', service);
    t.match(await engine.client.inspect('service'), { imageId: id });
    t.match(await docker('rmi', 'core/base'), { code: 0, stdout: 'Untagged: core/base:latest\n' });
    t.equal((await docker('images', '-q', '--no-trunc', 'core/base')).stdout, `${id}\n`);
    await engine.client.remove('service');
  });
});

t.test('a registry that asks for a login', async t => {
  const image = imageOf([base]);
  await using registry = await startRegistry(registryProgram, join(folder, 'r5'), 'basic');
  const { host } = registry;
  await push(host, 'secret', blobsOf(image), [{ blob: image.manifest, tag: '1' }], USER);
  const socket = join(folder, 'e5.sock');
  await using engine = await createEngine(configFor('e5'));
  await engine.listen(socket);
  const docker = dockerClient(dockerProgram, socket, mkdtempSync(join(folder, 'home-')));

  t.match(await docker('pull', `${host}/secret:1`), {
    code: 1,
    stderr: /pull access denied for .*, repository does not exist or may require 'docker login'/,
  });
  t.match(await docker('login', '-u', USER.username, '-p', 'wrong', host), {
    code: 1,
    stderr: /unauthorized/,
  });
  t.match(await docker('login', '-u', USER.username, '-p', USER.password, host), {
    code: 0,
    stdout: /Login Succeeded/,
  });
  t.match(await docker('pull', '-q', `${host}/secret:1`), { code: 0 });
  t.match(await docker('tag', `${host}/secret:1`, `${host}/secret:2`), { code: 0 });
  t.match(await docker('push', '-a', `${host}/secret`), { code: 0, stdout: /\n2: digest: / });
  t.match(await docker('logout', host), { code: 0 });
  t.match(await docker('push', `${host}/secret:2`), { code: 1, stderr: /denied/ });
});

t.test('a machine without state, and one without mkfs.erofs', async t => {
  await using registry = await registryWith('r6');
  const reference = `${registry.host}/team/app:1`;
  const { stateRoot, ...inMemory } = configFor('e6');
  t.ok(stateRoot);
  const socket = join(folder, 'e6.sock');
  {
    await using engine = await createEngine(inMemory);
    await engine.listen(socket);
    const docker = dockerClient(dockerProgram, socket, folder);
    const pulled = await docker('pull', reference);
    t.match(pulled, { code: 0, stdout: /kept in memory/ });
    t.match(await docker('run', '--rm', '--network', 'host', reference), { code: 0 });
  }
  const { mkfsErofs, ...others } = programs;
  t.ok(mkfsErofs);
  await using engine = await createEngine({ ...inMemory, programs: others });
  await engine.listen(socket);
  const docker = dockerClient(dockerProgram, socket, folder);
  t.match(await docker('run', '--rm', '--network', 'host', reference), { code: 0 }, 'what is there stays');
  t.match(await docker('pull', `${registry.host}/team/app:single`), {
    code: 1,
    stderr: /needs the program mkfs\.erofs/,
  });
});

t.test('hostile images leave nothing behind', async t => {
  const config = configFor('e7');
  const socket = join(folder, 'e7.sock');
  await using engine = await createEngine(config);
  await engine.listen(socket);
  const docker = dockerClient(dockerProgram, socket, folder);
  await using registry = await startRegistry(registryProgram, join(folder, 'r7'), 'anonymous');
  const { host } = registry;
  const good = await tarOf([file('ok', 'ok')]);
  const cases: Readonly<
    Record<
      string,
      { readonly tars: readonly Uint8Array[]; readonly says: RegExp; readonly diffIds?: string[] }
    >
  > = {
    climbing: { tars: [rawTar(rawHeader({ name: '../../etc/passwd' }, 'x'))], says: /holds "\.\."/ },
    forged: {
      tars: [
        await tarOf([
          entry('directory', 'd', { xattrs: new Map([['trusted.overlay.redirect', Buffer.from('/')]]) }),
        ]),
      ],
      says: /carries the attribute trusted\.overlay\.redirect/,
    },
    garbage: { tars: [good, Buffer.alloc(3000, 'not a tar')], says: /checksum|octal/ },
    lying: { tars: [good], diffIds: [`sha256:${'0'.repeat(64)}`], says: /unpacks to/ },
  };
  for (const [name, { tars, says, diffIds }] of Object.entries(cases)) {
    const image = imageOf(tars, diffIds === undefined ? {} : { diffIds });
    await push(host, name, blobsOf(image), [{ blob: image.manifest, tag: '1' }]);
    t.match(await docker('pull', `${host}/${name}:1`), { code: 1, stderr: says }, name);
  }
  const bad = join(folder, 'bad.tar');
  for (const [name, bytes] of [
    ['empty', Buffer.alloc(0)],
    ['noise', Buffer.alloc(5000, 'noise')],
    ['no table', await tarOf([file('x', 'y')])],
    [
      'a table of nothing',
      await tarOf([file('manifest.json', '[{"Config":"../../etc/passwd","Layers":["a"]}]')]),
    ],
    [
      'layers that are not',
      await tarOf([
        file('manifest.json', JSON.stringify([{ Config: 'c', RepoTags: ['x:1'], Layers: ['l'] }])),
        file('c', Buffer.from(app.config.bytes).toString()),
        file('l', 'no'),
      ]),
    ],
  ] as const) {
    writeFileSync(bad, bytes);
    t.match(await docker('load', '-i', bad), { code: 1 }, name);
  }
  t.equal((await docker('images', '-aq')).stdout, '');
  t.same(readdirSync(join(config.stateRoot, 'layers')), []);
  t.same(
    readdirSync(join(config.stateRoot, 'images')).filter(name => name !== 'references.json'),
    [],
  );
});

t.test('old archives, compressed ones, and layouts are loaded', async t => {
  const socket = join(folder, 'e8.sock');
  await using engine = await createEngine(configFor('e8'));
  await engine.listen(socket);
  const docker = dockerClient(dockerProgram, socket, folder);
  const archive = join(folder, 'some.tar');
  const config = Buffer.from(app.config.bytes).toString();
  const content = (bytes: Uint8Array) => ({ content: bytesContent(bytes) });
  const old = await tarOf([
    file('a/layer.tar', '', content(base)),
    file('b/layer.tar', '', content(top)),
    entry('symlink', 'c/layer.tar', { target: '../a/layer.tar' }),
    file('app.json', config),
    file(
      'manifest.json',
      JSON.stringify([
        { Config: 'app.json', RepoTags: ['old:1', 'old:2'], Layers: ['c/layer.tar', 'b/layer.tar'] },
      ]),
    ),
  ]);
  const layout = await tarOf([
    ...blobsOf(app).map(blob => file(`blobs/sha256/${blob.digest.slice(7)}`, '', content(blob.bytes))),
    file('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
    file(
      'index.json',
      JSON.stringify({
        schemaVersion: 2,
        manifests: [
          {
            mediaType: app.manifest.mediaType,
            digest: app.manifest.digest,
            size: app.manifest.bytes.length,
            annotations: { 'org.opencontainers.image.ref.name': 'example.org/laid:3' },
          },
        ],
      }),
    ),
  ]);
  for (const [bytes, says] of [
    [old, 'Loaded image: old:1\nLoaded image: old:2\n'],
    [gzipSync(old), 'Loaded image: old:1\nLoaded image: old:2\n'],
    [zstdCompressSync(layout), 'Loaded image: example.org/laid:3\n'],
  ] as const) {
    writeFileSync(archive, bytes);
    t.same(await docker('load', '-q', '-i', archive), { code: 0, stdout: says, stderr: '' });
    t.equal((await docker('images', '-q', '--no-trunc')).stdout.split('\n')[0], appId);
    t.match(await docker('rmi', '-f', appId), { code: 0 });
  }
  await t.test('one that is only a configuration', async t => {
    const table = [{ Config: 'c', RepoTags: ['bare:1'], Layers: [] }];
    writeFileSync(
      archive,
      await tarOf([
        file('c', Buffer.from(imageOf([], { config: { Cmd: ['none'] } }).config.bytes).toString()),
        file('manifest.json', JSON.stringify(table)),
      ]),
    );
    t.same(await docker('load', '-q', '-i', archive), {
      code: 0,
      stdout: 'Loaded image: bare:1\n',
      stderr: '',
    });
    t.match(await docker('create', '--name', 'bare', '--network', 'none', '-v', '/etc', 'bare:1'), {
      code: 0,
    });
    t.match(await docker('start', 'bare'), { code: 1, stderr: /none/ });
    t.match(await docker('cp', archive, 'bare:/file'), { code: 0 });
    t.match(await docker('diff', 'bare'), { code: 0, stdout: /A \/file\n/ });
    t.match(await docker('commit', 'bare', 'filled:1'), { code: 0 });
    t.match(await docker('history', 'bare:1'), { code: 0 });
    const again = join(folder, 'bare.tar');
    t.match(await docker('save', '-o', again, 'bare:1'), { code: 0, stderr: '' });
    t.match(await docker('rm', '-v', 'bare'), { code: 0 });
    t.match(await docker('rmi', 'filled:1', 'bare:1'), { code: 0 });
    t.match(await docker('load', '-i', again), { code: 0, stdout: 'Loaded image: bare:1\n' });
    t.match(await docker('rmi', 'bare:1'), { code: 0 });
  });
});
