/** What a container is given on a real machine: limits, devices, system calls, runtimes, an init process. */
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { makeBlankDisk } from '../../src/build/vm/disk.ts';
import { buildArtifacts } from '../support/artifacts.ts';
import { BOOT_TEST_MS, bootMachine } from '../support/boot.ts';

t.setTimeout(BOOT_TEST_MS);
const folder = t.testdir();
const manifest = await readFile('examples/default.yml', 'utf8');
const { iso = '' } = await buildArtifacts(folder, `${manifest}\nengine:\n  runtimes: [crun, runc]\n`);
const disk = `${folder}/spare.img`;
await makeBlankDisk(disk, 64 * 1024 ** 2);

await using machine = await bootMachine({
  boot: { kind: 'cd', file: iso },
  disks: [{ file: disk, format: 'raw' }],
  memoryMb: 768,
});
t.same((await machine.ready()).failed, [], 'nothing failed');

/** Docker's words on the machine itself; what they print. */
const system = async (...words: readonly string[]): Promise<string> => {
  const { stdout, stderr, exitCode } = await machine.systemDocker(...words);
  t.equal(exitCode, 0, `${words.join(' ')}: ${stderr}`);
  return stdout;
};

/** The console's image, which has a shell and the usual programs. */
const image = (await system('inspect', '--format', '{{.Image}}', 'console')).trim();
const sleeper = async (...options: readonly string[]): Promise<string> => {
  const made = await system('run', '-d', '--network', 'none', ...options, image, 'sleep', '100000');
  return made.trim();
};
/** Runs a script in a container of its own to its end; answers what it wrote and its exit code. */
const script = async (options: readonly string[], text: string): Promise<string> => {
  const words = ['run', '--rm', '--network', 'none', ...options, image, 'sh', '-c', text];
  const { stdout, stderr, exitCode } = await machine.systemDocker(...words);
  return `${stdout}${stderr}exit ${exitCode}\n`;
};
const cgroupFile = async (id: string, ...names: readonly string[]): Promise<string[]> =>
  (await machine.root(`cd /sys/fs/cgroup/user/${id} && tail -n +1 -q ${names.join(' ')}`)).trim().split('\n');

await t.test("the kernel's news are in its log, not where people type", async t => {
  t.match(await machine.root('cat /proc/sys/kernel/printk'), /^5\s/);
});

await t.test('as many open files as a database asks for', async t => {
  t.equal(await script([], 'ulimit -Sn; ulimit -Hn'), '1024\n1048576\nexit 0\n');
});

await t.test('limits are those of the cgroup, and an update changes them', async t => {
  const device = (
    await machine.root('for d in /dev/vda /dev/sda; do [ -b $d ] && echo $d; done | head -n 1')
  ).trim();
  const id = await sleeper(
    ...['--name', 'limited', '--memory', '64m', '--memory-swap', '96m', '--memory-reservation', '32m'],
    ...['--cpus', '0.5', '--cpu-shares', '512', '--cpuset-cpus', '0', '--pids-limit', '30'],
    ...['--device-read-bps', `${device}:1mb`, '--device-write-iops', `${device}:50`],
  );
  t.same(
    await cgroupFile(id, 'memory.max', 'memory.swap.max', 'memory.low', 'cpu.max', 'cpuset.cpus', 'pids.max'),
    ['67108864', '33554432', '33554432', '50000 100000', '0', '30'],
  );
  t.not((await cgroupFile(id, 'cpu.weight'))[0], '100');
  t.match((await cgroupFile(id, 'io.max'))[0], /rbps=1048576 wbps=max riops=max wiops=50/);
  const change = ['--memory', '80m', '--memory-swap', '120m', '--pids-limit', '40', '--cpus', '0.25'];
  await system('update', ...change, 'limited');
  t.same(await cgroupFile(id, 'memory.max', 'memory.swap.max', 'cpu.max', 'pids.max'), [
    '83886080',
    '41943040',
    '25000 100000',
    '40',
  ]);
  t.match(
    await system('stats', '--no-stream', '--format', '{{.MemUsage}} {{.PIDs}}', 'limited'),
    / \/ 80MiB 1\n$/,
  );
  t.match(
    await system('inspect', '--format', '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}', 'limited'),
    '83886080 40',
  );
  await system('rm', '-f', 'limited');
  t.equal(await machine.root(`ls /sys/fs/cgroup/user | grep -c ${id} || true`), '0\n', 'its cgroup is gone');
});

