/**
 * Files of containers with the real conmon and crun and Docker's own client: `docker cp` both ways, changes and
 * export. Needs root, for a mount namespace of its own.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import type { Entry } from '../../src/shared/archive/entry.ts';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';
import type { Ended } from '../support/files-bench.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'files');

const { default: t } = await import('tap');
const { mountsBelow, openFilesBench } = await import('../support/files-bench.ts');
const { createEngine } = await import('../../src/machine/engine/engine.ts');
const { writeTar } = await import('../../src/shared/archive/tar.ts');
const { entry, file, rawHeader } = await import('../support/oci-image.ts');
const bench = await openFilesBench(engineRoot, folder);
const { configFor, log, run } = bench;
const { docker: dockerProgram } = bench.programs;

t.setTimeout(600_000);
t.teardown(() => bench.cleanUp());

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
    // What is mounted read-only stays as it is, and what is mounted stays mounted.
    sh('mkdir -p mounted; echo of the host >mounted/secret; chmod 700 mounted');
    await made(
      'mounting',
      ...[
        '-v',
        `${local}/mounted:/conf:ro`,
        '-v',
        `${local}/mounted:/etc/deep/vol:ro`,
        '-v',
        `${local}/tree/file:/single`,
        '-v',
        `${local}/tree:/data2`,
      ],
      ...['test/files', 'sleep', '1000'],
    );
    await docker('start', 'mounting');
    const putThere = async (path: string, ...entries: readonly Entry[]): Promise<string> =>
      put('mounting', path, await tar(...entries));
    t.match(await putThere('/', file('conf/new/x', 'x')), /^400 mounted volume is marked read-only/);
    t.match(
      await putThere('/', entry('symlink', 'data2/way', { target: '/conf' }), file('data2/way/new/x', 'x')),
      /^400 mounted volume is marked read-only/,
    );
    t.match(
      await putThere('/', entry('hardlink', 'data2/stolen', { target: 'conf/secret' })),
      /^400 .*invalid cross-device link/,
    );
    t.same(readdirSync(join(local, 'mounted')), ['secret']);
    t.match(await putThere('/', file('single', 'x')), /^500 .*device or resource busy/);
    t.match(await putThere('/', file('data2', 'x')), /^500 .*device or resource busy/);
    t.match(
      await putThere('/etc', file('deep', 'x')),
      /^500 .*device or resource busy/,
      'something is mounted below',
    );
    t.equal((await docker('exec', 'mounting', 'cat', '/etc/deep/vol/secret')).stdout, 'of the host\n');
    t.match(await putThere('/', entry('directory', 'data2', { mode: 0o751 })), /^200/);
    t.equal(
      (await docker('exec', 'mounting', 'stat', '-c', '%a', '/data2')).stdout,
      '751\n',
      'what is mounted',
    );
    t.equal((await docker('exec', 'mounting', 'cat', '/single')).stdout, 'new\n', 'it is still mounted');
    const deep =
      'i=0; while [ $i -lt 600 ]; do mkdir d; cd -P d; i=$((i+1)); done; ln -s $(pwd -P) /home/deep';
    await docker('exec', '-w', '/home', 'mounting', 'sh', '-c', deep);
    t.match((await raw('HEAD', '/containers/mounting/archive?path=/home/deep/x')).status, 501);
    await docker('rm', '-fv', 'mounting');
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
