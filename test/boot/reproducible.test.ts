/** Same lock, same bytes: whoever builds, wherever, with whatever settings and store; and what a change changes. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  open,
  readFile,
  readdir,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { storeRoot } from '../../src/build/store/store.ts';
import { readPartitionTable } from '../../src/build/tools/sfdisk.ts';
import { PACK_TOOLS } from '../../src/build/tools/packages.ts';
import { openToolbox } from '../../src/build/tools/toolbox.ts';
import { ESP_TYPE, describeIso } from '../../src/build/tools/xorriso.ts';
import { hostArch } from '../../src/shared/arch.ts';
import { type ProgramResult, run } from '../support/artifacts.ts';
import { BOOT_TEST_MS } from '../support/boot.ts';
import { unpackPackageSets } from '../support/locked-tools.ts';

t.setTimeout(BOOT_TEST_MS);
const folder = t.testdir();
const packageRoot = join(import.meta.dirname, '../..');
const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;

const MANIFEST = `name: twice
kernel: { platforms: [virtio] }
services:
  - { name: ntp, image: ntp }
  - { name: app, image: ./app }
files:
  - { path: etc/banner, source: banner, mode: '0640', uid: 7 }
`;
const APP = `description: a recipe whose file changes
packages: [busybox-static]
config: { command: [/usr/sbin/app] }
`;

/** A project as it comes out of a checkout; `times` are those of its files. */
async function writeProject(project: string, times: Date): Promise<void> {
  const files = {
    'slipway.yml': MANIFEST,
    banner: 'welcome\n',
    'app/image.yml': APP,
    'app/rootfs/usr/sbin/app': '#!/bin/sh\nexec sleep 1000000\n',
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(project, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    if (name.includes('/sbin/')) await chmod(path, 0o755);
    await utimes(path, times, times);
  }
}

interface Place {
  readonly program: string;
  readonly project: string;
  readonly umask: string;
  readonly user?: number;
  readonly env?: Readonly<Record<string, string>>;
}

interface Built {
  readonly sha256: Readonly<Record<string, string>>;
  readonly paths: Readonly<Record<string, string>>;
  /** Ids by image. */
  readonly images: Readonly<Record<string, string>>;
  readonly report: string;
}

/** Runs slipway with a umask, as another user if asked to. */
function slipwayIn(place: Place, args: readonly string[]): Promise<ProgramResult> {
  const who = place.user === undefined ? {} : { uid: place.user, gid: place.user };
  const child = spawn('/bin/sh', ['-c', `umask ${place.umask}; exec "$0" "$@"`, place.program, ...args], {
    cwd: place.project,
    env: { ...process.env, ...place.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...who,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', exitCode => resolve({ exitCode, stdout, stderr }));
  });
}

async function build(place: Place, output: string, ...more: string[]): Promise<Built> {
  const args = ['build', '--json', '--format', 'iso,kernel+initrd', '--output', output, ...more];
  const { exitCode, stdout, stderr } = await slipwayIn(place, args);
  if (exitCode !== 0) throw new Error(`slipway ${args.join(' ')} ended with ${exitCode}:\n${stderr}`);
  const { artifacts } = JSON.parse(stdout) as {
    artifacts: { kind: string; path: string; sha256: string }[];
  };
  const paths = Object.fromEntries(artifacts.map(({ kind, path }) => [kind, path]));
  const inspected = await slipwayIn(place, ['inspect', '--json', paths.iso ?? '']);
  const { images } = JSON.parse(inspected.stdout) as { images: { name: string; id: string }[] };
  return {
    paths,
    sha256: Object.fromEntries(artifacts.map(({ kind, sha256 }) => [kind, sha256])),
    images: Object.fromEntries(images.map(({ name, id }) => [name, id])),
    report: stderr,
  };
}

/** The inputs that a lock names and the signed indexes of its tools, without anything that was made from them. */
async function copyInputs(lockPath: string, from: string, to: string): Promise<void> {
  const text = await readFile(lockPath, 'utf8');
  const wanted = new Set(text.match(/\b[0-9a-f]{64}\b/g));
  const { suites } = JSON.parse(text) as { suites: { inReleaseSha256: string }[] };
  for (const { inReleaseSha256 } of suites) {
    const index = await readFile(join(from, 'blobs/sha256', inReleaseSha256), 'latin1');
    for (const [, hash = ''] of index.matchAll(/^ ([0-9a-f]{64}) +\d+ main\/binary-\w+\/Packages\.xz$/gm))
      wanted.add(hash);
  }
  await mkdir(join(to, 'blobs/sha256'), { recursive: true });
  await cp(join(from, 'blobs/sha512'), join(to, 'blobs/sha512'), { recursive: true });
  for (const name of await readdir(join(from, 'blobs/sha512'))) {
    const alias = await readFile(join(from, 'blobs/sha512', name), 'utf8');
    wanted.add(alias.trim().replace('sha256:', ''));
  }
  for (const name of await readdir(join(from, 'blobs/sha256'))) {
    if (wanted.has(name)) await copyFile(join(from, 'blobs/sha256', name), join(to, 'blobs/sha256', name));
  }
}

/** The program as npm installs it for use: without sources and without what only development needs. */
async function copyInstallation(to: string): Promise<void> {
  for (const name of ['bin', 'dist', 'init', 'iso', 'kernel', 'system-images', 'package.json']) {
    await cp(join(packageRoot, name), join(to, name), { recursive: true });
  }
  const lock = JSON.parse(await readFile(join(packageRoot, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>;
  };
  for (const [path, { dev }] of Object.entries(lock.packages)) {
    const isThere = path !== '' && !dev && (await stat(join(packageRoot, path)).catch(() => undefined));
    if (isThere) await cp(join(packageRoot, path), join(to, path), { recursive: true });
  }
}

const here: Place = {
  program: join(packageRoot, 'bin/slipway'),
  project: join(folder, 'here'),
  umask: '022',
};
await writeProject(here.project, new Date('2026-01-02T03:04:05Z'));
const first = await build(here, 'out');

t.test('another installation, user, folder, umask, time zone, locale, and an empty store', async t => {
  // Not below the checkout, where another user may have no way in.
  const base = await mkdtemp(join(tmpdir(), 'slipway-elsewhere-'));
  t.teardown(() => rm(base, { recursive: true, force: true }));
  const elsewhere = join(base, 'else where, with "signs"');
  const place: Place = {
    program: join(elsewhere, 'program/bin/slipway'),
    project: join(elsewhere, 'project'),
    umask: '077',
    ...(isRoot ? { user: NOBODY } : {}),
    env: {
      TZ: 'Pacific/Apia',
      LC_ALL: 'tr_TR.UTF-8',
      LANG: 'tr_TR.UTF-8',
      HOME: join(elsewhere, 'home'),
      TMPDIR: join(elsewhere, 'temporary'),
      SLIPWAY_STORE: join(elsewhere, 'store'),
      XDG_CACHE_HOME: '',
      SOURCE_DATE_EPOCH: '1',
    },
  };
  for (const name of ['home', 'temporary']) await mkdir(join(elsewhere, name), { recursive: true });
  await copyInstallation(join(elsewhere, 'program'));
  await writeProject(place.project, new Date('1999-12-31T23:59:59Z'));
  await copyFile(join(here.project, 'slipway.lock'), join(place.project, 'slipway.lock'));
  await copyInputs(join(here.project, 'slipway.lock'), storeRoot(process.env), join(elsewhere, 'store'));
  await run('chmod', ['-R', 'u=rwX,go=', base]);
  if (isRoot) await run('chown', ['-R', `${NOBODY}:${NOBODY}`, base]);
  const second = await build(place, 'artifacts', '--locked', '--offline');
  t.notMatch(second.report, /from the store|unchanged/);
  t.same(second.sha256, first.sha256);
  t.equal((await stat(second.paths.iso ?? '')).uid, place.user ?? process.getuid?.());
});

t.test('without the network, after one build', async t => {
  const again = await build(here, join(folder, 'offline'), '--offline', '--mirror', 'http://127.0.0.1:9');
  t.same(again.sha256, first.sha256);
  t.match(again.report, /assemble: unchanged/);
});

t.test('a changed file of a recipe makes what holds it anew, and nothing else', async t => {
  const program = join(here.project, 'app/rootfs/usr/sbin/app');
  const before = await readFile(program);
  // Never the same twice: the store may still hold what an earlier run made.
  await writeFile(program, `#!/bin/sh\n# ${randomUUID()}\nexec sleep 2000000\n`);
  const refused = await slipwayIn(here, ['build', '--locked']);
  t.equal(refused.exitCode, 73, 'the lock names the recipe by its digest');
  const changed = await build(here, 'out');
  t.equal(changed.sha256.kernel, first.sha256.kernel);
  t.equal(changed.images['system-images/ntp'], first.images['system-images/ntp']);
  t.same(Object.keys(changed.images), Object.keys(first.images));
  t.same(
    Object.keys(changed.images).filter(name => changed.images[name] !== first.images[name]),
    Object.keys(changed.images).filter(name => name.includes('app')),
  );
  t.not(changed.sha256.iso, first.sha256.iso);
  t.not(changed.sha256.initrd, first.sha256.initrd, 'it names the root hash of the core');
  for (const step of ['kernel', 'runtime']) {
    t.match(changed.report, new RegExp(`^assemble: ${step}, from the store$`, 'm'));
  }
  t.notMatch(changed.report, /^fetch: .*\/s$/m, 'nothing was downloaded');

  await writeFile(program, before);
  const back = await build(here, 'out');
  t.same(back.sha256, first.sha256, 'changed back, it is the old one');
  t.match(back.report, /assemble: unchanged/);
});

t.test('--arch arm64 makes arm64 artifacts', async t => {
  const { paths } = await build(here, 'arm', '--arch', 'arm64');
  const [iso = '', kernel = ''] = [paths.iso, paths.kernel];
  t.match(iso, /-arm64\.iso$/);
  // Linux's boot protocol for arm64: the magic number of an image, which is a PE file for UEFI too.
  const image = await readStart(kernel, 64);
  t.equal(image.toString('latin1', 56, 60), 'ARM\x64');
  t.equal(image.toString('latin1', 0, 2), 'MZ');

  const arch = hostArch(process.arch);
  if (!arch) throw new Error(`no tools for ${process.arch}`);
  const [root = ''] = await unpackPackageSets([{ arch, set: PACK_TOOLS }]);
  const toolbox = openToolbox({ root, epoch: 0, arch });
  const report = await describeIso(toolbox, iso);
  t.match(report, /El Torito boot img : +1 +UEFI +y/);
  t.notMatch(report, /BIOS/);
  const { partitions } = await readPartitionTable(toolbox, iso);
  const esp = partitions.find(({ type }) => type === ESP_TYPE.toUpperCase());
  const fat = `${iso}@@${(esp?.startSector ?? 0) * 512}`;
  const { stdout } = await toolbox.run('mdir', ['-b', '-i', fat, '::/EFI/BOOT']);
  t.same(stdout.trim().split('\n').sort(), [
    ...['::/EFI/BOOT/BOOTAA64.EFI', '::/EFI/BOOT/grubaa64.efi', '::/EFI/BOOT/mmaa64.efi'],
  ]);
  const loader = join(folder, 'BOOTAA64.EFI');
  await toolbox.run('mcopy', ['-i', fat, '::/EFI/BOOT/BOOTAA64.EFI', loader]);
  t.equal(await peMachine(loader), 0xaa64);
});

async function readStart(path: string, sizeBytes: number): Promise<Buffer> {
  await using file = await open(path);
  const bytes = Buffer.alloc(sizeBytes);
  await file.read(bytes, 0, sizeBytes, 0);
  return bytes;
}

/** Machine type of a PE program. */
async function peMachine(path: string): Promise<number> {
  const bytes = await readFile(path);
  return bytes.readUInt16LE(bytes.readUInt32LE(0x3c) + 4);
}
