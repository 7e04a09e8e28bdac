/**
 * Files of containers with the real conmon and crun and Docker's own client: volumes, `docker cp` both ways,
 * changes and export. Needs root, for a mount namespace of its own.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Entry } from '../../src/shared/archive/entry.ts';
import { findEngineRoot } from '../support/engine-root.ts';
import { makeFilesStore } from '../support/files-store.ts';
import { enterPrivateMachine } from '../support/private-machine.ts';

const inherited = process.env.SLIPWAY_TEST_FOLDER;
const folder = inherited ?? mkdtempSync('/tmp/slipway-files-');
process.env.SLIPWAY_TEST_FOLDER = folder;
const engineRoot = await findEngineRoot();
process.env.SLIPWAY_TEST_ENGINE = engineRoot;
enterPrivateMachine(import.meta.filename, folder);

const { default: t } = await import('tap');
const { cleanUp, eventually, startDaemon, testPrograms } = await import('../support/engine.ts');
const { createEngine } = await import('../../src/machine/engine/engine.ts');
const { createLog } = await import('../../src/machine/log.ts');
const { writeTar } = await import('../../src/shared/archive/tar.ts');
const { entry, file, rawHeader } = await import('../support/oci-image.ts');

const { engine: programs, docker: dockerProgram, fsckErofs } = testPrograms(engineRoot, join(folder, 'bin'));
const store = await makeFilesStore(join(folder, 'store'), programs.busybox);
const group = `/slipway-files-${process.pid}`;
const cgroupRoot = join('/sys/fs/cgroup', group);
const log = createLog({
  component: 'test',
  level: 'debug',
  write: line => process.env.SLIPWAY_TEST_LOG === '1' && process.stderr.write(line),
});
const configFor = (name: string) => ({
  runRoot: join(folder, name),
  stateRoot: join(folder, `${name}-state`),
  imageStores: [store],
  programs,
  cgroups: {
    root: '/sys/fs/cgroup',
    monitors: `${group}/monitors`,
    services: `${group}/services`,
    user: `${group}/user`,
    limits: false,
  },
  version: '0.1.0-test',
});

t.setTimeout(600_000);
t.teardown(() => cleanUp(folder, cgroupRoot));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (program: string, args: readonly string[], socket: string, input = ''): Promise<Ended> =>
  new Promise(resolve => {
    const child = spawn(program, args, {
      env: { ...process.env, DOCKER_HOST: `unix://${socket}`, HOME: folder },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('latin1')));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('close', code => resolve({ code, stdout, stderr }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });

const mountsBelow = (path: string): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line => line.split(' ')[4] ?? '')
    .filter(point => point.startsWith(`${path}/`));

t.test('volumes', async t => {
  const socket = join(folder, 'volumes.sock');
  const config = configFor('volumes');
  await using engine = await createEngine({ ...config, log });
  await engine.listen(socket);
  const docker = (...args: readonly string[]): Promise<Ended> => run(dockerProgram, args, socket);
  /** What a container with these options prints. */
  const prints = async (...args: readonly string[]): Promise<string> => {
    const words = args.slice(0, -1);
    const made = await docker(
      ...['create', '--network', 'none', ...words, 'test/files', 'sh', '-c', args.at(-1) ?? ''],
    );
    const id = made.stdout.trim();
    if (made.code !== 0) return made.stderr;
    const started = await docker('start', id);
    await docker('wait', id);
    const { stdout, stderr } = await docker('logs', id);
    await docker('rm', '-v', id);
    return started.stderr + stdout + stderr;
  };
  const names = async (...filters: readonly string[]): Promise<string[]> =>
    (await docker('volume', 'ls', '-q', ...filters)).stdout.split('\n').filter(Boolean);

  await t.test('create, ls, inspect, rm', async t => {
    t.match(await docker('volume', 'create', '--label', 'a=1', 'one'), { code: 0, stdout: 'one\n' });
    t.match(await docker('volume', 'create', 'one'), { code: 0, stdout: 'one\n' }, 'a second time');
    t.match(await docker('volume', 'create'), { code: 0, stdout: /^[0-9a-f]{64}\n$/ });
    t.match(
      (await docker('volume', 'ls')).stdout,
      /^DRIVER +VOLUME NAME\nlocal +[0-9a-f]{64}\nlocal +one\n$/,
    );
    t.same(await names('--filter', 'label=a=1'), ['one']);
    t.same(await names('--filter', 'label=a=2'), []);
    t.same(await names('--filter', 'name=on', '--filter', 'dangling=true'), ['one']);
    t.same(await names('--filter', 'dangling=false'), []);
    const [one] = JSON.parse((await docker('volume', 'inspect', 'one')).stdout) as unknown[];
    t.match(one, {
      CreatedAt: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
      Driver: 'local',
      Labels: { a: '1' },
      Mountpoint: join(config.stateRoot, 'volumes/one/_data'),
      Name: 'one',
      Options: null,
      Scope: 'local',
    });
    t.match(await docker('volume', 'rm', 'one'), { code: 0, stdout: 'one\n' });
    t.match(await docker('volume', 'rm', 'one'), { code: 1, stderr: /get one: no such volume/ });
    t.match(await docker('volume', 'rm', '-f', 'one'), { code: 0 });
    t.match(await docker('volume', 'inspect', 'one'), { code: 1, stderr: /get one: no such volume/ });
    t.match(await docker('volume', 'prune', '-f'), {
      code: 0,
      stdout: /^Deleted Volumes:\n[0-9a-f]{64}\n\nTotal reclaimed space: 0B\n$/,
    });
    t.same(await names(), []);
  });

  await t.test("what is wrong is refused in Docker's words", async t => {
    const cases: readonly (readonly [string[], RegExp])[] = [
      [['x'], /create x: volume name is too short, names should be at least two alphanumeric characters/],
      [['../x'], /create \.\.\/x: "\.\.\/x" includes invalid characters for a local volume name/],
      [['.hidden'], /includes invalid characters/],
      [['-d', 'other', 'vol'], /error looking up volume plugin other: plugin "other" not found/],
      [['-o', 'colour=red', 'vol'], /create vol: invalid option: "colour"/],
      [['-o', 'type=tmpfs', 'vol'], /create vol: missing required option: "device"/],
      [['-o', 'size=1g', 'vol'], /quota size requested but no quota support/],
      [['v'.repeat(250)], /volume name is too long/],
    ];
    for (const [args, sentence] of cases) {
      t.match(await docker('volume', 'create', ...args), { code: 1, stderr: sentence }, args.join(' '));
    }
    t.same(await names(), []);
  });

  await t.test('a container keeps its files in a volume', async t => {
    t.equal(await prints('-v', 'kept:/kept', 'echo first >/kept/a; ls /kept'), 'a\n');
    t.equal(
      await prints('-v', 'kept:/other:ro', 'cat /other/a; touch /other/b 2>&1 || true'),
      'first\ntouch: /other/b: Read-only file system\n',
    );
    t.equal(await prints('--mount', 'type=volume,src=kept,dst=/m', 'cat /m/a'), 'first\n');
    t.same(await names(), ['kept']);
    t.match(
      await docker(
        'create',
        '--name',
        'user',
        '--network',
        'none',
        '-v',
        'kept:/kept',
        'test/files',
        'sleep',
        '1000',
      ),
      { code: 0 },
    );
    t.match(await docker('volume', 'rm', 'kept'), {
      code: 1,
      stderr: /remove kept: volume is in use - \[[0-9a-f]{64}\]/,
    });
    const mounts = JSON.parse((await docker('inspect', '--format', '{{json .Mounts}}', 'user')).stdout) as {
      Destination: string;
    }[];
    t.match(
      mounts.find(mount => mount.Destination === '/kept'),
      {
        Type: 'volume',
        Name: 'kept',
        Source: /kept\/_data$/,
        Driver: 'local',
        Mode: 'z',
        RW: true,
        Propagation: '',
      },
    );
    t.equal(mounts.length, 3, 'those of the image as well');
    t.match((await docker('ps', '-aq', '--filter', 'volume=kept')).stdout, /^[0-9a-f]{12}\n$/);
    t.equal((await names('--filter', 'dangling=true')).length, 0);
    t.match(await docker('rm', '-v', 'user'), { code: 0 });
    t.same(await names(), ['kept'], 'the anonymous ones are gone, the named one stays');
  });

  await t.test('an empty volume gets what the image has there', async t => {
    const shown =
      'cd /data; ls -A | sort; cat file; stat -c "%u %g %a %Y %h" file; stat -c "%u %g %a" .; ls -l link | grep -o "[^ ]*passwd"; cat absolute/config';
    const list = shown.replace(
      'ls -l link | grep -o "[^ ]*passwd"',
      'readlink link 2>/dev/null || busybox readlink link',
    );
    const expected =
      'absolute\nfile\nlink\nsub\ncontent\n1000 1000 640 1000000 2\n1000 1000 1770\n../etc/passwd\nfrom the image\n';
    t.equal(await prints(list), expected, 'an anonymous one');
    t.equal(await prints('-v', 'filled:/data', list), expected, 'a named one');
    t.equal(await prints('-v', 'filled:/data', 'rm /data/link; echo changed >/data/file'), '');
    t.equal(await prints('-v', 'filled:/data', 'ls /data; cat /data/file'), 'absolute\nfile\nsub\nchanged\n');
    t.equal(await prints('-v', 'bare:/data:nocopy', 'ls -A /data'), '');
    t.equal(await prints('--mount', 'type=volume,src=bare2,dst=/data,volume-nocopy', 'ls -A /data'), '');
    t.match(
      await prints('-v', 'filed:/etc/passwd', 'true'),
      /cannot mount volume over existing file, file exists \/etc\/passwd/,
    );
    t.same(await names(), ['bare', 'bare2', 'filled', 'kept'], 'one whose container failed is gone');
    t.match(await docker('volume', 'rm', 'bare', 'bare2', 'filled'), { code: 0 });
    t.same(mountsBelow(join(config.runRoot, 'views')), []);
    t.same(readdirSync(join(config.runRoot, 'views')), []);
  });

  await t.test('anonymous volumes go with --rm and rm -v, and are shared with --volumes-from', async t => {
    const made = await docker(
      'create',
      '--network',
      'none',
      '--name',
      'from',
      '-v',
      '/anon',
      '-v',
      'kept:/kept',
      '-v',
      `${folder}/bin:/host:ro`,
      'test/files',
      'sh',
      '-c',
      'echo seen >/anon/x',
    );
    t.match(made, { code: 0 });
    await docker('start', 'from');
    await docker('wait', 'from');
    t.equal((await names()).length, 4);
    t.equal(
      await prints(
        '--volumes-from',
        'from:ro',
        'cat /anon/x /kept/a; ls /host; touch /anon/y /host/y 2>&1 || true',
      ),
      `seen\nfirst\n${readdirSync(join(folder, 'bin')).sort().join('\n')}\ntouch: /anon/y: Read-only file system\ntouch: /host/y: Read-only file system\n`,
    );
    t.equal((await names()).length, 4, 'rm -v of the second leaves those of the first');
    t.match(await docker('rm', 'from'), { code: 0 });
    t.equal((await names('--filter', 'dangling=true')).length, 4, 'rm alone leaves them');
    t.match((await docker('volume', 'prune', '-f')).stdout, /^Deleted Volumes:\n([0-9a-f]{64}\n){3}\nTotal/);
    t.same(await names(), ['kept']);
    t.match(await docker('volume', 'prune', '-af'), {
      stdout: /^Deleted Volumes:\nkept\n\nTotal reclaimed space: 6B\n$/,
    });
    t.match(await docker('create', '--network', 'none', '--volumes-from', 'nobody', 'test/files'), {
      code: 1,
      stderr: /No such container: nobody/,
    });
  });

  await t.test('options are mounted while a container runs', async t => {
    mkdirSync(join(folder, 'elsewhere'));
    writeFileSync(join(folder, 'elsewhere/here'), 'bound\n');
    t.match(
      await docker(
        'volume',
        'create',
        '-o',
        'type=tmpfs',
        '-o',
        'device=tmpfs',
        '-o',
        'o=size=1m,uid=7',
        'ram',
      ),
      { code: 0 },
    );
    t.match(
      await docker(
        'volume',
        'create',
        '-o',
        'type=none',
        '-o',
        `device=${folder}/elsewhere`,
        '-o',
        'o=bind',
        'bound',
      ),
      { code: 0 },
    );
    t.match(
      await docker(
        'volume',
        'create',
        '-o',
        'type=ext4',
        '-o',
        'device=/dev/none',
        '-o',
        'o=password=secret',
        'broken',
      ),
      { code: 0 },
    );
    const state = join(config.stateRoot, 'volumes');
    t.match(
      await docker(
        'create',
        '--name',
        'first',
        '--network',
        'none',
        '-v',
        'ram:/ram',
        '-v',
        'bound:/b',
        'test/files',
        'sh',
        '-c',
        'stat -c %u /ram; cat /b/here; echo in ram >/ram/x; exec sleep 1000',
      ),
      { code: 0 },
    );
    t.match(
      await docker(
        'create',
        '--name',
        'second',
        '--network',
        'none',
        '-v',
        'ram:/ram',
        'test/files',
        'sleep',
        '1000',
      ),
      { code: 0 },
    );
    t.same(mountsBelow(state), []);
    await docker('start', 'first');
    t.same(mountsBelow(state).sort(), [join(state, 'bound/_data'), join(state, 'ram/_data')]);
    await docker('start', 'second');
    await docker('kill', 'first');
    await docker('wait', 'first');
    t.equal((await docker('logs', 'first')).stdout, '7\nbound\n');
    t.equal((await docker('exec', 'second', 'cat', '/ram/x')).stdout, 'in ram\n');
    t.same(mountsBelow(state), [join(state, 'ram/_data')]);
    await docker('kill', 'second');
    await docker('wait', 'second');
    t.same(mountsBelow(state), []);
    await docker('rm', '-v', 'first', 'second');
    const failed = await prints('-v', 'broken:/x', 'true');
    t.match(failed, /error while mounting volume '.*broken\/_data': failed to mount local volume: /);
    t.notMatch(failed, /secret/);
    t.match(await docker('volume', 'rm', 'ram', 'bound', 'broken'), { code: 0 });
    t.ok(existsSync(join(folder, 'elsewhere/here')), 'what was mounted is not what is removed');
  });

  await t.test('a folder of a volume', async t => {
    t.equal(
      await prints(
        '-v',
        'parts:/all',
        'mkdir -p /all/one/two; echo deep >/all/one/two/x; ln -s /etc /all/out; ln -s one/two /all/in',
      ),
      '',
    );
    const part = (subpath: string): string => `type=volume,src=parts,dst=/part,volume-subpath=${subpath}`;
    t.equal(await prints('--mount', part('one/two'), 'cat /part/x; echo new >/part/y'), 'deep\n');
    t.equal(await prints('--mount', part('one/two/x'), 'cat /part'), 'deep\n', 'a file');
    t.equal(await prints('--mount', part('in'), 'cat /part/y'), 'new\n', 'through a link that stays inside');
    t.match(await prints('--mount', part('out'), 'ls /part'), /cannot access path .*parts\/_data\/out/);
    t.match(
      await prints('--mount', part('missing'), 'true'),
      /cannot access path .*missing: no such file or directory/,
    );
    t.match(await docker('create', '--mount', part('../x'), 'test/files'), {
      code: 1,
      stderr: /subpath must be a relative path/,
    });
    await docker(
      'create',
      '--network',
      'none',
      '--name',
      'part',
      '--mount',
      part('one'),
      'test/files',
      'true',
    );
    t.equal(
      (await run('sh', ['-c', `${dockerProgram} cp part:/part/two/x - | tar xO`], socket)).stdout,
      'deep\n',
    );
    await docker('rm', '-v', 'part');
    t.match(await docker('volume', 'rm', 'parts'), { code: 0 });
  });

  await t.test('a mount that names nothing sensible is refused', async t => {
    const cases: readonly (readonly [string[], RegExp])[] = [
      [['-v', 'vol:/x:strange'], /invalid mode: strange/],
      [['-v', 'vol:/x:ro,rw'], /invalid mode: ro,rw/],
      [
        ['-v', 'vol:/x:shared'],
        /invalid volume specification: 'vol:\/x:shared': invalid mount config for type "volume": field BindOptions must not be specified/,
      ],
      [['-v', 'vol:/'], /destination can't be '\/'/],
      [['-v', 'vol:/x', '-v', 'other:/x'], /Duplicate mount point: \/x/],
      [['-v', 'vol:/x', '--tmpfs', '/x'], /Duplicate mount point: \/x/],
    ];
    for (const [args, sentence] of cases) {
      t.match(
        await docker('create', '--network', 'none', ...args, 'test/files'),
        { code: 1, stderr: sentence },
        args.join(' '),
      );
    }
    t.same(await names(), []);
    t.same(await docker('ps', '-aq'), { code: 0, stdout: '', stderr: '' });
  });
});

