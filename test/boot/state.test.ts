/** The partition that lasts: found, checked, mounted, kept over restarts and power cuts, and never guessed. */
import t from 'tap';
import { makeBlankDisk } from '../../src/build/vm/disk.ts';
import type { VmDisk } from '../../src/build/vm/hardware.ts';
import { type Artifacts, buildArtifacts, kernelMedium } from '../support/artifacts.ts';
import { BOOT_TEST_MS, type BootOptions, GENEROUS_MS, bootMachine } from '../support/boot.ts';
import type { TestMachine } from '../support/boot.ts';
import { checkExt4, isAllZeros, makeExt4Disk, readExt4Header } from '../support/disks.ts';

t.setTimeout(BOOT_TEST_MS);
const folder = t.testdir();
const KEY = 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub';

const plain = await buildArtifacts(
  `${folder}/plain`,
  `
name: state
kernel: { platforms: [virtio] }
services:
  - { name: udev, image: system-images/udev }
  - { name: network, image: system-images/network }
  - { name: console, image: system-images/console }
`,
  { formats: ['kernel+initrd'] },
);
const labelled = await makeExt4Disk(`${folder}/state.img`, 'SLIPWAY_STATE', 128);
let hostKey = '';

await t.test('a labelled disk is used, a blank one left alone; both survive a restart', async t => {
  const blank = await makeBlank('blank');
  await using machine = await bootMachine(await options(plain, [labelled, blank]));
  t.same((await machine.ready()).failed, []);
  t.match((await machine.says(/phase state .*/))[0], /\/dev\/vda, clean/, 'it was checked');
  const mount = (await machine.root("grep ' /state ' /proc/1/mounts")).trim().split(' ');
  t.same(mount.slice(0, 3), ['/dev/vda', '/state', 'ext4']);
  for (const word of ['rw', 'nosuid', 'nodev']) t.ok(mount[3]?.split(',').includes(word), word);
  hostKey = await machine.root(KEY);
  await machine.root('echo kept >/state/file');

  machine.vm.write('sudo reboot\n');
  await machine.eventually('the machine is ready again', async () =>
    machine.consoleText().split('[ready]').length === 3 ? true : undefined,
  );
  t.match(machine.consoleText(), /slipway: state is unmounted/);
  t.equal(await machine.root('cat /state/file'), 'kept\n');
  t.equal(await machine.root(KEY), hostKey, 'the same SSH host key');

  await machine.root('echo cut >/state/cut && sync /state/cut && mkdir /state/folder && sync -f /state');
  t.ok(await isAllZeros(blank.file), 'nothing was written to the blank disk');
  // The end of this scope takes the power away.
});

await t.test('after a power cut the journal is recovered; poweroff leaves the disk clean', async t => {
  t.match(await readExt4Header(labelled.file), /needs_recovery/, 'the disk was in use');
  await using machine = await bootMachine(await options(plain, [labelled]));
  await machine.ready();
  t.match((await machine.says(/phase state .*/))[0], /\/dev\/vda, journal recovered/);
  t.equal(
    await machine.root('cat /state/file /state/cut; ls -d /state/folder'),
    'kept\ncut\n/state/folder\n',
  );
  t.equal(await machine.root(KEY), hostKey, 'the same SSH host key');

  machine.vm.write('sudo poweroff\n');
  t.ok(await machine.vm.waitForExit(GENEROUS_MS), 'the machine is off');
  t.match(machine.consoleText(), /slipway: state is unmounted/);
  const header = await readExt4Header(labelled.file);
  t.match(header, /^Filesystem state:\s+clean$/m);
  t.notMatch(header, /needs_recovery/);
  const { exitCode, stdout } = await checkExt4(labelled.file);
  t.equal(exitCode, 0, stdout);
});

await t.test('a blank disk is formatted where the kernel line says so', async t => {
  const blank = await makeBlank('by-word');
  await expectFormatted(t, await options(plain, [blank], 'slipway.state.format=true'), blank);
});

await t.test('a blank disk is formatted where the manifest says so', async t => {
  const formatting = await buildArtifacts(
    `${folder}/formatting`,
    'name: formatting\nstate: { format: true }\nkernel: { platforms: [virtio] }\n',
    { formats: ['kernel+initrd'] },
  );
  const blank = await makeBlank('by-manifest');
  await expectFormatted(t, await options(formatting, [blank]), blank);
});

async function expectFormatted(t: Tap, boot: BootOptions, disk: VmDisk): Promise<void> {
  await using machine: TestMachine = await bootMachine(boot);
  t.pass((await machine.says(/slipway: formatting \/dev\/vda, which is blank, as state/))[0]);
  t.pass((await machine.says(/phase state .*: \/dev\/vda, formatted/))[0]);
  await machine.ready();
  t.ok(await machine.powerButton(), 'the machine is off');
  t.match(machine.consoleText(), /slipway: state is unmounted/);
  const header = await readExt4Header(disk.file);
  t.match(header, /^Filesystem volume name:\s+SLIPWAY_STATE$/m);
  t.match(header, /^Filesystem state:\s+clean$/m);
  t.equal((await checkExt4(disk.file)).exitCode, 0);
}

type Tap = Pick<typeof t, 'pass' | 'ok' | 'match' | 'equal'>;

async function makeBlank(name: string): Promise<VmDisk> {
  const file = `${folder}/${name}.img`;
  await makeBlankDisk(file, 64 * 1024 ** 2);
  return { file, format: 'raw' };
}

/** Started by its kernel, so that words can be added to the kernel line. */
async function options(artifacts: Artifacts, disks: readonly VmDisk[], words = ''): Promise<BootOptions> {
  return { boot: await kernelMedium(artifacts, words), disks, memoryMb: 320 };
}
