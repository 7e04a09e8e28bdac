/**
 * Images made of containers, with the real conmon, crun and mkfs.erofs and Docker's own client. Needs root, for a
 * mount namespace of its own.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';
import type { Ended } from '../support/files-bench.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'files');

const { default: t } = await import('tap');
const { eventually } = await import('../support/engine.ts');
const { openFilesBench } = await import('../support/files-bench.ts');
const { createEngine } = await import('../../src/machine/engine/engine.ts');
const bench = await openFilesBench(engineRoot, folder);
const { configFor, log, run } = bench;
const { docker: dockerProgram, engine: programs, fsckErofs } = bench.programs;

t.setTimeout(600_000);
t.teardown(() => bench.cleanUp());

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

  await t.test('links that climb and device nodes are kept', async t => {
    const script = 'ln -s ../../../x /climbing; mknod /disk b 8 0';
    const run = await docker('run', '--network', 'none', '--name', 'odd', 'test/files', 'sh', '-c', script);
    t.same(run, { code: 0, stdout: '', stderr: '' });
    t.match(await docker('commit', 'odd', 'odd:1'), { code: 0, stderr: '' });
    const look = ['run', '--rm', '--network', 'none', 'odd:1', 'stat', '-c', '%N %F', '/climbing', '/disk'];
    const { stdout } = await docker(...look);
    t.match(stdout, /climbing'? -> '?\.\.\/\.\.\/\.\.\/x'? symbolic link\n.*disk'? block special file\n/);
    await docker('rm', '-v', 'odd');
    await docker('rmi', 'odd:1');
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
      [['-c', 'RUN ls', 'same'], /RUN is not a valid change command/],
      [['-c', 'ENV', 'same'], /ENV requires/],
    ];
    for (const [args, sentence] of cases) {
      t.match(await docker('commit', ...args), { code: 1, stderr: sentence }, args.join(' '));
    }
    await docker('rm', '-v', 'same');
  });
});