t.test('docker cp, diff and export', async t => {
  const socket = join(folder, 'cp.sock');
  const config = configFor('cp');
  await using engine = await createEngine({ ...config, log });
  await engine.listen(socket);
  const docker = (...args: readonly string[]): Promise<Ended> => run(dockerProgram, args, socket);
  const local = join(folder, 'local');
  mkdirSync(local);
  const sh = (script: string): string => {
    const { stdout, stderr } = spawnSync('sh', ['-c', script], { cwd: local, encoding: 'utf8' });
    return stdout + stderr;
  };
  const raw = (
    method: string,
    path: string,
    body: Buffer = Buffer.alloc(0),
  ): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }> =>
    new Promise((resolve, reject) => {
      const sent = request({ socketPath: socket, method, path }, answer => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece: Buffer) => pieces.push(piece));
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(pieces) }),
        );
        answer.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(body);
    });
  const pathStat = async (container: string, path: string): Promise<Record<string, unknown>> => {
    const { headers } = await raw(
      'HEAD',
      `/containers/${container}/archive?path=${encodeURIComponent(path)}`,
    );
    const header = String(headers['x-docker-container-path-stat']);
    return JSON.parse(Buffer.from(header, 'base64').toString()) as Record<string, unknown>;
  };
  const put = async (container: string, path: string, tar: Buffer, more = ''): Promise<string> => {
    const url = `/containers/${container}/archive?path=${encodeURIComponent(path)}${more}`;
    const { status, body } = await raw('PUT', url, tar);
    return `${status} ${body.length === 0 ? '' : (JSON.parse(body.toString()) as { message: string }).message}`;
  };
  const made = async (name: string, ...args: readonly string[]): Promise<void> => {
    const words = ['create', '--network', 'none', '--name', name, ...args];
    const { code, stderr } = await docker(...words);
    if (code !== 0) throw new Error(stderr);
  };
  await made('live', '-v', 'kept:/kept', '-v', `${local}:/local:ro`, 'test/files', 'sleep', '1000');
  await docker('start', 'live');
  await made('still', '-v', 'kept:/deep/kept', 'test/files', 'true');

  await t.test('out: files, folders, links, volumes', async t => {
    for (const name of ['live', 'still']) {
      t.match(await docker('cp', `${name}:/data/file`, `${local}/file`), { code: 0 });
      t.equal(sh('cat file; stat -c "%a %Y" file; rm file'), 'content\n640 1000000\n', name);
      t.match(await docker('cp', `${name}:/data`, `${local}/data`), { code: 0 });
      t.equal(
        sh(
          'ls -A data; readlink data/link data/absolute; stat -c "%h" data/file; cmp data/file data/sub/hard; rm -r data',
        ),
        'absolute\nfile\nlink\nsub\n../etc/passwd\n/etc\n2\n',
        name,
      );
      t.match(await docker('cp', `${name}:/data/.`, `${local}/new`), { code: 0 });
      t.equal(sh('ls -A new; rm -r new'), 'absolute\nfile\nlink\nsub\n');
      t.match(await docker('cp', '-L', `${name}:/data/link`, `${local}/followed`), { code: 0 });
      t.match(sh('cat followed; rm followed'), /^root:x:0:0/, 'a link is followed inside');
      t.match(
        await docker('cp', `${name}:/data/link`, `${local}/link`),
        { code: 1, stderr: /invalid symlink/ },
        'the client refuses it',
      );
      t.match(await docker('cp', `${name}:/data/absolute/config`, `${local}/config`), { code: 0 });
      t.equal(
        sh('cat config; rm config'),
        'from the image\n',
        'a link in the way means what it means inside',
      );
      t.match(await docker('cp', `${name}:/../../../data/../data/file`, `${local}/file`), { code: 0 });
      t.equal(sh('cat file; rm file'), 'content\n');
      const list = await run('sh', ['-c', `${dockerProgram} cp ${name}:/data - | tar t`], socket);
      t.equal(list.stdout, 'data/\ndata/absolute\ndata/file\ndata/link\ndata/sub/\ndata/sub/hard\n');
      t.match(await docker('cp', `${name}:/nowhere`, local), {
        code: 1,
        stderr: new RegExp(`Could not find the file /nowhere in container ${name}`),
      });
      t.match(await docker('cp', `${name}:/data/file/.`, local), { code: 1 });
    }
    t.match(await docker('cp', 'nobody:/data', local), { code: 1, stderr: /No such container: nobody/ });
    t.match(await docker('cp', 'live:/', `${local}/whole`), { code: 0 });
    t.match(
      sh('ls whole; ls -A whole/local; cat whole/data/file; rm -r whole'),
      /bin\ndata\n[\s\S]*content\n$/,
    );
    t.same(
      mountsBelow(config.runRoot).filter(point => point.includes('/views/')),
      [],
    );
  });

  await t.test('what is told of a path', async t => {
    t.match(await pathStat('live', '/data/link'), {
      name: 'link',
      mode: 2 ** 27 + 0o777,
      linkTarget: '/etc/passwd',
    });
    t.match(await pathStat('live', '/data/'), {
      name: 'data',
      mode: 2 ** 31 + 2 ** 20 + 0o770,
      linkTarget: '',
    });
    t.match(await pathStat('live', 'data/file'), {
      name: 'file',
      size: 8,
      mode: 0o640,
      mtime: '1970-01-12T13:46:40.000Z',
    });
    t.match(await pathStat('live', '/'), { name: '/' });
    t.match(await pathStat('live', '/data/absolute/nowhere/../config'), { name: 'config' });
    t.equal((await raw('HEAD', '/containers/live/archive?path=/nowhere')).status, 404);
    t.equal((await raw('GET', '/containers/live/archive')).status, 400);
    t.equal((await raw('GET', '/containers/live/archive?path=/a%00b')).status, 400);
  });

  await t.test('in: files, folders, volumes, owners', async t => {
    sh(
      'mkdir -p tree/sub; echo new >tree/file; ln -s file tree/link; ln tree/file tree/sub/hard; chmod 750 tree/sub; chown 5:6 tree/file; touch -d @2000000 tree/sub',
    );
    const seen = (name: string, script: string): Promise<Ended> =>
      name === 'live'
        ? docker('exec', name, 'sh', '-c', script)
        : run('sh', ['-c', `${dockerProgram} cp ${name}:/tree - | tar tv --numeric-owner`], socket);
    t.match(await docker('cp', `${local}/tree`, 'live:/tree'), { code: 0 });
    t.match(
      await seen(
        'live',
        'cd /tree; ls -A; cat file; ls -l link; stat -c "%a %Y" sub; stat -c "%u %g %h" file',
      ),
      {
        stdout: /^file\nlink\nsub\nnew\n.*link -> file\n750 2000000\n5 6 2\n$/,
      },
    );
    t.match(await docker('cp', `${local}/tree`, 'still:/tree'), { code: 0 });
    t.match((await seen('still', '')).stdout, /-rw-r--r-- 5\/6 +4 .* tree\/file\n/);
    t.match(
      await docker('cp', `${local}/tree/file`, 'still:/deep/kept/x'),
      { code: 0 },
      'into a volume of a container that never ran',
    );
    t.equal((await docker('exec', 'live', 'cat', '/kept/x')).stdout, 'new\n', 'another one sees it');
    t.match(await docker('cp', `${local}/tree/file`, 'live:/data/absolute/through'), { code: 0 });
    t.equal((await docker('exec', 'live', 'cat', '/etc/through')).stdout, 'new\n', 'through a link, inside');
    t.notOk(existsSync('/etc/through'));
    t.match(await docker('cp', `${local}/tree/file`, 'live:/local/file'), {
      code: 1,
      stderr: /mounted volume is marked read-only/,
    });
    t.match(await docker('cp', `${local}/tree`, 'live:/data/file'), {
      code: 1,
      stderr: /cannot (copy|overwrite)/,
    });
    await made('sealed', '--read-only', 'test/files', 'true');
    t.match(await docker('cp', `${local}/tree/file`, 'sealed:/x'), {
      code: 1,
      stderr: /container rootfs is marked read-only/,
    });
    t.match(await docker('cp', `${local}/tree/file`, 'sealed:/data/x'), { code: 0 }, 'a volume of it is not');
    await made('owned', '-u', 'app', 'test/files', 'sh', '-c', 'stat -c "%u %g" /home/file');
    t.match(await docker('cp', '-a', `${local}/tree/file`, 'owned:/home/file'), { code: 0 });
    await docker('start', 'owned');
    await docker('wait', 'owned');
    t.equal((await docker('logs', 'owned')).stdout, '1000 1000\n');
    const text = 'x'.repeat(3_000_000);
    writeFileSync(join(local, 'large'), text);
    for (const [letter, program] of [
      ['', 'cat'],
      ['z', 'gzip'],
      ['j', 'bzip2'],
      ['J', 'xz'],
      ['s', 'zstd'],
    ]) {
      const { stdout, status } = spawnSync('sh', ['-c', `tar c large | ${program}`], {
        cwd: local,
        maxBuffer: 2 ** 25,
      });
      if (status !== 0) continue;
      t.equal(await put('live', '/home', stdout), '200 ', `compressed by ${program}`);
      t.match((await docker('exec', 'live', 'wc', '-c', '/home/large')).stdout, /^3000000 /);
      if (letter !== '')
        t.match(await put('live', '/home', stdout.subarray(0, stdout.length / 2)), /^400 /, `cut ${program}`);
    }
  });

  await t.test('hostile archives lead nowhere', async t => {
    const outside = join(folder, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'secret'), 'of the host\n');
    const tar = async (...entries: readonly Entry[]): Promise<Buffer> => {
      const pieces: Uint8Array[] = [];
      for await (const piece of writeTar(entries)) pieces.push(piece);
      return Buffer.concat(pieces);
    };
    const end = Buffer.alloc(1024);
    await docker('exec', 'live', 'mkdir', '/in');
    // A link to the host, and a file behind it.
    const escape = await tar(entry('symlink', 'out', { target: outside }), file('out/planted', 'planted'));
    t.match(await put('live', '/in', escape), /^200/);
    t.same(readdirSync(outside), ['secret'], 'the link meant a folder of the container');
    t.equal((await docker('exec', 'live', 'cat', `${outside}/planted`)).stdout, 'planted');
    const climbing = await tar(
      entry('symlink', 'up', { target: '../../../../../..' + outside }),
      file('up/planted2', 'x'),
    );
    t.match(await put('live', '/in', climbing), /^200/);
    t.same(readdirSync(outside), ['secret']);
    t.match(
      await put('live', '/in', Buffer.concat([rawHeader({ name: '../planted' }, 'x'), end])),
      /^400 .*holds ".."/,
    );
    t.match(await put('live', '/in', Buffer.concat([rawHeader({ name: '/in/absolute' }, 'x'), end])), /^200/);
    t.equal((await docker('exec', 'live', 'cat', '/in/in/absolute')).stdout, 'x', 'taken as relative');
    const hard = Buffer.concat([rawHeader({ name: 'hard', type: '1', linkName: '../../etc/passwd' }), end]);
    t.match(await put('live', '/in', hard), /^400/);
    const through = await tar(
      entry('symlink', 'esc', { target: outside }),
      entry('hardlink', 'stolen', { target: 'esc/secret' }),
    );
    t.match(await put('live', '/in', through), /^(400|500)/);
    t.match(await put('live', '/in', Buffer.from('not a tar archive'.repeat(100))), /^400/);
    t.match(await put('live', '/in', (await tar(file('cut', 'x'.repeat(9000)))).subarray(0, 5000)), /^400/);
    t.match(
      await docker('exec', 'live', 'ls', '/in/cut'),
      { code: 1 },
      'nothing is left of a file that was cut',
    );
    t.match(
      await put('live', '/data', await tar(file('sub', 'x')), '&noOverwriteDirNonDir=true'),
      /^400 cannot overwrite directory "\/data\/sub" with non-directory "sub"/,
    );
    t.match(
      await put('live', '/data', await tar(entry('directory', 'file')), '&noOverwriteDirNonDir=true'),
      /^400 cannot overwrite non-directory "\/data\/file" with directory "file"/,
    );
    t.match(await put('live', '/data', await tar(file('sub', 'x'))), /^200/);
    t.equal((await docker('exec', 'live', 'cat', '/data/sub')).stdout, 'x');
    t.match(
      await put('live', '/etc/passwd', await tar(file('x', 'x'))),
      /^400 extraction point is not a directory/,
    );
    t.match(
      await put('live', '/nowhere', await tar(file('x', 'x'))),
      /^404 Could not find the file \/nowhere in container live/,
    );
    const odd = await tar(
      entry('fifo', 'fifo'),
      entry('char-device', 'null', { major: 1, minor: 3, mode: 0o666 }),
    );
    t.match(await put('live', '/in', odd), /^200/);
    t.match(
      (await docker('exec', 'live', 'sh', '-c', 'ls -l /in/fifo /in/null')).stdout,
      /^prw-r--r-- .*\ncrw-rw-rw- .* 1, +3 /,
    );
    // Reading it again does not wait for a writer.
    t.match((await raw('GET', '/containers/live/archive?path=/in')).status, 200);
  });

  await t.test('nothing leads out while the container exchanges folders for links', async t => {
    const outside = join(folder, 'outside');
    await docker(
      'exec',
      '-d',
      'live',
      'sh',
      '-c',
      `mkdir -p /race/a/deep; echo own >/race/a/deep/secret; cd /race; while :; do mv a b; ln -s ${outside} a; rm a; mv b a; done`,
    );
    const tar: Uint8Array[] = [];
    for await (const piece of writeTar([file('a/planted', 'x')])) tar.push(piece);
    for (let round = 0; round < 60; round += 1) {
      await put('live', '/race', Buffer.concat(tar));
      const { body } = await raw('GET', '/containers/live/archive?path=/race/a/');
      t.notOk(body.includes('of the host'));
      const { body: one } = await raw('GET', '/containers/live/archive?path=/race/a/secret');
      t.notOk(one.includes('of the host'));
    }
    t.same(readdirSync(outside), ['secret']);
  });

  await t.test('diff', async t => {
    await made(
      'changed',
      'test/files',
      'sh',
      '-c',
      'echo more >>/etc/config; rm /etc/group; mkdir /home/new; touch /home/new/a "/home/new/b c"; rm -r /tmp; chmod 700 /root; rm -r /bin/stat; echo x >/data/volume',
    );
    t.same(await docker('diff', 'changed'), { code: 0, stdout: '', stderr: '' });
    t.equal((await raw('GET', '/containers/changed/changes')).body.toString(), 'null\n');
    await docker('start', 'changed');
    await docker('wait', 'changed');
    const expected = [
      'C /bin',
      'D /bin/stat',
      'A /empty',
      'C /etc',
      'C /etc/config',
      'D /etc/group',
      'C /home',
      'A /home/new',
      'A /home/new/a',
      'A /home/new/b c',
      'C /root',
      'D /tmp',
    ];
    t.same((await docker('diff', 'changed')).stdout.trim().split('\n'), expected);
    await made('opaque', 'test/files', 'sh', '-c', 'rm -r /etc; mkdir /etc; echo x >/etc/passwd; sleep 1000');
    await docker('start', 'opaque');
    await docker('exec', 'opaque', 'true');
    t.match(
      (await docker('diff', 'opaque')).stdout,
      /^A \/empty\nC \/etc\nD \/etc\/config\nD \/etc\/group\nC \/etc\/passwd\n$/,
    );
  });

  await t.test('export', async t => {
    const list = async (name: string): Promise<string> =>
      (await run('sh', ['-c', `${dockerProgram} export ${name} | tar tv --numeric-owner`], socket)).stdout;
    const changed = await list('changed');
    t.match(changed, / bin\/busybox\n/);
    t.match(changed, / home\/new\/b c\n/);
    t.notMatch(changed, / tmp\/| bin\/stat|etc\/group/);
    t.match(changed, /drwxr-xr-. 0\/0 .* empty\/\n/, 'a mount point is there, what is mounted is not');
    t.notMatch(changed, /data\/volume/);
    t.match(await list('live'), / data\/\n/);
    t.match(await docker('export', 'nobody'), { code: 1, stderr: /No such container: nobody/ });
  });

  await t.test('a reader that stalls holds nobody up, and goes with its container', async t => {
    await made(
      'huge',
      'test/files',
      'sh',
      '-c',
      'dd if=/dev/zero of=/home/huge bs=1M count=64 2>/dev/null; true',
    );
    await docker('start', 'huge');
    await docker('wait', 'huge');
    const stalled = connect(socket, () =>
      stalled.write('GET /containers/huge/export HTTP/1.1\r\nHost: x\r\n\r\n'),
    );
    const closed = new Promise(resolve => stalled.once('close', resolve));
    stalled.on('error', () => undefined);
    await new Promise(resolve => stalled.once('readable', resolve));
    const rootfs = mountsBelow(config.runRoot).filter(point => point.endsWith('/rootfs'));
    t.match(await docker('start', 'huge'), { code: 0 });
    t.match(await docker('wait', 'huge'), { stdout: '0\n' });
    t.match(await docker('rm', '-v', 'huge'), { code: 0 });
    stalled.resume();
    await closed;
    t.equal(mountsBelow(config.runRoot).filter(point => point.endsWith('/rootfs')).length, rootfs.length - 1);
  });

  await docker('rm', '-fv', 'live', 'still', 'sealed', 'owned', 'changed', 'opaque');
  await docker('volume', 'rm', 'kept');
  t.same(mountsBelow(config.runRoot), []);
  t.same((await docker('volume', 'ls', '-q')).stdout, '');
});

