/** The pack stage with the real, locked tools, and its media in the locked QEMU as far as the menu. */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { hashFile } from '../../src/build/pack/checksums.ts';
import { packInitrd } from '../../src/build/pack/initrd.ts';
import { packIso } from '../../src/build/pack/iso.ts';
import { packSquashfs } from '../../src/build/pack/squashfs.ts';
import { packVerity } from '../../src/build/pack/verity.ts';
import { makeExt4 } from '../../src/build/tools/mkfs-ext4.ts';
import { readFatFile } from '../../src/build/tools/mtools.ts';
import { LOADER_PACKAGES, PACK_TOOLS, VM_TOOLS } from '../../src/build/tools/packages.ts';
import { readPartitionTable } from '../../src/build/tools/sfdisk.ts';
import { openToolbox } from '../../src/build/tools/toolbox.ts';
import { verifyVerityTree } from '../../src/build/tools/veritysetup.ts';
import { ESP_TYPE, describeIso } from '../../src/build/tools/xorriso.ts';
import { Tree } from '../../src/build/tree/tree.ts';
import { makeBlankDisk } from '../../src/build/vm/disk.ts';
import type { BootMedium, Firmware } from '../../src/build/vm/hardware.ts';
import { startVm } from '../../src/build/vm/machine.ts';
import { runProof } from '../../src/build/vm/prove-acceleration.ts';
import { formatSeed, makeSeedDisk } from '../../src/build/vm/seed.ts';
import { hostArch } from '../../src/shared/arch.ts';
import { unpackPackageSets } from '../support/locked-tools.ts';

const EPOCH = 1_700_000_000;
const BUILD_ID = 'b0123456789abcde';
const isoFolder = join(import.meta.dirname, '../../iso');

const arch = hostArch(process.arch);
if (!arch) throw new Error(`no tools for ${process.arch}`);
const [packRoot = '', vmRoot = '', loaders = '', loadersArm64 = ''] = await unpackPackageSets([
  { arch, set: PACK_TOOLS },
  { arch, set: VM_TOOLS.amd64 },
  { arch: 'amd64', set: LOADER_PACKAGES.amd64 },
  { arch: 'arm64', set: LOADER_PACKAGES.arm64 },
]);
const toolbox = openToolbox({ root: packRoot, epoch: EPOCH, arch });
const vmTools = openToolbox({ root: vmRoot, epoch: EPOCH, arch });

/** A tree with everything a file system can hold. */
function sampleTree(): Tree {
  const tree = new Tree(EPOCH);
  const common = { mode: 0o600, uid: 0, gid: 0, mtime: EPOCH - 5 };
  tree.file('usr/bin/ping', 'program'.repeat(5000), {
    mode: 0o755,
    xattrs: new Map([
      ['security.capability', Buffer.from('0100000200200000000000000000000000000080', 'hex')],
    ]),
  });
  tree.file('etc/ünï.txt', 'text', { uid: 1100, gid: 100, mode: 0o640 });
  tree.put({ ...common, kind: 'char-device', path: 'dev/null', mode: 0o666, major: 1, minor: 3 });
  tree.put({ ...common, kind: 'hardlink', path: 'usr/bin/ping4', target: 'usr/bin/ping', mode: 0o755 });
  tree.symlink('bin', 'usr/bin');
  // Does not compress, so that there are blocks and a hash tree over them.
  const noise = Array.from({ length: 20_000 }, (_, index) =>
    createHash('sha256').update(String(index)).digest(),
  );
  tree.file('usr/noise', Buffer.concat(noise));
  return tree;
}

interface Media {
  readonly iso: string;
  readonly bare: string;
  readonly record: Awaited<ReturnType<typeof packVerity>>;
  readonly core: string;
}

async function packMedia(folder: string, target: 'amd64' | 'arm64' = 'amd64'): Promise<Media> {
  mkdirSync(folder, { recursive: true });
  const paths = {
    bare: join(folder, 'core.bare'),
    core: join(folder, 'core.sqfs'),
    initrd: join(folder, 'initrd'),
    kernel: join(folder, 'vmlinuz'),
    iso: join(folder, 'demo.iso'),
  };
  const initrd = new Tree(EPOCH);
  initrd.file('init', '#!/bin/sh\n', { mode: 0o755 });
  await packInitrd({ segments: [{ tree: initrd, compression: 'zstd' }], output: paths.initrd });
  await packSquashfs(toolbox, sampleTree(), { compression: 'zstd', output: paths.bare });
  const record = await packVerity(toolbox, {
    ...{ name: 'core', required: true, input: paths.bare, output: paths.core },
  });
  writeFileSync(paths.kernel, 'not a kernel');
  await packIso(toolbox, {
    ...{ arch: target, buildId: BUILD_ID, title: 'demo 1.0', volumeId: 'DEMO_1_0' },
    ...{ commandLine: 'console=ttyS0', kernel: paths.kernel, initrd: paths.initrd, buildRecord: '{}\n' },
    ...{ fileSystems: [{ name: 'core', file: paths.core }], isoFolder, output: paths.iso },
    loaders: target === 'amd64' ? loaders : loadersArm64,
  });
  return { ...paths, record };
}

