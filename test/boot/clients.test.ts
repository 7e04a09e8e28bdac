/**
 * Clients that people use against a real machine, through a socket that ssh forwards: Docker's client and compose of
 * the Debian after this one, compose of this one, dockerode, testcontainers. What the host's tests of them can't show:
 * limits, privileges, and a network namespace that is the machine's own.
 */
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import Docker from 'dockerode';
import t from 'tap';
import { openToolbox } from '../../src/build/tools/toolbox.ts';
import { hostArch } from '../../src/shared/arch.ts';
import { buildArtifacts, kernelMedium } from '../support/artifacts.ts';
import { BOOT_TEST_MS, bootMachine, freePort } from '../support/boot.ts';
import { type ClientName, clientPrograms, findClientRoots, openClient } from '../support/docker-clients.ts';
import { findEngineRoot } from '../support/engine-root.ts';
import { startHub } from '../support/named-images.ts';
import { checkTestcontainers } from '../support/testcontainers.ts';

/** Where the machine finds the registry that stands for the hub. */
const HUB_PORT = 5000;
const SOCKET = '/run/system-docker.sock';

t.setTimeout(BOOT_TEST_MS);
// Short, since it has a socket in it.
const folder = await mkdtemp(join(tmpdir(), 'slipway-clients-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));
const roots = await findClientRoots();
const registry = openToolbox({ root: roots.stable, epoch: 0, arch: hostArch(process.arch) ?? 'amd64' });
await using hub = await startHub(
  registry.command('docker-registry', []),
  join(folder, 'hub'),
  join(await findEngineRoot(), 'usr/bin/busybox'),
);
const artifacts = await buildArtifacts(
  t.testdir(),
  `
name: clients
kernel: { platforms: [virtio] }
engine:
  images: true
  networks: true
  registries: { mirrors: { docker.io: ['http://127.0.0.1:${HUB_PORT}'] } }
services:
  - { name: udev, image: system-images/udev }
  - { name: network, image: system-images/network }
  - { name: console, image: system-images/console }
`,
  { formats: ['kernel+initrd'] },
);
await using machine = await bootMachine({
  boot: await kernelMedium(artifacts),
  memoryMb: 1024,
});
const { failed } = await machine.ready();
machine.reachHost(Number(hub.host.split(':')[1]), HUB_PORT);
// Who may open the socket is root on the machine; here the one who logs in may.
await machine.root(`chown rancher ${SOCKET}`);
const socket = join(folder, 's');
const ports = { web: await freePort(), cache: await freePort(), reaper: await freePort() };
machine.reachMachine(Object.values(ports), { [socket]: SOCKET });

const open = async (name: ClientName) => {
  await mkdir(join(folder, name));
  return openClient(clientPrograms(roots[name], join(folder, name)), `unix://${socket}`, {
    PRIVILEGED: 'true',
  });
};
const newer = await open('newer');
const stable = await open('stable');
await machine.eventually(
  'the forwarded socket',
  async () => (await newer.docker('version')).code === 0 || undefined,
);
await machine.eventually(
  'the hub',
  async () => (await newer.docker('pull', 'alpine:3.20')).code === 0 || undefined,
);

await t.test("Docker's client", async t => {
  t.same(failed, [], 'nothing failed');
  t.match(await newer.said('version'), /1\.45 \(downgraded from 1\.\d\d\)/);
  t.notMatch(await newer.said('info'), /No limits/);
  const script = 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max; stty size; exit 3\n';
  const limits = ['--memory', '32m', '--pids-limit', '20'];
  const terminal = await newer.typed(script, 'run', '--rm', '-it', ...limits, 'alpine:3.20', 'sh');
  t.match(terminal, { code: 3, stdout: /33554432\r\n20\r\n30 100\r\n/ });
  await newer.said('run', '-d', '--name', 'busy', ...limits, 'alpine:3.20', 'sleep', '1000');
  const stats = await newer.said('stats', '--no-stream', '--format', '{{.MemUsage}} {{.PIDs}}', 'busy');
  t.match(stats, /^[\d.]+[KM]iB \/ 32MiB 1$/);
  await newer.said('rm', '-f', 'busy');
});

await t.test('compose', async t => {
  await newer.composed('limits', 'up', '-d');
  const group = '/sys/fs/cgroup';
  const values = await newer.composed(
    ...(['limits', 'exec', '-T', 'agent', 'sh', '-c'] as const),
    `cat ${group}/memory.max ${group}/memory.low ${group}/pids.max ${group}/cpu.max ${group}/cpuset.cpus.effective; grep CapEff /proc/self/status`,
  );
  t.match(values, /^67108864\n33554432\n40\n50000 100000\n0\nCapEff:\t000001ffffffffff$/);
  await newer.composed('limits', 'down', '-t', '0');

  await stable.composed('legacy', 'up', '-d');
  t.equal(await stable.said('exec', 'legacy_db', 'cat', `${group}/memory.max`), '67108864');
  t.match(await stable.composed('legacy', 'exec', '-T', 'app', 'nslookup', 'db'), /Name:\tdb\nAddress/);
  t.equal(await stable.composed('legacy', 'exec', '-T', 'app', 'sh', '-c', 'touch /data/x; ls /again'), 'x');
  await stable.composed('legacy', 'down', '-v', '-t', '0');
});

await t.test('dockerode', async t => {
  const docker = new Docker({ socketPath: socket });
  const container = await docker.createContainer({
    Image: 'alpine:3.20',
    Cmd: ['sleep', '1000'],
    name: 'node',
  });
  await container.start();
  const exec = await container.exec({
    Cmd: ['cat'],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true, stdin: true });
  const answer = new PassThrough();
  docker.modem.demuxStream(stream, answer, answer);
  stream.end('through ssh and back');
  t.equal(String((await answer.take(1).toArray())[0]), 'through ssh and back');
  t.match(await container.stats({ stream: false }), {
    memory_stats: { usage: Number },
    pids_stats: { current: Number },
  });
  await container.remove({ force: true });
});

await t.test('testcontainers', t => checkTestcontainers(t, newer, SOCKET, ports));

await t.test('the services alone are left', async t => {
  const names = await newer.said('ps', '-a', '--format', '{{.Names}}');
  t.same(names.split('\n').sort(), ['console', 'network', 'udev']);
});