t.test('docker commit', async t => {
  const socket = join(folder, 'commit.sock');
  const config = configFor('commit');
  await using engine = await createEngine({ ...config, log });
  await engine.listen(socket);
  const docker = (...args: readonly string[]): Promise<Ended> => run(dockerProgram, args, socket);
  /** The image's configuration as it is kept. */
  const configOf = (
    id: string,
  ): { config: Record<string, unknown>; rootfs: { diff_ids: string[] }; history: object[] } =>
    JSON.parse(
      readFileSync(join(config.stateRoot, 'images', id.trim().slice('sha256:'.length), 'config'), 'utf8'),
    ) as ReturnType<typeof configOf>;

  await t.test('what was changed becomes a layer', async t => {
    const script =
      'echo more >>/etc/config; rm /etc/group; mkdir /home/new; echo a >/home/new/a; ln /home/new/a /home/new/b; ln -s a /home/new/c; chmod 4755 /home/new/a; rm -r /tmp; rm -r /root; mkdir /root; echo r >/root/r; rm -r /opt; mkdir /opt; echo fresh >/opt/fresh; echo gone >/data/volume; exec sleep 1000';
    await docker(
      'create',
      '--network',
      'none',
      '--name',
      'source',
      '-e',
      'FROM=container',
      '--label',
      'l=1',
      'test/files',
      'sh',
      '-c',
      script,
    );
    await docker('start', 'source');
    await eventually('its changes', async () =>
      (await docker('exec', 'source', 'ls', '/data/volume')).code === 0 ? true : undefined,
    );
    const { stdout, stderr, code } = await docker(
      ...[
        'commit',
        '-a',
        'me',
        '-m',
        'words',
        '-c',
        'CMD ["ls", "/home/new"]',
        '-c',
        'ENV A=1 B="two words"',
        '-c',
        'EXPOSE 80',
        'source',
        'made:1',
      ],
    );
    t.match({ code, stderr, stdout }, { code: 0, stderr: '', stdout: /^sha256:[0-9a-f]{64}\n$/ });
    t.equal((await docker('exec', 'source', 'echo', 'thawed')).stdout, 'thawed\n');
    const made = configOf(stdout);
    t.match(made, {
      author: 'me',
      config: {
        Cmd: ['ls', '/home/new'],
        Env: ['FROM=container', 'PATH=/bin', 'A=1', 'B=two words'],
        ExposedPorts: { '80/tcp': {} },
        Labels: { l: '1' },
        Volumes: { '/data': {}, '/empty': {} },
      },
    });
    t.match(made.history, [
      { created_by: 'base' },
      { created_by: 'top' },
      { author: 'me', comment: 'words', created_by: `sh -c ${script}` },
    ]);
    t.equal(made.rootfs.diff_ids.length, 3);
    const layer = join(config.stateRoot, 'layers', made.rootfs.diff_ids[2]?.slice('sha256:'.length) ?? '');
    const out = join(folder, 'layer');
    const extracted = spawnSync(
      fsckErofs,
      [`--extract=${out}`, '--preserve', '--xattrs', join(layer, 'layer.erofs')],
      { encoding: 'utf8' },
    );
    t.equal(extracted.status, 0, extracted.stderr);
    const found = spawnSync('find', ['.', '-mindepth', '1', '-printf', '%P %M %n\n'], {
      cwd: out,
      encoding: 'utf8',
    })
      .stdout.split('\n')
      .sort()
      .join('\n')
      .trim();
    t.equal(
      found,
      [
        'empty drwxr-xr-t 2',
        'etc drwxr-xr-x 2',
        'etc/config -rw-r--r-- 1',
        'etc/group c--------- 1',
        'home drwxr-xr-x 3',
        'home/new drwxr-xr-x 2',
        'home/new/a -rwsr-xr-x 2',
        'home/new/b -rwsr-xr-x 2',
        'home/new/c lrwxrwxrwx 1',
        'opt drwxr-xr-x 2',
        'opt/fresh -rw-r--r-- 1',
        'root drwxr-xr-x 2',
        'root/r -rw-r--r-- 1',
        'tmp c--------- 1',
      ].join('\n'),
    );
    t.equal(readFileSync(join(out, 'etc/config'), 'utf8'), 'from the image\nmore\n');
    const opaque = ['getfattr', '-h', '-n', 'trusted.overlay.opaque', join(out, 'opt')];
    t.match(
      spawnSync(programs.busybox, opaque, { encoding: 'utf8' }).stdout,
      /opaque="y"/,
      'it hides what the image has',
    );
    const again = await docker('commit', 'source', 'made:2');
    t.equal(
      configOf(again.stdout).rootfs.diff_ids[2],
      made.rootfs.diff_ids[2],
      'the same changes, the same layer',
    );
    t.match(await docker('create', '--network', 'none', '--name', 'next', 'made:1'), { code: 0, stderr: '' });
    await docker('rm', '-fv', 'source', 'next');
  });

  await t.test('nothing changed, no layer; no name, no name', async t => {
    await docker('create', '--network', 'none', '--name', 'same', 'test/files', 'true');
    const { stdout } = await docker('commit', 'same');
    const made = configOf(stdout);
    t.equal(made.rootfs.diff_ids.length, 2);
    t.match(made.history[2], { empty_layer: true });
    const cases: readonly (readonly [string[], RegExp])[] = [
      [['nobody', 'x'], /No such container: nobody/],
      [['same', 'Upper'], /must be lowercase/],
      [['-c', 'RUN ls', 'same'], /run is not a valid change command/],
      [['-c', 'ENV', 'same'], /ENV requires/],
    ];
    for (const [args, sentence] of cases) {
      t.match(await docker('commit', ...args), { code: 1, stderr: sentence }, args.join(' '));
    }
    await docker('rm', '-v', 'same');
  });
});