/** Runs `body` in circumstances that must not matter. */
async function elsewhere<T>(t: Test, body: () => Promise<T>): Promise<T> {
  const { TZ, LC_ALL, HOME } = process.env;
  const home = t.testdir({ '.mtoolsrc': 'mtools_lower_case=1\n', '.xorrisorc': '-volid EVIL\n' });
  const mask = process.umask(0o077);
  Object.assign(process.env, { TZ: 'Pacific/Kiritimati', LC_ALL: 'tr_TR.UTF-8', HOME: home });
  try {
    return await body();
  } finally {
    process.umask(mask);
    for (const [name, value] of Object.entries({ TZ, LC_ALL, HOME })) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  }
}

t.setTimeout(600_000);
const work = t.testdir({});
const media = await packMedia(join(work, 'first'));

t.test('two builds in other circumstances give the same bytes', async t => {
  const again = await elsewhere(t, () => packMedia(join(work, 'elsewhere/a folder, with=signs')));
  t.same(await hashFile(again.iso), await hashFile(media.iso));
  t.same(again.record, media.record);
  t.same(readdirSync(join(work, 'first')).sort(), [
    ...['core.bare', 'core.sqfs', 'demo.iso', 'initrd', 'vmlinuz'],
  ]);
});

t.test('the squashfs keeps owners, devices, links, times and attributes', async t => {
  const { stdout } = await toolbox.run('unsquashfs', ['-lln', '-full-precision', media.bare]);
  t.match(stdout, /drwxr-xr-x 0\/0 +\d+ 2023-11-14 22:13:20 squashfs-root\n/);
  t.match(stdout, /-rw-r----- 1100\/100 +4 2023-11-14 22:13:20 squashfs-root\/etc\/ünï\.txt/);
  t.match(stdout, /crw-rw-rw- 0\/0 +1, +3 2023-11-14 22:13:15 squashfs-root\/dev\/null/);
  t.match(stdout, /squashfs-root\/bin -> usr\/bin/);
  const { stdout: dump } = await toolbox.run('unsquashfs', ['-stat', media.bare]);
  t.match(dump, /Number of inodes 10\n/, 'ping and ping4 are one inode');
  t.match(dump, /Number of xattr ids 1\n/);
});

t.test('a byte that flips anywhere in data or hash tree is found', async t => {
  await verifyVerityTree(toolbox, media.core, media.record);
  t.equal(media.record.sizeBytes % 4096, 0);
  const bytes = readFileSync(media.core);
  const copy = join(work, 'flipped');
  const hashArea = media.record.dataBlocks * 4096 + 4096;
  for (const place of [0, 5000, media.record.dataBlocks * 4096 - 1, hashArea + 10]) {
    const flipped = Buffer.from(bytes);
    flipped[place] = (flipped[place] ?? 0) ^ 1;
    writeFileSync(copy, flipped);
    await t.rejects(
      verifyVerityTree(toolbox, copy, media.record),
      { code: 'VERITY_MISMATCH' },
      `byte ${place}`,
    );
  }
});

t.test('the ISO has loaders for BIOS and UEFI, as CD and as disk', async t => {
  const report = await describeIso(toolbox, media.iso);
  t.match(report, /El Torito boot img : +1 +BIOS +y/);
  t.match(report, /El Torito boot img : +2 +UEFI +y/);
  t.match(
    report,
    /El Torito images .*\/boot\/grub\/bios\.img|El Torito img path : +1 +\/boot\/grub\/bios\.img/,
  );
  t.match(report, /grub2-mbr/);
  for (const name of ['vmlinuz', 'initrd', 'core.sqfs', 'build.json']) {
    t.match(report, `/slipway/${BUILD_ID}/${name}`);
  }
  const table = await readPartitionTable(toolbox, media.iso);
  t.equal(table.kind, 'gpt');
  const esp = table.partitions.find(({ type }) => type === ESP_TYPE.toUpperCase());
  t.ok(esp, 'an EFI system partition');
  const fat = join(work, 'esp.img');
  const start = (esp?.startSector ?? 0) * 512;
  writeFileSync(fat, readFileSync(media.iso).subarray(start, start + (esp?.sectors ?? 0) * 512));
  t.match(await readFatFile(toolbox, fat, 'boot/grub/grub.cfg'), `/slipway/${BUILD_ID}/vmlinuz`);
  const { stdout } = await toolbox.run('mdir', ['-b', '-i', fat, '::/EFI/BOOT']);
  t.same(stdout.trim().split('\n').sort(), [
    ...['::/EFI/BOOT/BOOTX64.EFI', '::/EFI/BOOT/grubx64.efi', '::/EFI/BOOT/mmx64.efi'],
  ]);
});

t.test('an arm64 ISO has UEFI alone', async t => {
  const { iso } = await packMedia(join(work, 'arm64'), 'arm64');
  const report = await describeIso(toolbox, iso);
  t.match(report, /El Torito boot img : +1 +UEFI +y/);
  t.notMatch(report, /BIOS/);
  const table = await readPartitionTable(toolbox, iso);
  t.ok(table.partitions.some(({ type }) => type === ESP_TYPE.toUpperCase()));
});

