/** The service model on a machine: readiness, failures, retries, give-up, pods, limits, labels of RancherOS, the end. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { makeBlankDisk } from '../../src/build/vm/disk.ts';
import { buildArtifacts } from '../support/artifacts.ts';
import { BOOT_TEST_MS, bootMachine } from '../support/boot.ts';

t.setTimeout(BOOT_TEST_MS);
const folder = t.testdir();
const project = join(folder, 'project');
await mkdir(join(project, 'tool/rootfs/usr/sbin'), { recursive: true });
await writeFile(
  join(project, 'tool/image.yml'),
  'description: A shell, and Perl for sd_notify\npackages: [busybox-static, perl-base]\n',
);
await writeFile(
  join(project, 'tool/rootfs/usr/sbin/say-ready'),
  `#!/usr/bin/perl
use Socket;
socket(my $socket, PF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
defined send($socket, "READY=1\\nSTATUS=serving", 0, sockaddr_un($ENV{NOTIFY_SOCKET})) or die "send: $!";
`,
  { mode: 0o755 },
);

const { iso = '' } = await buildArtifacts(
  project,
  `name: supervisor
kernel: { platforms: [virtio] }
state: { format: true }
onboot:
  - { name: first, image: ./tool, command: [/bin/sh, -c, "echo first; exit 0"] }
services:
  - { name: udev, image: udev }
  - { name: network, image: network }
  - { name: console, image: console }
  - name: speaker
    image: ./tool
    user: '1000:1000'
    command: [/bin/sh, -c, "sleep 2; say-ready && exec sleep 1000000"]
    ready: notify
  - name: after-speaker
    image: ./tool
    command: [/bin/sh, -c, "echo after; exec sleep 1000000"]
    after: [speaker]
  - name: late
    image: ./tool
    command: [/bin/sh, -c, "while [ ! -e /run/let-late-go ]; do sleep 1; done; touch /tmp/up; exec sleep 1000000"]
    binds: ['/run:/run']
    tmpfs: [/tmp]
    ready: { file: /tmp/up, interval: 200ms }
    timeout: 5s
  - name: flaky
    image: ./tool
    command: [/bin/sh, -c, "echo one more life; exit 7"]
    restart: { policy: always, delay: 50ms, max_delay: 100ms, retries: 3 }
  - name: looping
    image: ./tool
    command: [/bin/sh, -c, exit 9]
    timeout: 5s
  - name: online
    image: ./tool
    command: [/bin/sh, -c, "{ busybox ip route; busybox ip -6 route; } | busybox grep default; exec sleep 1000000"]
    after: [network]
    net: host
  - name: stubborn
    image: ./tool
    command: [/bin/sh, -c, "mkdir /run/try-1 2>/dev/null && exit 1; mkdir /run/try-2 2>/dev/null && exit 1; exit 0"]
    binds: ['/run:/run']
    ready: exit
    on_failure: retry
  - name: owner
    image: ./tool
    net: new
    command: [/bin/busybox, nc, -ll, -p, '8080', -e, /bin/busybox, cat]
    ready: { tcp: 8080, interval: 200ms }
  - name: member
    image: ./tool
    pod: owner
    command: [/bin/sh, -c, "while :; do echo hello | busybox nc -w 2 127.0.0.1 8080; sleep 1; done"]
  - name: limited
    image: ./tool
    command: [/bin/sh, -c, exec sleep 1000000]
    limits: { memory: 16M, swap: 0B, cpus: 0.5, pids: 20 }
    stop: { signal: INT, grace: 2s }
  - name: job
    image: ./tool
    command: [/bin/sh, -c, "echo done; exit 0"]
    labels: { io.rancher.os.detach: 'false', io.rancher.os.after: speaker }
  - name: by-hand
    image: ./tool
    command: [/bin/sh, -c, exec sleep 1000000]
    labels: { io.rancher.os.createonly: 'true' }
onshutdown:
  - name: farewell
    image: ./tool
    privileged: true
    binds: ['/dev:/dev']
    command: [/bin/sh, -c, "echo farewell has run >/dev/console"]
`,
);
const disk = `${folder}/state.img`;
await makeBlankDisk(disk, 256 * 1024 ** 2);

await using machine = await bootMachine({
  boot: { kind: 'cd', file: iso },
  disks: [{ file: disk, format: 'raw' }],
});
const ready = await machine.ready();
// A program that ends at once takes its time to do so on a slow machine: then it is found out after the ready line.
const failed = ready.failed.toSorted();
t.same(
  failed.filter(name => name !== 'looping'),
  ['flaky', 'late'],
  'these alone failed',
);
t.equal(ready.up, ready.total - failed.length);
t.equal(ready.total, 15, 'one that only a person starts is not counted');

interface View {
  readonly status: string;
  readonly detail: string;
  readonly restarts: number;
  readonly startedAt?: number;
  readonly upAt?: number;
}
const view = async (name: string): Promise<View> =>
  JSON.parse(await machine.root(`ros service status ${name} --json`)) as View;
const pidOf = async (name: string): Promise<string> =>
  (await machine.root(`system-docker inspect --format '{{.State.Pid}}' ${name}`)).trim();

await t.test('readiness by notify holds up those after it, also from an ordinary user', async t => {
  t.match(await view('speaker'), { status: 'up' });
  t.ok(((await view('after-speaker')).startedAt ?? 0) >= ((await view('speaker')).upAt ?? Infinity));
  t.match(await view('job'), { status: 'done' });
  t.match(await machine.root('ros service status speaker'), /^Up when: +its own message$/m);
});

await t.test('who comes after the network finds one', async t => {
  t.match(await machine.root('ros service logs online'), /^default via /m);
});

await t.test('failures are said on the console, and that they are over', async t => {
  await machine.says(/looping failed: /);
  const said = machine.consoleText();
  t.match(said, /slipway: flaky failed: ended too often, the last time with exit code 7/);
  t.match(said, /slipway: late failed: not ready within 5 s \(waiting for the file \/tmp\/up\)/);
  t.match(
    said,
    /looping failed: not ready within 5 s \(waiting for its process to stay up\): it ended (\d+ times, the last time )?with exit code 9, see "system-docker logs looping"/,
  );
  t.match(await view('flaky'), { status: 'failed', restarts: 3 });
  t.equal((await machine.root('ros service logs flaky')).split('one more life').length, 5, 'four lives');
  await machine.root('touch /run/let-late-go');
  await machine.says(/slipway: late is up after all/);
  t.match(await view('late'), { status: 'up' });
});

await t.test('on_failure: retry makes the container anew until it is done', async t => {
  t.match(await view('stubborn'), { status: 'done' });
  t.match(machine.consoleText(), /slipway: stubborn failed: exit code 1/);
});

await t.test('limits are those of the control group', async t => {
  const group = '/sys/fs/cgroup/slipway/services/limited';
  const files = ['memory.max', 'cpu.max', 'pids.max'].map(name => `${group}/${name}`).join(' ');
  t.equal(await machine.root(`cat ${files}`), '16777216\n50000 100000\n20\n');
});

await t.test('a pod shares a network of its own, also after its owner was killed', async t => {
  const namespaces = async (): Promise<string[]> => {
    const [owner, member] = [await pidOf('owner'), await pidOf('member')];
    const script = `readlink /proc/${owner}/ns/net; readlink /proc/${member}/ns/net`;
    return (await machine.root(script)).trim().split('\n');
  };
  const [before = '', same] = await namespaces();
  t.equal(same, before);
  t.not(before, (await machine.root('readlink /proc/1/ns/net')).trim());
  await machine.root(`kill -9 ${await pidOf('owner')}`);
  await machine.eventually('the pod to be whole again', async () => {
    const [owner, member] = await namespaces().catch(() => []);
    return (owner !== undefined && owner === member && owner !== before) || undefined;
  });
});

await t.test('ros starts, stops and restarts services', async t => {
  t.match(await view('by-hand'), { status: 'stopped', detail: 'is started by hand' });
  t.equal(await machine.root('ros service start by-hand'), 'by-hand is up\n');
  t.equal(await machine.root('ros service stop limited'), 'limited is stopped\n');
  t.match(await machine.root('ros service list'), /^limited +services +stopped .* on request$/m);
  const old = await machine.root('cat /run/slipway/system-docker.pid');
  await machine.root(`kill -9 ${old}`);
  await machine.eventually('another life', async () => {
    const pid = await machine.root('cat /run/slipway/system-docker.pid 2>/dev/null || true');
    return (pid !== old && pid !== '') || undefined;
  });
  t.match(await view('limited'), { status: 'stopped' }, 'what was stopped stays so');
  t.match(await view('by-hand'), { status: 'up' });
  t.equal(await machine.root('ros service restart limited'), 'limited is up\n');
  const wrong = await machine.ssh('sudo ros service start nobody');
  t.equal(wrong.exitCode, 1);
  t.match(wrong.stderr, /there is no service "nobody" \(SERVICE_NOT_FOUND\)/);
});

await t.test('state in the console is nosuid and nodev as on the machine', async t => {
  const options = (await machine.root("grep ' /state ' /proc/mounts")).split(' ')[3] ?? '';
  t.ok(options.split(',').includes('nosuid'), options);
  t.ok(options.split(',').includes('nodev'), options);
});

await t.test('the end: reverse order, each within its grace, then onshutdown', async t => {
  t.ok(await machine.powerButton(), 'it is off');
  const text = machine.consoleText();
  const stopped = [...text.matchAll(/^stopped (\S+), ([\d.]+)s/gm)].map(([, name = '']) => name);
  t.ok(stopped.indexOf('member') < stopped.indexOf('owner'), 'a member of a pod before its owner');
  t.ok(stopped.indexOf('after-speaker') < stopped.indexOf('speaker'));
  t.match(text, /farewell has run/);
  t.ok(text.lastIndexOf('stopped ') < text.indexOf('farewell has run'), 'after all others');
});