t.test('volumes outlast kills of the engine, half-made ones do not', async t => {
  const socket = join(folder, 'kill.sock');
  const config = { ...configFor('kill'), socket };
  const docker = (...args: readonly string[]): Promise<Ended> => run(dockerProgram, args, socket);
  let daemon = await startDaemon(config);
  t.match(
    await docker(
      'create',
      '--network',
      'none',
      '--name',
      'keeper',
      '-v',
      'kept:/data',
      'test/files',
      'sleep',
      '1000',
    ),
    { code: 0 },
  );
  t.match(await docker('volume', 'create', '-o', 'type=tmpfs', '-o', 'device=tmpfs', 'ram'), { code: 0 });
  t.match(
    await docker(
      'create',
      '--network',
      'none',
      '--name',
      'ramuser',
      '-v',
      'ram:/ram',
      'test/files',
      'sleep',
      '1000',
    ),
    { code: 0 },
  );
  await docker('start', 'ramuser');
  for (let delayMs = 0; delayMs < 200; delayMs += 10) {
    const cut = docker(
      'create',
      '--network',
      'none',
      '--name',
      'cut',
      '-v',
      'cutnamed:/data',
      '-v',
      '/more',
      'test/files',
      'sleep',
      '1000',
    );
    await new Promise(resolve => setTimeout(resolve, delayMs));
    await daemon.kill();
    const acknowledged = (await cut).code === 0;
    daemon = await startDaemon(config);
    const there = (await docker('inspect', 'cut')).code === 0;
    if (acknowledged) t.ok(there, `cut after ${delayMs} ms`);
    const volumes = (await docker('volume', 'ls', '-q')).stdout.split('\n').filter(Boolean);
    // Of keeper and ramuser: kept, ram, and three anonymous ones.
    t.equal(volumes.length, there ? 8 : 5, `volumes after ${delayMs} ms, ${there ? 'made' : 'not made'}`);
    if (there) {
      const data = join(config.stateRoot, 'volumes/cutnamed/_data');
      t.same(readdirSync(data).sort(), ['absolute', 'file', 'link', 'sub'], 'filled');
      t.equal(statSync(data).mode & 0o7777, 0o1770);
      await docker('rm', '-v', 'cut');
      await docker('volume', 'rm', 'cutnamed');
    }
    for (const root of [config.runRoot, config.stateRoot]) {
      const left = readdirSync(join(root, 'volumes')).filter(name => name.startsWith('.'));
      t.same(left, [], 'nothing half-made');
    }
  }
  // A reader of a container that does not run keeps it mounted; one of a running one may hold it still.
  const stalled = connect(socket, () =>
    stalled.write('GET /containers/keeper/export HTTP/1.1\r\nHost: x\r\n\r\n'),
  );
  stalled.on('error', () => undefined);
  await new Promise(resolve => stalled.once('readable', resolve));
  const rootsOf = (): string[] => mountsBelow(config.runRoot).filter(point => point.endsWith('/rootfs'));
  t.equal(rootsOf().length, 2);
  await daemon.kill();
  daemon = await startDaemon(config);
  t.equal(rootsOf().length, 1, 'that of the running one');
  await docker('exec', 'ramuser', 'sh', '-c', 'seq 1 2000000 >/home/large');
  for (let delayMs = 20; delayMs < 200; delayMs += 20) {
    const cut = docker('commit', 'ramuser');
    await new Promise(resolve => setTimeout(resolve, delayMs));
    await daemon.kill();
    await cut;
    daemon = await startDaemon(config);
    t.equal(
      (await docker('exec', 'ramuser', 'echo', 'alive')).stdout,
      'alive\n',
      `commit cut after ${delayMs} ms`,
    );
    for (const name of ['layers', 'images']) {
      t.same(
        readdirSync(join(config.stateRoot, name)).filter(each => each.startsWith('.')),
        [],
      );
    }
  }
  t.same(mountsBelow(join(config.stateRoot, 'volumes')), [join(config.stateRoot, 'volumes/ram/_data')]);
  process.kill(Number((await docker('inspect', '--format', '{{.State.Pid}}', 'ramuser')).stdout), 0);
  await docker('rm', '-fv', 'ramuser', 'keeper');
  t.same(mountsBelow(join(config.stateRoot, 'volumes')), []);
  await daemon.kill();
});