t.test('xz, with the filter for x86, holds the same tree', async t => {
  const output = join(work, 'core.xz');
  await packSquashfs(toolbox, sampleTree(), { compression: 'xz', output, arch: 'amd64' });
  const { stdout } = await toolbox.run('unsquashfs', ['-stat', output]);
  t.match(stdout, /Compression xz/);
  t.match(stdout, /Number of inodes 10\n/);
});

t.test('ext4 is the same twice', async t => {
  const files = await Promise.all(
    ['a', 'b'].map(async name => {
      const file = join(work, `${name}.ext4`);
      await makeBlankDisk(file, 8 * 1024 ** 2);
      await makeExt4(toolbox, file, {
        ...{ label: 'SLIPWAY_STATE', uuid: '01234567-89ab-4cde-8f01-23456789abcd', blocks: 2048 },
      });
      return hashFile(file);
    }),
  );
  t.same(files[0], files[1]);
});

t.test('a seed disk is FAT, labelled cidata', async t => {
  const output = join(work, 'seed.img');
  const files = formatSeed({ authorizedKeys: [], autologin: ['ttyS0'] });
  await makeSeedDisk(vmTools, files, output, t.testdir({}));
  t.equal(await readFatFile(vmTools, output, 'user-data'), files.userData);
  t.equal(await readFatFile(vmTools, output, 'meta-data'), files.metaData);
  t.match((await toolbox.run('mlabel', ['-s', '-i', output, '::'])).stdout, /cidata/i);
});

t.test('a library that is missing among the tools is not taken from this computer', async t => {
  const { file, args } = toolbox.command('xorriso', ['-version']);
  const empty = t.testdir({});
  const without = args.map((argument, index) => (args[index - 1] === '--library-path' ? empty : argument));
  const { status, stderr } = spawnSync(file, without, { encoding: 'utf8', env: {} });
  t.not(status, 0);
  t.match(stderr, /cannot open shared object file/);
});

t.test('a failing tool, its broken input, an abort and a limit each say what it was', async t => {
  await t.rejects(toolbox.run('sfdisk', ['--json', '/nonexistent']), {
    code: 'TOOL_FAILED',
    message: /running sfdisk: exit code 1: .*\/nonexistent/,
  });
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) yield await Promise.resolve(randomBytes(65536));
  };
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.alloc(10));
    throw new Error('the source broke');
  };
  const sqfstar = (input: AsyncIterable<Uint8Array>, options: object) =>
    toolbox.run('sqfstar', ['-quiet', '-no-progress', join(t.testdir({}), 'x')], { input, ...options });
  await t.rejects(sqfstar(broken(), {}), { message: 'the source broke' });
  await t.rejects(sqfstar(endless(), { timeoutMs: 1 }), { code: 'TOOL_TIMEOUT' });
  await t.rejects(sqfstar(endless(), { signal: AbortSignal.abort(new Error('Ctrl-C')) }), {
    message: 'Ctrl-C',
  });
});

t.test("the acceleration's proof runs where a processor runs it", async t => {
  t.same(await runProof({ toolbox: vmTools, guestArch: 'amd64' }, 'tcg'), { usable: true });
});

t.test('a port that is taken is named', async t => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  t.teardown(() => server.close());
  const address = server.address();
  const hostPort = typeof address === 'object' && address ? address.port : 0;
  const publish = [{ protocol: 'tcp', hostAddress: '127.0.0.1', hostPort, guestPort: 22 }] as const;
  await t.rejects(
    startVm({
      ...{ toolbox: vmTools, arch: 'amd64', firmware: 'bios', acceleration: 'tcg', boot: { kind: 'disk' } },
      ...{ runFolder: t.testdir({}), memoryMb: 64, cpus: 1, disks: [], publish },
    }),
    { code: 'VM_START_FAILED', message: new RegExp(String(hostPort)) },
  );
});

for (const [kind, firmware] of [
  ['cd', 'bios'],
  ['usb', 'bios'],
  ['cd', 'uefi'],
  ['usb', 'uefi'],
  ['cd', 'secure-boot'],
] as const) {
  t.test(`the menu comes from ${kind} under ${firmware}`, async t => {
    const boot: BootMedium = { kind, file: media.iso };
    const runFolder = t.testdir({});
    const chosen: Firmware = firmware;
    await using vm = await startVm({
      ...{ toolbox: vmTools, arch: 'amd64', firmware: chosen, acceleration: 'tcg', boot, runFolder },
      ...{ memoryMb: 256, cpus: 1, disks: [], publish: [], network: false },
    });
    await vm.waitForLine(/demo 1\.0: run from memory/, { timeoutMs: 600_000 });
    // The chosen entry looks for its files on the medium and finds that this is no kernel.
    await vm.waitForLine(/invalid magic number|not a valid|bad shim signature|premature end of file/i, {
      timeoutMs: 600_000,
    });
    t.notMatch(vm.console.text, /no such device|not found/);
  });
}
