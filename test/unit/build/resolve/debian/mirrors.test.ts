import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import {
  findMirrors,
  packageUrls,
  parseListFile,
  parseSourcesFile,
} from '../../../../../src/build/resolve/debian/mirrors.ts';

t.test('the first that names any decides', async t => {
  const folder = t.testdir({
    home: {
      '.config': {
        slipway: { mirrors: '# ours\nhttp://config.test/debian # near\nsnapshot=http://snap.test\n' },
      },
    },
    apt: { 'sources.list': 'deb http://apt.test/debian trixie main\n' },
  });
  const HOME = join(folder, 'home');
  const find = (mirrors: string[], env: Record<string, string>) =>
    findMirrors({ mirrors, env, cwd: folder, aptFolder: join(folder, 'apt') });
  t.match(await find(['http://flag.test/debian/'], { SLIPWAY_MIRROR: 'http://env.test/debian', HOME }), {
    debian: ['http://flag.test/debian'],
    security: ['http://flag.test/debian-security'],
    snapshot: ['http://snap.test'],
    origin: '--mirror',
  });
  t.match(await find([], { SLIPWAY_MIRROR: 'http://env.test/debian, http://two.test/debian', HOME }), {
    debian: ['http://env.test/debian', 'http://two.test/debian'],
    origin: 'SLIPWAY_MIRROR',
  });
  t.match(await find([], { HOME }), { debian: ['http://config.test/debian'] });
  t.match(await find([], {}), { debian: ['http://apt.test/debian'], security: [], origin: "apt's sources" });
  await t.rejects(findMirrors({ mirrors: [], env: {}, cwd: folder, aptFolder: join(folder, 'none') }), {
    code: 'MIRROR_UNKNOWN',
  });
});

t.test('forms of a mirror', async t => {
  const folder = t.testdir({ debs: {} });
  await mkdir(join(folder, 'a folder'));
  const find = (...mirrors: string[]) =>
    findMirrors({ mirrors, env: {}, cwd: folder, aptFolder: '/nonexistent' });
  t.match(await find('http://host.test/'), {
    debian: ['http://host.test', 'http://host.test/debian'],
    security: ['http://host.test/debian-security', 'http://host.test'],
  });
  const debs = pathToFileURL(join(folder, 'debs')).href;
  t.match(await find('debs'), {
    debian: [debs, `${debs}/debian`],
    security: [`${debs}/debian-security`, debs],
  });
  t.match(await find(join(folder, 'a folder')), { debian: [/\/a%20folder$/, /\/a%20folder\/debian$/] });
  t.match(await find('debian=http://a.test/x', 'debian-security=http://b.test/y'), {
    debian: ['http://a.test/x'],
    security: ['http://b.test/y'],
  });
  for (const wrong of ['nowhere', 'ftp://host/debian', 'http://', 'http://host/debian?x=1', '', 'debian=']) {
    await t.rejects(find(wrong), { code: 'MIRROR_MALFORMED' }, wrong);
  }
  await t.rejects(find('ftp://me:secret@host/debian'), {
    message: /^reading the mirror "ftp:\/\/host\/debian" of --mirror: /,
  });
});

t.test("apt's own sources, only those of Debian", async t => {
  t.strictSame(
    parseListFile(
      [
        '# deb http://comment.test/debian trixie main',
        'deb [arch=amd64 signed-by=/k.gpg] http://mirror.test/debian/ bookworm main contrib',
        'deb http://mirror.test/debian bookworm-updates main',
        'deb-src http://mirror.test/debian bookworm main',
        'deb http://mirror.test/debian-security bookworm-security main',
        'deb http://vendor.test/apt stable vendor',
        'deb http://other.test/ubuntu noble main',
        'deb cdrom:[Debian]/ trixie main',
      ].join('\n'),
    ),
    [
      'debian=http://mirror.test/debian',
      'debian=http://mirror.test/debian',
      'debian-security=http://mirror.test/debian-security',
    ],
  );
  t.strictSame(
    parseSourcesFile(
      [
        'Types: deb deb-src',
        'URIs: http://one.test/debian http://two.test/debian',
        'Suites: trixie trixie-updates',
        'Components: main',
        'Signed-By:',
        ' -----BEGIN PGP PUBLIC KEY BLOCK-----',
        ' .',
        '',
        'Types: deb',
        'URIs: http://off.test/debian',
        'Suites: trixie',
        'Components: main',
        'Enabled: no',
        '',
        '# a comment',
        'Types: deb',
        'URIs: http://one.test/debian-security/',
        'Suites: trixie-security',
        'Components: main',
      ].join('\n'),
      'x.sources',
    ),
    [
      'debian=http://one.test/debian',
      'debian=http://two.test/debian',
      'debian-security=http://one.test/debian-security',
    ],
  );
  t.strictSame(parseSourcesFile('not a control file', 'x.sources'), [], 'a damaged file names nothing');
  const folder = t.testdir({ 'sources.list.d': {} });
  await writeFile(
    join(folder, 'sources.list.d', 'debian.sources'),
    'Types: deb\nURIs: http://d.test/debian\nSuites: trixie\nComponents: main\n',
  );
  await writeFile(join(folder, 'sources.list.d', 'old.list.save'), 'deb http://no.test/debian trixie main\n');
  t.match(await findMirrors({ mirrors: [], env: {}, cwd: '/', aptFolder: folder }), {
    debian: ['http://d.test/debian'],
  });
});

t.test('addresses of a package', async t => {
  const pkg = {
    name: 'ssh',
    version: '1:10.0p1-7+deb13u4',
    arch: 'all',
    archive: 'debian',
    path: 'pool/main/o/openssh/ssh_10.0p1-7+deb13u4_all.deb',
    sizeBytes: 1,
    sha256: '0'.repeat(64),
  } as const;
  const mirrors = {
    debian: ['http://a.test/debian', 'file:///debs'],
    security: ['http://s.test/debian-security'],
    snapshot: ['http://snap.test/archive'],
    origin: 'test',
  };
  const path = 'pool/main/o/openssh/ssh_10.0p1-7%2Bdeb13u4_all.deb';
  t.strictSame(packageUrls(pkg, mirrors, ['2026-09-12T07:55:41.000Z']), [
    `http://a.test/debian/${path}`,
    `file:///debs/${path}`,
    'file:///debs/ssh_1%253a10.0p1-7%2Bdeb13u4_all.deb',
    'file:///debs/ssh_10.0p1-7%2Bdeb13u4_all.deb',
    'file:///debs/ssh_1%3A10.0p1-7%2Bdeb13u4_all.deb',
    `http://snap.test/archive/debian/20260912T075541Z/${path}`,
  ]);
  t.strictSame(packageUrls({ ...pkg, archive: 'debian-security' }, { ...mirrors, snapshot: [] }), [
    `http://s.test/debian-security/${path}`,
  ]);
});
