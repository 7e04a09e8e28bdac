/** Files of containers on a real machine: volumes on state and in memory, cp, an image made of a container; all over a restart. */
import t from 'tap';
import { buildArtifacts, kernelMedium } from '../support/artifacts.ts';
import { BOOT_TEST_MS, bootMachine } from '../support/boot.ts';
import { makeExt4Disk } from '../support/disks.ts';

t.setTimeout(BOOT_TEST_MS);
const folder = t.testdir();
const artifacts = await buildArtifacts(
  folder,
  `
name: files
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

/** The console's image, which has a shell and the usual programs. */
const image = (await machine.docker('inspect', '--format', '{{.Image}}', 'console')).stdout.trim();

/** Makes and starts a container that runs a script; answers what docker said. */
const start = async (
  name: string,
  options: readonly string[],
  text: string,
  from = image,
): Promise<string> => {
  const made = await machine.docker(
    'create',
    '--network',
    'none',
    '--name',
    name,
    ...options,
    from,
    'sh',
    '-c',
    text,
  );
  const started = await machine.docker('start', name);
  return made.stderr + started.stderr;
};
/** The same to its end; answers what it wrote. */
const prints = async (options: readonly string[], text: string, from = image): Promise<string> => {
  const said = await start('prints', options, text, from);
  await machine.docker('wait', 'prints');
  const { stdout, stderr } = await machine.docker('logs', 'prints');
  await machine.docker('rm', '-v', 'prints');
  return said + stdout + stderr;
};

await t.test('a volume lies on state, and gets what the image has', async t => {
  t.equal(await prints(['-v', 'kept:/data'], 'echo kept >/data/file; sync'), '');
  t.equal(await machine.root('cat /state/system-docker/volumes/kept/_data/file'), 'kept\n');
  t.equal(await prints(['-v', 'accounts:/etc'], 'head -n 1 /etc/passwd | cut -d: -f1'), 'root\n');
  t.equal(
    await machine.root('ls /state/system-docker/volumes/accounts/_data/passwd'),
    '/state/system-docker/volumes/accounts/_data/passwd\n',
  );
});

await t.test('options are mounted for as long as a container runs', async t => {
  await machine.docker(
    'volume',
    'create',
    '-o',
    'type=tmpfs',
    '-o',
    'device=tmpfs',
    '-o',
    'o=size=1m',
    'ram',
  );
  t.equal(
    await start('ram', ['-v', 'ram:/ram'], 'dd if=/dev/zero of=/ram/x bs=1M count=2; exec sleep 100000'),
    '',
  );
  t.match(await machine.root('grep /volumes/ram/_data /proc/1/mounts'), /^tmpfs .* tmpfs .*size=1024k/);
  t.match(await machine.docker('exec', 'ram', 'stat', '-c', '%s', '/ram/x'), { stdout: '1048576\n' });
  await machine.docker('rm', '-f', 'ram');
  t.equal(await machine.root('grep -c /volumes/ram/_data /proc/1/mounts || true'), '0\n');
});

await t.test('cp, diff and export', async t => {
  t.equal(await start('live', ['-v', 'kept:/data'], 'exec sleep 100000'), '');
  await machine.root('mkdir -p /tmp/in/sub; echo in >/tmp/in/sub/file; chown 7:8 /tmp/in/sub/file');
  t.equal(await machine.root('cd /tmp && tar c in | system-docker cp - live:/etc && echo done'), 'done\n');
  t.match(await machine.docker('exec', 'live', 'stat', '-c', '%u %g', '/etc/in/sub/file'), {
    stdout: '7 8\n',
  });
  t.equal(await machine.root('system-docker cp live:/data/file - | tar xO'), 'kept\n');
  t.match(await machine.docker('diff', 'live'), {
    stdout: /^A \/data\nC \/etc\nA \/etc\/in\nA \/etc\/in\/sub\nA \/etc\/in\/sub\/file\n$/,
  });
  t.match(await machine.root('system-docker export live | tar t | grep etc/in'), /^etc\/in\/sub\/file$/m);
});

await t.test('an image made of a container runs, and hides what was deleted', async t => {
  const script =
    'rm -r /etc/ssh; mkdir -p /opt/new; echo made >/opt/new/file; mkdir -p /var/log; rm -r /var/log; mkdir /var/log; touch /var/log/fresh';
  t.equal(await start('source', [], script), '');
  await machine.docker('wait', 'source');
  const { stdout, stderr } = await machine.docker(
    'commit',
    '-c',
    'CMD ["cat", "/opt/new/file"]',
    'source',
    'made:1',
  );
  t.match(stdout, /^sha256:[0-9a-f]{64}\n$/, stderr);
  t.equal(
    await prints([], 'cat /opt/new/file; ls -A /var/log; ls /etc/ssh 2>&1 | wc -l', 'made:1'),
    'made\nfresh\n1\n',
  );
  await machine.docker('rm', 'source');
});

await t.test('all of it is there after a restart, and nothing is mounted that nobody uses', async t => {
  machine.vm.write('sudo reboot\n');
  await machine.eventually('the machine is ready again', async () =>
    machine.consoleText().split('[ready]').length === 3 ? true : undefined,
  );
  t.match((await machine.docker('volume', 'ls', '-q')).stdout, /^accounts\nkept\nram\n$/);
  t.match(await machine.docker('start', 'live'), { exitCode: 0 });
  t.match(await machine.docker('exec', 'live', 'cat', '/data/file', '/etc/in/sub/file'), {
    stdout: 'kept\nin\n',
  });
  t.equal(await prints([], 'cat /opt/new/file', 'made:1'), 'made\n');
  await machine.docker('rm', '-f', 'live');
  t.equal(await machine.root("grep -cE '/(_data|views/[^ ]*) ' /proc/1/mounts || true"), '0\n');
});