await t.test('one that eats too much is ended, and that is said', async t => {
  const limits = ['--memory', '16m', '--memory-swap', '16m', '--name', 'glutton'];
  await system('run', '-d', '--network', 'none', ...limits, image, 'tail', '/dev/zero');
  t.match(await system('wait', 'glutton'), '137');
  t.match(await system('inspect', '--format', '{{.State.OOMKilled}}', 'glutton'), 'true');
  await system('rm', 'glutton');
});

await t.test('devices: only those that are asked for', async t => {
  const open = 'mknod /root/c c 10 237 && { exec 3</root/c && echo opened || echo refused; }';
  t.match(await script([], open), /Operation not permitted|refused/);
  t.match(await script(['--device-cgroup-rule', 'c 10:237 rwm'], open), /^opened$/m);
  t.match(
    await script(['--device', '/dev/loop-control:/dev/ask:r'], 'exec 3</dev/ask && echo opened'),
    /^opened$/m,
  );
  t.match(
    await script(['--privileged'], 'ls -l /dev/loop-control; mount -t tmpfs x /mnt && echo mounted'),
    /^mounted$/m,
  );
});

await t.test(
  'system calls: services and containers are filtered, those with every right are not',
  async t => {
    const filterOf = async (name: string): Promise<string> =>
      machine.root(
        `grep Seccomp: /proc/$(system-docker inspect -f '{{.State.Pid}}' ${name})/status | tr -dc 0-9`,
      );
    t.equal(await filterOf('ntp'), '2');
    t.match(
      await script([], 'unshare -U true || echo refused; mount -t tmpfs x /mnt || echo refused'),
      /refused[\s\S]*refused/,
    );
    t.match(
      await script(['--security-opt', 'seccomp=unconfined'], 'grep Seccomp: /proc/self/status'),
      /Seccomp:\s+0/,
    );
    t.match(
      await script(['--privileged'], 'grep -E "Seccomp:|CapBnd" /proc/self/status'),
      /CapBnd:\s+000001ffffffffff[\s\S]*Seccomp:\s+0/,
    );
  },
);

await t.test('runc runs containers as well, and an init process stands before the program', async t => {
  t.match(
    await script(
      ['--runtime', 'runc', '--init', '--memory', '64m'],
      'tr "\\0" " " </proc/1/cmdline; echo; id -u',
    ),
    /^\/sbin\/docker-init -- sh -c .*\n0\nexit 0/,
  );
  const id = await sleeper('--runtime', 'runc', '--name', 'other');
  t.match(await system('exec', 'other', 'cat', '/proc/1/comm'), 'sleep\n');
  t.match(await system('pause', 'other'), 'other\n');
  t.match(await cgroupFile(id, 'cgroup.freeze'), ['1']);
  t.match(await system('unpause', 'other'), 'other\n');
  await machine.root('kill -9 $(cat /run/slipway/system-docker.pid)');
  await machine.eventually('the next engine', async () => {
    const words = ['inspect', '--format', '{{.State.Status}} {{.HostConfig.Runtime}}', 'other'];
    const { stdout } = await machine.systemDocker(...words);
    return stdout.trim() === 'running runc' ? true : undefined;
  });
  await system('rm', '-f', 'other');
});

t.ok(await machine.powerButton(), 'it is off');
