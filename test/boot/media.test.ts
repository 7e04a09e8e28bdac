/** One default ISO on every medium and firmware it is made for, and the same system as kernel and initrd. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { buildArtifacts, kernelMedium, slipway } from '../support/artifacts.ts';
import {
  BOOT_TEST_MS,
  type BootOptions,
  GENEROUS_MS,
  type TestMachine,
  bootMachine,
} from '../support/boot.ts';

t.setTimeout(BOOT_TEST_MS);
const folder = t.testdir();
const artifacts = await buildArtifacts(folder, await readFile('examples/default.yml', 'utf8'), {
  formats: ['iso', 'kernel+initrd'],
});
const { iso = '' } = artifacts;

/** What the kernel says of how it was started. */
const LOOK = `
  [ -d /sys/firmware/efi ] && echo firmware uefi || echo firmware bios
  while read -r device place type _; do
    [ "$place" = /run/slipway/medium ] && echo medium "$device" "$type"
  done </proc/1/mounts
  busybox dmesg | grep -iE 'secure ?boot|lockdown|locked down'
  uname -r
`;

async function allReady(t: Test, machine: TestMachine): Promise<string> {
  const { up, total, failed } = await machine.ready();
  t.same(failed, [], 'nothing failed');
  t.equal(up, total, 'every service is up');
  t.ok(total >= 5);
  return machine.root(LOOK);
}

/** Boots, waits until all is up, and ends the machine: how it ends by itself is shown elsewhere. */
async function bootsTo(t: Test, options: BootOptions, ...expected: RegExp[]): Promise<string> {
  await using machine = await bootMachine({ cpus: 1, ...options });
  const seen = await allReady(t, machine);
  for (const pattern of expected) t.match(seen, pattern);
  return seen;
}

const CD = /^medium \/dev\/sr0 iso9660$/m;
const STICK = /^medium \/dev\/sd[a-z]\d* iso9660$/m;
const LOCKED_DOWN = /secure ?boot enabled|kernel is locked down from EFI secure boot/i;

t.test('CD, BIOS, by slipway run', async t => {
  const args = ['run', iso, '--headless', '--memory', '512', '--until', 'ready', '--timeout'];
  const { exitCode, stdout, stderr } = await slipway([...args, String(GENEROUS_MS / 1000)]);
  t.equal(exitCode, 0, `all is up; ${stderr}`);
  t.match(stdout, /\[ready\] slipway \S+ services=5\/5 failed= uptime=/);
  t.notMatch(stderr, /ended by force/, 'the machine switched itself off');

  const late = await slipway([...args, '1']);
  t.equal(late.exitCode, 1, 'it is not ready in time');
  t.match(late.stderr, /not ready/);
});

t.test('CD, UEFI', async t => {
  const options: BootOptions = { boot: { kind: 'cd', file: iso }, firmware: 'uefi' };
  const seen = await bootsTo(t, options, /^firmware uefi$/m, CD);
  t.notMatch(seen, LOCKED_DOWN, 'Secure Boot is off');
});

t.test('CD, UEFI with Secure Boot: only what is signed runs', async t => {
  const options: BootOptions = { boot: { kind: 'cd', file: iso }, firmware: 'secure-boot' };
  const enabled = /secure boot enabled/i;
  await bootsTo(t, options, /^firmware uefi$/m, CD, enabled, /kernel is locked down from EFI secure boot/i);
});

t.test('USB stick, BIOS', async t => {
  await bootsTo(t, { boot: { kind: 'usb', file: iso } }, /^firmware bios$/m, STICK);
});

t.test('USB stick, UEFI', async t => {
  await bootsTo(t, { boot: { kind: 'usb', file: iso }, firmware: 'uefi' }, /^firmware uefi$/m, STICK);
});

t.test('the menu entry "run from memory" needs the medium no longer', async t => {
  await using machine = await bootMachine({ boot: { kind: 'cd', file: iso }, memoryMb: 768 });
  // The first key stops the menu's countdown of one second. Home changes nothing however often it comes.
  const home = setInterval(() => machine.vm.write('\x1b[H'), 200);
  try {
    await machine.says(/run from memory/);
  } finally {
    clearInterval(home);
  }
  machine.vm.write('\x1b[B\r');
  const seen = await allReady(t, machine);
  t.notMatch(seen, /^medium/m, 'nothing is mounted from the CD');
  await machine.vm.qmp.execute('eject', { device: 'cd', force: true });
  // Programs and files that nothing has read so far.
  t.match(await machine.root('echo 3 >/proc/sys/vm/drop_caches; ros -v'), /v/);
});

t.test('kernel and initrd, without any medium', async t => {
  const seen = await bootsTo(t, { boot: await kernelMedium(artifacts), memoryMb: 768 });
  t.notMatch(seen, /^medium/m);
});

t.test('slipway run builds a manifest, and ends with 2 when a service of it fails', async t => {
  const project = `${folder}/failing`;
  await mkdir(project);
  await writeFile(
    `${project}/slipway.yml`,
    `name: failing
kernel: { platforms: [virtio] }
onboot:
  - { name: broken, image: ntp, command: [/usr/sbin/no-such-program] }
services:
  - { name: ntp, image: ntp }
`,
  );
  const args = ['run', '--headless', '--until', 'ready', '--timeout', String(GENEROUS_MS / 1000)];
  const { exitCode, stdout, stderr } = await slipway(args, { cwd: project });
  t.equal(exitCode, 2, stderr);
  t.match(stdout, /\[ready\] failing \S+ services=1\/2 failed=broken uptime=/);
  t.match(stderr, /services that failed: broken/);
});
