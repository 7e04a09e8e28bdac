/** The default machine from power-on to power-off: every service, ssh, Docker's client, kills, the end. */
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { makeBlankDisk } from '../../src/build/vm/disk.ts';
import { buildArtifacts } from '../support/artifacts.ts';
import { BOOT_TEST_MS, bootMachine } from '../support/boot.ts';

t.setTimeout(BOOT_TEST_MS);
const folder = t.testdir();
const manifest = await readFile('examples/default.yml', 'utf8');
const { iso = '' } = await buildArtifacts(folder, manifest);
const disk = `${folder}/state.img`;
await makeBlankDisk(disk, 256 * 1024 ** 2);

await using machine = await bootMachine({
  boot: { kind: 'cd', file: iso },
  disks: [{ file: disk, format: 'raw' }],
});
const ready = await machine.ready();
const names = ['console', 'network', 'ntp', 'syslog', 'udev'];

/** Process ids of services, a line each. */
async function pidsOf(...services: readonly string[]): Promise<string> {
  const inspected = JSON.parse(await machine.root(`system-docker inspect ${services.join(' ')}`)) as {
    Name: string;
    State: { Pid: number };
  }[];
  return inspected.map(({ Name, State }) => `${Name} ${State.Pid}\n`).join('');
}

t.same(ready.failed, [], 'nothing failed');
t.equal(ready.up, ready.total);

await t.test('ssh logs in with the key of the seed, sudo works, a password does not', async t => {
  const { stdout } = await machine.ssh('id -un; sudo id -un');
  t.equal(stdout, 'rancher\nroot\n');
  t.match(await machine.root('sshd -T'), /^passwordauthentication no$/m);
});

await t.test("Docker's own client lists every service of the manifest", async t => {
  const ps = await machine.docker('ps', '--format', '{{.Names}} {{.State}}');
  t.equal(ps.stderr, '');
  t.same(
    ps.stdout.trim().split('\n').sort(),
    names.map(name => `${name} running`),
  );
  const version = await machine.docker('version', '--format', '{{.Server.Version}}');
  t.equal(version.exitCode, 0, version.stderr);
  const info = await machine.docker('info', '--format', '{{.ContainersRunning}}');
  t.equal(info.stdout.trim(), String(names.length));
  const inspect = await machine.docker(
    'inspect',
    'ntp',
    '--format',
    '{{.State.Status}} {{.HostConfig.NetworkMode}}',
  );
  t.equal(inspect.stdout.trim(), 'running host');
});

await t.test('ros and system-docker know the services', async t => {
  t.match(await machine.root('ros -v'), /^version v/);
  const list = await machine.root('ros service list');
  for (const name of names) t.match(list, new RegExp(`^${name}\\s+services\\s+up\\b`, 'm'), name);
  t.match(await machine.root('ros boot'), /phase services/);
  t.match(await machine.root('system-docker exec ntp chronyd --version'), /chrony/);
});

await t.test('ros looks at one service, stops it and starts it', async t => {
  const status = await machine.root('ros service status console');
  t.match(status, /^Status: +up$/m);
  t.match(status, /^After: +state, config$/m);
  t.match(status, /^Up when: +port 22 on 127\.0\.0\.1$/m);
  t.equal(await machine.root('ros service stop ntp'), 'ntp is stopped\n');
  t.match(await machine.root('ros service list'), /^ntp +services +stopped\b/m);
  t.equal(await machine.root('ros service start ntp'), 'ntp is up\n');
  t.match(await machine.root('ros service logs console 2>&1'), /Server listening on/);
});

await t.test('a killed service runs again, and its log has both lives', async t => {
  const pidOf = async (): Promise<string> => (await pidsOf('syslog')).trim().split(' ')[1] ?? '';
  const before = await pidOf();
  await machine.root(`kill -9 ${before}`);
  const after = await machine.eventually('syslog runs again', async () => {
    const pid = await pidOf();
    return pid !== before && pid !== '0' ? pid : undefined;
  });
  t.not(after, before);
});

await t.test('system-docker killed 20 times comes back, and no container notices', async t => {
  const pids = (): Promise<string> => pidsOf(...names);
  const before = await pids();
  for (let round = 0; round < 20; round++) {
    // Waits for the next life by its pid file, so that each round kills another process.
    await machine.root(
      'old=$(cat /run/slipway/system-docker.pid); kill -9 $old; ' +
        'i=0; while [ "$(cat /run/slipway/system-docker.pid 2>/dev/null)" = "$old" ]; do ' +
        'sleep 0.2; i=$((i+1)); [ $i -lt 900 ] || exit 1; done',
    );
  }
  const after = await machine.eventually('system-docker answers', async () => pids().catch(() => undefined));
  t.equal(after, before);
  t.equal(machine.consoleText().split('[ready]').length, 2, 'the ready line was printed once');
});

await t.test('the power button ends services in reverse order and switches the machine off', async t => {
  t.ok(await machine.powerButton(), 'it is off');
  const stopped = [...machine.consoleText().matchAll(/^stopped (\S+),/gm)].map(([, name]) => name);
  t.same([...stopped].sort(), names, 'every service was stopped in order');
  t.ok(stopped.indexOf('network') < stopped.indexOf('udev'), 'network, which needs udev, ends before it');
});
