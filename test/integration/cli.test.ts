/** `bin/slipway` as its user starts it: exit codes, what is on stdout, and what an interruption leaves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { formatLock } from '../../src/build/lock/lock-file.ts';
import type { LockedPackage } from '../../src/build/lock/lock.ts';
import { loadProject } from '../../src/build/project.ts';
import { resolveProject } from '../../src/build/resolve/resolve-project.ts';
import { hostArch } from '../../src/shared/arch.ts';
import { digestOf } from '../../src/shared/digest.ts';
import { ignoreEvents } from '../../src/shared/events.ts';
import { exampleRecord } from '../support/build-record.ts';
import { isoWithRecord } from '../support/iso.ts';

const root = join(import.meta.dirname, '../..');
const LIMIT_MS = 600_000;
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly done: Promise<Run>;
}

/** Starts slipway with a home and a store of its own in `folder`. */
function start(folder: string, args: readonly string[]): Started {
  const child = spawn(join(root, 'bin/slipway'), args, {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: join(folder, 'home'),
      SLIPWAY_STORE: join(folder, 'store'),
      CI: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const done = new Promise<Run>((resolve, reject) => {
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
    child.on('error', reject);
    child.on('close', code => resolve({ code, stdout, stderr }));
  });
  return { child, done };
}

const slipway = (folder: string, ...args: readonly string[]): Promise<Run> => start(folder, args).done;

/** Every file and folder below, that is not one of the store's own. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}

t.test('every command has a help', async t => {
  const folder = t.testdir({});
  const words: Record<string, string[]> = {
    '': ['init', 'build', 'lock', 'check', 'run', 'inspect', 'store', 'Exit codes'],
    init: ['starter manifest'],
    build: ['--output', '--format', '--arch', '--locked', '--offline', '--mirror', '--json'],
    lock: ['--update'],
    check: ['manifest...'],
    run: ['--memory', '--cpus', '--bios', '--uefi', '--secure-boot', '--publish', '--disk', '--cloud-config'],
    inspect: ['--json'],
    store: ['path', 'size', 'prune', '--older-than', '--all'],
  };
  for (const [command, expected] of Object.entries(words)) {
    const run = await slipway(folder, ...command.split(' ').filter(Boolean), '--help');
    t.match(run, { code: 0, stderr: '' }, `slipway ${command} --help`);
    for (const word of expected) t.ok(run.stdout.includes(word), `${command}: ${word}`);
  }
  t.strictSame(await slipway(folder, '--version'), { code: 0, stdout: `${version}\n`, stderr: '' });
  t.strictSame(filesBelow(folder), [], 'nothing was written');
});

t.test('wrong usage', async t => {
  const folder = t.testdir({});
  for (const [args, message] of [
    [['biuld'], /unknown command.*build/s],
    [['build', '--oflline'], /unknown option.*--offline/s],
    [['build', '--arch', 'vax'], /amd64, arm64/],
    [['run', '--memory', 'much'], /whole number/],
    [['run', '--uefi', '--bios'], /cannot be used with/],
    [['run', '--timeout', '60'], /'--timeout' needs '--until'/],
    [['store', 'empty'], /path, size, prune/],
    [['store', 'prune', '--all', '--older-than', '3'], /cannot be used with/],
  ] as const) {
    const run = await slipway(folder, ...args);
    t.match(run, { code: 64, stdout: '', stderr: message }, args.join(' '));
  }
});

t.test('init writes a manifest that is sound, once', async t => {
  const folder = t.testdir({});
  const first = await slipway(folder, 'init', 'My OS');
  t.match(first, { code: 0, stdout: `${folder}/My OS/slipway.yml\n`, stderr: /slipway run/ });
  const text = readFileSync(join(folder, 'My OS/slipway.yml'), 'utf8');
  t.match(await slipway(folder, 'init', 'My OS'), { code: 73, stdout: '', stderr: /MANIFEST_EXISTS/ });
  t.equal(readFileSync(join(folder, 'My OS/slipway.yml'), 'utf8'), text);
  t.match(await slipway(folder, 'check', 'My OS/slipway.yml'), {
    code: 0,
    stdout: 'my-os: sound, 5 services\n',
  });
});

t.test('check tells every fault with its place', async t => {
  const folder = t.testdir({
    'bad.yml': 'nmae: x\nservices:\n  - name: a\n    image: ntp\n    capabilties: [all]\n  - {name: b}\n',
  });
  const run = await slipway(folder, 'check', 'bad.yml');
  t.match(run, { code: 65, stdout: '' });
  t.match(run.stderr, /has 3 faults/);
  t.match(
    run.stderr,
    /bad\.yml:1:1: .*nmae[^]*name[^]*bad\.yml:5:5: .*capabilties[^]*capabilities[^]*bad\.yml:6:/,
  );
  t.match(await slipway(folder, 'check'), { code: 66, stderr: /slipway\.yml.*slipway init/s });
  writeFileSync(join(folder, 'slipway.yml'), 'name: here\n');
  t.match(await slipway(folder, 'check'), { code: 0, stdout: 'here: sound, 0 services\n' });
  writeFileSync(join(folder, 'gone.yml'), 'services:\n  - {name: a, image: ./nofolder}\n');
  t.match(await slipway(folder, 'check', 'gone.yml'), { code: 66, stderr: /gone\.yml:2:.*FILE_MISSING/s });
  t.match(await slipway(folder, 'check', 'none.yml'), { code: 66, stdout: '', stderr: /MANIFEST_NOT_FOUND/ });
});

t.test('build without what it needs', async t => {
  const folder = t.testdir({ 'slipway.yml': 'name: x\n', file: '', lock: {} });
  const empty = join(folder, 'lock');
  t.match(await slipway(empty, 'build'), { code: 66, stdout: '', stderr: /slipway init/ });
  t.match(await slipway(folder, 'build', '--locked'), { code: 73, stdout: '', stderr: /LOCK_STALE/ });
  t.match(await slipway(folder, 'build', '--offline', '--json'), {
    code: 69,
    stdout: '',
    stderr: /FETCH_OFFLINE/,
  });
  for (const format of ['vhd', '', ','])
    t.match(
      await slipway(folder, 'build', '--format', format),
      { code: 65, stdout: '', stderr: /iso, kernel\+initrd/ },
      `--format "${format}"`,
    );
  t.match(await slipway(folder, 'inspect', 'slipway.yml'), { code: 66, stderr: /LOCK_MISSING/ });
  t.match(await slipway(folder, 'inspect', 'slipway.iso'), { code: 66, stderr: /ISO_NOT_FOUND/ });
  t.match(await slipway(folder, 'inspect', 'file'), { code: 65, stderr: /NOT_AN_ISO/ });
  t.match(await slipway(folder, 'init', 'file/below'), {
    code: 74,
    stderr: /^error: mkdir .*file\/below.*ENOTDIR\n$/s,
  });
  for (const output of ['file', 'file/below/out'])
    t.match(
      await slipway(folder, 'build', '-o', output),
      { code: 74, stderr: /OUTPUT_NOT_WRITABLE/ },
      output,
    );
  t.match(await slipway(folder, 'store', 'path'), { code: 0, stdout: `${folder}/store\n` });
});

t.test('a damaged lock stops a build, and is made anew by lock', async t => {
  const folder = t.testdir({ 'slipway.yml': 'name: x\n', 'slipway.lock': '<<<<<<< HEAD\n' });
  t.match(await slipway(folder, 'build', '--offline'), { code: 65, stderr: /merge conflict.*LOCK_SYNTAX/s });
  // No mirror answers here: what counts is that it goes on to ask for one.
  const run = await slipway(folder, 'lock', '--mirror', join(folder, 'none'));
  t.match(run, {
    stdout: '',
    stderr: /warning: reading .*merge conflict is not resolved; it is written anew/,
  });
  t.notMatch(run.stderr, /LOCK_SYNTAX/);
  t.equal(
    readFileSync(join(folder, 'slipway.lock'), 'utf8'),
    '<<<<<<< HEAD\n',
    'kept until there is another',
  );
});

t.test('manifests that are joined', async t => {
  const folder = t.testdir({ 'a.yml': 'name: x\n', 'b.yml': 'hostname: y\n', 'x.iso': '' });
  t.match(await slipway(folder, 'build', 'a.yml', 'b.yml', '--locked'), {
    code: 73,
    stderr: /a\+b\.lock would change.*run "slipway lock a\.yml b\.yml"/s,
  });
  t.match(await slipway(folder, 'inspect', 'a.yml', 'b.yml'), { code: 66, stderr: /a\+b\.lock/ });
  t.match(await slipway(folder, 'run', 'a.yml', 'b.yml', '--locked'), { code: 73, stderr: /a\+b\.lock/ });
  t.match(await slipway(folder, 'run', 'a.yml', 'x.iso'), { code: 65, stderr: /RUN_SUBJECT/ });
});

t.test('prune keeps what was used of late', async t => {
  const folder = t.testdir({});
  await slipway(folder, 'store', 'size');
  const blob = join(folder, 'store/blobs/sha256', 'a'.repeat(64));
  writeFileSync(blob, 'x'.repeat(10_000));
  t.match(await slipway(folder, 'store', 'prune'), { code: 0, stdout: /^removed 0 B that .* 30 days\n$/ });
  t.ok(existsSync(blob));
  t.match(await slipway(folder, 'store', 'prune', '--all'), { code: 0, stdout: /^removed 12 kB\n$/ });
  t.notOk(existsSync(blob));
});

t.test('a published port that is taken is told before anything is built', async t => {
  const folder = t.testdir({ 'slipway.yml': 'name: x\n' });
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  t.match(await slipway(folder, 'run', '--locked', '--publish', `${port}:22`), {
    code: 78,
    stderr: new RegExp(`port ${port} of this computer is in use[^]*PORT_IN_USE`),
  });
  t.match(await slipway(folder, 'run', '--locked', '-p', '99999:1'), { code: 65, stderr: /no port 99999/ });
});

t.test('a reader that has gone away is no fault', async t => {
  const folder = t.testdir({});
  const { child, done } = start(folder, ['store', 'size']);
  child.stdout?.destroy();
  t.match(await done, { code: 0, stderr: '' });
});

t.test('Ctrl-C during the fetch leaves nothing', async t => {
  const arch = hostArch(process.arch) ?? 'amd64';
  const folder = t.testdir({
    'slipway.yml': 'name: x\nservices:\n  - {name: ntp, image: system-images/ntp}\n',
  });
  const bytes = Buffer.alloc(1_000_000, 7);
  const project = await loadProject({
    manifests: [],
    workingDirectory: folder,
    packageRoot: root,
    allowHostFiles: false,
    emit: ignoreEvents,
  });
  const date = '2026-01-01T00:00:00.000Z';
  const lock = await resolveProject(project, {
    slipwayVersion: version,
    ...{ arch, hostArch: arch, previous: undefined, update: undefined, emit: ignoreEvents },
    openDebian: async () => ({
      suites: [{ archive: 'debian', suite: 'trixie', date, inReleaseSha256: 'a'.repeat(64) }],
      has: async () => true,
      resolve: async (_arch, { want }) =>
        want.map((wish): LockedPackage => {
          const name = wish.split(/[ =]/)[0] ?? '';
          const sha256 = digestOf(bytes).slice('sha256:'.length);
          return {
            name,
            version: '1',
            arch,
            archive: 'debian',
            path: `pool/main/x/${name}.deb`,
            sizeBytes: bytes.length,
            sha256,
          };
        }),
    }),
    resolveImage: async () => Promise.reject(new Error('there is no image')),
    identifyImage: async () => undefined,
  });
  writeFileSync(join(folder, 'slipway.lock'), formatLock(lock));
  t.match(await slipway(folder, 'build', '--offline'), { code: 69, stdout: '', stderr: /FETCH_OFFLINE/ });

  // Sends half of the file and then nothing more.
  const asked = Promise.withResolvers<undefined>();
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, bytes.length / 2), () => asked.resolve(undefined));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => (server.closeAllConnections(), server.close()));
  const { port } = server.address() as AddressInfo;
  mkdirSync(join(folder, 'out'));
  const { child, done } = start(folder, ['build', '--mirror', `http://127.0.0.1:${port}`]);
  await asked.promise;
  child.kill('SIGINT');
  const run = await done;
  t.match(run, { code: 130, stdout: '' });
  t.match(run.stderr, /interrupted; nothing was left half-written\n$/);
  t.strictSame(filesBelow(join(folder, 'out')), []);
  t.strictSame(filesBelow(join(folder, 'store')), [
    'blobs',
    'blobs/sha256',
    'blobs/sha512',
    'images',
    'images/sha256',
    'results',
    'tmp',
  ]);
  t.strictSame(readdirSync(folder).sort(), ['out', 'slipway.lock', 'slipway.yml', 'store']);
});

t.test('run boots an ISO as what it was built for', async t => {
  const folder = t.testdir({ 'arm.iso': isoWithRecord({ ...exampleRecord, arch: 'arm64' }) });
  t.match(await slipway(folder, 'run', 'arm.iso', '--arch', 'amd64'), { code: 65, stderr: /ARCH_CONFLICT/ });
  // Told before anything is fetched; the architecture comes from the ISO alone.
  t.match(await slipway(folder, 'run', 'arm.iso', '--bios'), { code: 65, stderr: /VM_FIRMWARE_UNSUPPORTED/ });
  t.match(await slipway(folder, 'inspect', 'arm.iso'), { code: 0, stdout: /arm64/ });
});
