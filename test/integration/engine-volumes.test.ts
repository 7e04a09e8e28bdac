/**
 * Volumes with the real conmon and crun and Docker's own client. Needs root, for a mount namespace of its own.
 */
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';
import type { Ended } from '../support/files-bench.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'files');

const { default: t } = await import('tap');
const { eventually, startDaemon } = await import('../support/engine.ts');
const { mountsBelow, openFilesBench } = await import('../support/files-bench.ts');
const { createEngine } = await import('../../src/machine/engine/engine.ts');
const bench = await openFilesBench(engineRoot, folder);
const { configFor, log, run } = bench;
const { docker: dockerProgram } = bench.programs;

t.setTimeout(600_000);
t.teardown(() => bench.cleanUp());

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

  await t.test('docker run -v, --rm', async t => {
    const ran = (...args: readonly string[]): Promise<Ended> =>
      docker('run', '--rm', '--network', 'none', '-v', 'ran:/x', 'test/files', 'sh', '-c', ...args);
    t.same(await ran('echo hi >/x/f'), { code: 0, stdout: '', stderr: '' });
    t.same(await ran('cat /x/f; exit 3'), { code: 3, stdout: 'hi\n', stderr: '' });
    await eventually('its anonymous volumes to be gone', async () =>
      (await names()).join() === 'ran' ? true : undefined,
    );
    t.match(await docker('volume', 'rm', 'ran'), { code: 0 });
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
