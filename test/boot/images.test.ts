/** Images on a real machine: pulled from a registry into EROFS files on state, run, saved, and there after a kill. */
import { join } from 'node:path';
import t from 'tap';
import { buildArtifacts, kernelMedium } from '../support/artifacts.ts';
import { BOOT_TEST_MS, bootMachine } from '../support/boot.ts';
import { makeExt4Disk } from '../support/disks.ts';
import { findEngineRoot } from '../support/engine-root.ts';
import { makeLayeredImage } from '../support/layered-image.ts';
import { findRegistryProgram } from '../support/registry.ts';

t.setTimeout(BOOT_TEST_MS);
const folder = t.testdir();
const { app, startRegistry } = await makeLayeredImage(join(await findEngineRoot(), 'usr/bin/busybox'));
await using registry = await startRegistry(await findRegistryProgram(), join(folder, 'registry'));
const reference = `${registry.host}/team/app:1`;
const artifacts = await buildArtifacts(
  folder,
  `
name: images
kernel: { platforms: [virtio] }
engine: { images: true }
services:
  - { name: udev, image: system-images/udev }
  - { name: network, image: system-images/network }
  - { name: console, image: system-images/console }
`,
  { formats: ['kernel+initrd'] },
);
await using machine = await bootMachine({
  boot: await kernelMedium(artifacts),
  disks: [await makeExt4Disk(`${folder}/state.img`, 'SLIPWAY_STATE', 512)],
  memoryMb: 768,
});
t.same((await machine.ready()).failed, [], 'nothing failed');
machine.reachHost(Number(registry.host.split(':')[1]));

const erofsMounts = async (): Promise<number> =>
  (await machine.root('cat /proc/mounts')).split('\n').filter(line => line.split(' ')[2] === 'erofs').length;
const unmounted = (): Promise<true> =>
  machine.eventually('layers to be unmounted', async () => (await erofsMounts()) === 0 || undefined);

await t.test('a pull makes EROFS files on state', async t => {
  const pulled = await machine.eventually('the registry', async () => {
    const ended = await machine.docker('pull', reference);
    return /connect|refused|unreachable/i.test(ended.stderr) ? undefined : ended;
  });
  t.equal(pulled.stderr, '');
  t.match(pulled.stdout, /Status: Downloaded newer image/);
  t.notMatch(pulled.stdout, /Warning/);
  t.equal(
    (await machine.root('ls /state/system-docker/layers')).trim().split('\n').sort().join(' '),
    app.diffIds
      .map(diffId => diffId.slice(7))
      .sort()
      .join(' '),
  );
  const listed = await machine.docker('images', '--no-trunc', '--format', '{{.ID}} {{.Repository}}');
  t.match(listed.stdout, `${app.config.digest} ${registry.host}/team/app\n`);
  t.match(listed.stdout, / console\n|\/console\n/, "the machine's own images appear like any other");
});

await t.test('a container of it sees both layers, through the kernel of the machine', async t => {
  const run = async (...words: string[]) =>
    (await machine.docker('run', '--rm', '--network', 'none', reference, ...words)).stdout;
  t.equal(await run(), 'second, which counts\n');
  t.equal(
    await run('sh', '-c', 'cd / && echo data/* etc/*'),
    'data/new etc/again etc/hostname etc/hosts etc/linked etc/passwd etc/resolv.conf etc/ünïcode\n',
  );
  t.equal(await run('stat', '-c', '%u %g %Y', '/data/new'), '70000 80000 1500000000\n');
  await unmounted();
  t.equal(
    (await machine.root('losetup -a || true')).match(/layer\.erofs/g),
    null,
    'and no loop device stays',
  );
});

await t.test('a kill of system-docker harms neither the image nor its containers', async t => {
  const started = await machine.docker(
    'run',
    '-d',
    '--name',
    'lasting',
    '--network',
    'none',
    reference,
    'sleep',
    '100000',
  );
  t.equal(started.exitCode, 0, started.stderr);
  t.equal(await erofsMounts(), 2);
  const pid = async () => (await machine.docker('inspect', '--format', '{{.State.Pid}}', 'lasting')).stdout;
  const before = await pid();
  await machine.root('kill -9 $(cat /run/slipway/system-docker.pid)');
  const after = await machine.eventually('system-docker', async () => (await pid()) || undefined);
  t.equal(after, before);
  t.equal(await erofsMounts(), 2, 'its layers are still mounted, once');
  t.equal((await machine.docker('exec', 'lasting', 'cat', '/data/new')).stdout, 'above\n');
  t.equal((await machine.docker('rm', '-f', 'lasting')).exitCode, 0);
  await unmounted();
});

await t.test('an image of the machine can be saved and loaded with its id, not removed', async t => {
  const id = (await machine.docker('inspect', '--format', '{{.Image}}', 'udev')).stdout.trim();
  t.match(await machine.docker('rmi', '-f', id), { exitCode: 1, stderr: /machine's own image/ });
  const archive = join(folder, 'udev.tar');
  t.equal((await machine.docker('save', '-o', archive, id)).exitCode, 0);
  t.match((await machine.docker('load', '-i', archive)).stdout, `Loaded image ID: ${id}\n`);
  t.equal((await machine.docker('rmi', '-f', reference)).exitCode, 0);
});
