/** Bridge networks on a machine: kernel modules, netavark, name lookup, published ports, the way out, the end. */
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { buildArtifacts } from '../support/artifacts.ts';
import { BOOT_TEST_MS, bootMachine } from '../support/boot.ts';

t.setTimeout(BOOT_TEST_MS);
const { iso = '' } = await buildArtifacts(t.testdir(), await readFile('examples/default.yml', 'utf8'));
await using machine = await bootMachine({ boot: { kind: 'cd', file: iso } });
await machine.ready();

/** What a command of Docker's client prints, which has to work. */
async function said(...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await machine.docker(...args);
  if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

const image = await said('inspect', 'ntp', '--format', '{{.Image}}');
const PROGRAM = '/busybox';
/** Runs an applet of the machine's static busybox in a container of any image. */
const busybox = (options: readonly string[], ...words: readonly string[]): Promise<string> =>
  said('run', ...options, '-v', `/usr/bin/busybox:${PROGRAM}:ro`, '--entrypoint', PROGRAM, image, ...words);
const fromMachine = (): Promise<string> =>
  busybox(['--rm', '--network', 'host'], 'wget', '-q', '-O', '-', 'http://127.0.0.1:8080/hostname');
const pidOf = (): Promise<string> =>
  machine.root('cat /run/slipway/system-docker.pid 2>/dev/null || echo none');

await t.test('a container on a network of its own', async t => {
  t.equal(
    await said('network', 'ls', '--format', '{{.Name}} {{.Driver}}'),
    'bridge bridge\nhost host\nnone null',
  );
  await said('network', 'create', 'front');
  const ports = ['-p', '8080:80', '-p', '53:53/udp'];
  await busybox(['-d', '--name', 'web', '--network', 'front', ...ports], 'httpd', '-f', '-h', '/etc');
  // conntrack has been used, and the kernel has found what it needs.
  t.match(await machine.root('cat /proc/modules'), /^nf_conntrack_netlink /m);
  const hostname = await said('inspect', 'web', '--format', '{{.Config.Hostname}}');
  t.equal(await fromMachine(), hostname);
  t.equal(
    await busybox(['--rm', '--network', 'front'], 'wget', '-q', '-O', '-', 'http://web/hostname'),
    hostname,
  );
  // 10.0.2.2 is QEMU's own side of the machine's network card.
  t.match(await busybox(['--rm'], 'ping', '-c', '1', '-W', '10', '10.0.2.2'), /1 packets received/);
});

await t.test('the name server is no part of the engine, and answers without it', async t => {
  const hostname = await said('inspect', 'web', '--format', '{{.Config.Hostname}}');
  const group = await machine.root(
    'cat /proc/$(cat /run/system-docker/netavark/aardvark-dns/aardvark.pid)/cgroup',
  );
  // Told from inside the console's own group.
  t.match(group, /\/monitors$/m);
  const before = await pidOf();
  await machine.root(`kill -9 ${before}`);
  await machine.eventually('another life', async () =>
    [before, 'none\n'].includes(await pidOf()) ? undefined : true,
  );
  t.equal(await fromMachine(), hostname);
  t.equal(
    await busybox(['--rm', '--network', 'front'], 'wget', '-q', '-O', '-', 'http://web/hostname'),
    hostname,
  );
});

await t.test('nothing is left behind', async t => {
  await said('rm', '-f', 'web');
  await said('network', 'rm', 'front');
  t.notMatch(await machine.root('ls /sys/class/net'), /br-|docker-sys|veth/);
  t.equal((await machine.root('ls /run/system-docker/netavark/firewall/ports')).trim(), '');
  t.equal((await machine.root('ls /run/system-docker/netns')).trim(), '');
});
