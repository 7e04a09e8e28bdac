/**
 * The `system-docker` command against a real engine, beside Docker's own client: the same command must print the
 * same. Terminals are real ones. Needs root, for a mount namespace of its own.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'command');

const { default: t } = await import('tap');
const { cleanUp, eventually, makeImageStore, testPrograms } = await import('../support/engine.ts');
const { makeLayeredImage } = await import('../support/layered-image.ts');
const { USER, findRegistryProgram, push, startRegistry } = await import('../support/registry.ts');
const { blobsOf } = await import('../support/oci-image.ts');
const { createEngine } = await import('../../src/machine/engine/engine.ts');
const { createLog } = await import('../../src/machine/log.ts');

const { engine: programs, docker: dockerProgram } = testPrograms(engineRoot, join(folder, 'bin'));
const group = `/slipway-command-${process.pid}`;
const log = createLog({
  component: 'test',
  level: 'debug',
  write: line => process.env.SLIPWAY_TEST_LOG === '1' && process.stderr.write(line),
});
const socket = join(folder, 'api.sock');
const main = join(import.meta.dirname, '../support/cli-main.ts');

t.setTimeout(600_000);
t.teardown(() => cleanUp(folder, join('/sys/fs/cgroup', group)));

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs. */
interface Running {
  readonly done: Promise<Result>;
  readonly stdin: NodeJS.WritableStream;
  readonly output: () => string;
  readonly signal: (name: NodeJS.Signals) => void;
}

const env = { ...process.env, DOCKER_HOST: `unix://${socket}`, HOME: folder, TZ: 'UTC' };
const start = (command: string, args: readonly string[]): Running => {
  const child = spawn(command, args, { env, cwd: folder });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.on('error', () => undefined);
  return {
    done: new Promise(resolve => child.on('close', code => resolve({ code, stdout, stderr }))),
    stdin: child.stdin,
    output: () => stdout,
    signal: name => void child.kill(name),
  };
};
const ended = (running: Running, input = ''): Promise<Result> => {
  running.stdin.end(input);
  return running.done;
};
const docker = (...args: readonly string[]): Promise<Result> => ended(start(dockerProgram, args));
const ours = (...args: readonly string[]): Promise<Result> => ended(start(process.execPath, [main, ...args]));
/** Ours with a terminal of 33 rows and 99 columns. */
const onTerminal = (words: string): Running =>
  start('script', ['-qec', `stty rows 33 cols 99; exec ${process.execPath} ${main} ${words}`, '/dev/null']);

/** Ages grow from one command to the next. */
const plain = ({ code, stdout, stderr }: Result): Result => {
  const still = (text: string): string =>
    text
      .replaceAll('system-docker', 'docker')
      .replaceAll(/(Less than a|About a|\d+) (second|minute)s?( ago)?/g, 'N units')
      .replaceAll(/ {2,}/g, '  ');
  return { code, stdout: still(stdout), stderr: still(stderr) };
};

const store = makeImageStore(join(folder, 'store'), programs.busybox);
const engine = await createEngine({
  runRoot: join(folder, 'run'),
  stateRoot: join(folder, 'state'),
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
  log,
});
t.teardown(() => engine[Symbol.asyncDispose]());
await engine.listen(socket);

const host = ['--network', 'host'];

t.test('run: output, input and exit codes', async t => {
  t.strictSame(
    await ours('run', ...host, '--rm', 'test/busybox', 'sh', '-c', 'echo one; echo two >&2; exit 7'),
    {
      code: 7,
      stdout: 'one\n',
      stderr: 'two\n',
    },
  );
  const input = 'x'.repeat(300_000);
  const echoed = await ended(
    start(process.execPath, [main, 'run', ...host, '--rm', '-i', 'test/busybox', 'cat']),
    input,
  );
  t.equal(echoed.code, 0);
  t.ok(echoed.stdout === input, 'all of 300 kB comes back');
  const open = start(process.execPath, [main, 'run', ...host, '--rm', '-i', 'test/busybox', 'true']);
  t.match(await open.done, { code: 0 }, 'input that stays open keeps nobody');
  for (const [words, code] of [
    [['test/busybox', 'nosuch'], 127],
    [['test/busybox', '/etc/passwd'], 126],
    [['--restart', 'always', '--rm', 'test/busybox'], 125],
    [['--pull', 'never', 'nothing/there'], 125],
  ] as const) {
    const [theirs, mine] = [
      plain(await docker('run', ...host, '--rm', ...words)),
      plain(await ours('run', ...host, '--rm', ...words)),
    ];
    t.equal(mine.code, code, `${words.join(' ')}: ${mine.stderr}`);
    t.strictSame(mine, theirs);
  }
});

t.test('run -d and what comes after it', async t => {
  const made = await ours(
    'run',
    ...host,
    '-d',
    '--name',
    'web',
    '-l',
    'tier=front',
    'test/busybox',
    'sh',
    '-c',
    'trap "exit 3" TERM; while :; do sleep 0.1; done',
  );
  t.match(made, { code: 0, stdout: /^[0-9a-f]{64}\n$/, stderr: '' });
  t.match(
    await ours('run', ...host, '--name', 'done', 'test/busybox', 'sh', '-c', 'echo out; echo err >&2'),
    { code: 0 },
  );
  t.match(await ours('create', '--name', 'fresh', '-it', ...host, 'test/busybox'), { code: 0 });
  const same: readonly (readonly string[])[] = [
    ['ps'],
    ['ps', '-a'],
    ['ps', '-aq', '--no-trunc'],
    ['ps', '-a', '--format', 'table {{.Names}}\t{{.State}}\t{{.Networks}}\t{{.Label "tier"}}'],
    ['ps', '-a', '--filter', 'status=exited', '--format', 'json'],
    ['ps', '--filter', 'colour=red'],
    ['images'],
    ['images', '--digests', '--no-trunc'],
    ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}}'],
    ['history', 'test/busybox'],
    ['inspect', 'web'],
    [
      'inspect',
      '--format',
      '{{.Id}} {{.Name}} {{json .Config.Labels}} {{.State.Status}} {{.HostConfig.NetworkMode}}',
      'web',
      'done',
    ],
    [
      'inspect',
      '--format',
      '{{json .State}} {{json .Mounts}} {{.HostConfig.RestartPolicy}} {{.State.Health}}',
      'done',
    ],
    ['inspect', '--format', '{{.Nope}}', 'web'],
    ['inspect', 'nope', 'web'],
    ['container', 'inspect', 'nope'],
    ['image', 'inspect', 'test/busybox'],
    ['image', 'inspect', '--format', '{{.ID}} {{.RepoTags}} {{.Os}} {{len .RootFS.Layers}}', 'test/busybox'],
    ['logs', 'done'],
    ['logs', '-t', '--tail', '1', 'done'],
    ['logs', '--since', '2099-01-01', 'done'],
    ['logs', 'nope'],
    ['port', 'web'],
    ['diff', 'done'],
    ['network', 'ls'],
    ['network', 'inspect', 'host'],
    ['volume', 'ls'],
    ['system', 'df'],
    ['system', 'df', '-v'],
    ['exec', 'done', 'true'],
    ['exec', 'nope', 'true'],
    ['start', 'nope'],
    ['stop', 'nope', 'alsonot'],
    ['rm', 'nope'],
    ['rm', 'web'],
    ['rmi', 'nothing'],
    ['kill', 'done'],
    ['rename', 'web', 'done'],
    ['cp', 'web:/nope', '.'],
    ['attach', 'done'],
    ['info', '--format', '{{.Containers}} {{.Driver}} {{.ServerVersion}}'],
    ['version', '--format', '{{.Server.Version}} {{.Server.APIVersion}}'],
  ];
  for (const words of same) {
    t.strictSame(plain(await ours(...words)), plain(await docker(...words)), words.join(' '));
  }
});

t.test('exec, top, stats, cp, diff, export, commit', async t => {
  t.match(await ours('exec', 'web', 'sh', '-c', 'echo hi; exit 4'), { code: 4, stdout: 'hi\n' });
  t.match(await ours('exec', '-e', 'K=v', '-w', '/tmp', 'web', 'sh', '-c', 'echo $K $PWD'), {
    stdout: 'v /tmp\n',
  });
  t.match(await ours('top', 'web'), { code: 0, stdout: /^UID +PID +PPID.*\n[\s\S]*trap/ });
  t.match(await ours('stats', '--no-stream', '--format', '{{.Name}} {{.ID}}', 'web'), {
    code: 0,
    stdout: /^web [0-9a-f]{12}\n$/,
  });
  const following = start(process.execPath, [main, 'stats', '--format', '{{.Name}}', 'web']);
  await eventually('figures', () => (following.output().includes('web\n') ? true : undefined));
  following.signal('SIGINT');
  await following.done;

  mkdirSync(join(folder, 'tree/sub'), { recursive: true });
  writeFileSync(join(folder, 'tree/sub/file'), 'through\n', { mode: 0o640 });
  t.strictSame(await ours('cp', 'tree', 'web:/tmp'), { code: 0, stdout: '', stderr: '' });
  t.match(await ours('exec', 'web', 'cat', '/tmp/tree/sub/file'), { stdout: 'through\n' });
  t.match(await ours('cp', 'web:/tmp/tree', 'back'), { code: 0 });
  t.equal(readFileSync(join(folder, 'back/sub/file'), 'utf8'), 'through\n');
  t.equal(statSync(join(folder, 'back/sub/file')).mode & 0o777, 0o640);
  t.match(await ours('cp', 'web:/tmp/tree/sub/.', 'back'), { code: 0 });
  t.equal(readFileSync(join(folder, 'back/file'), 'utf8'), 'through\n', 'the content of a folder');
  t.match(await ours('exec', 'web', 'sh', '-c', 'ln -s /etc/passwd /tmp/tree/link'), { code: 0 });
  t.match(await ours('cp', 'web:/tmp/tree/link', 'link'), { code: 0 });
  t.equal(readlinkSync(join(folder, 'link')), '/etc/passwd', 'a link stays a link');
  t.match(
    await ours('cp', 'web:/tmp/tree', 'link'),
    { code: 1, stderr: 'cannot copy directory\n' },
    'an answer that nobody reads keeps nobody',
  );
  t.match(await ours('cp', 'web:/tmp/tree/sub/file', '-'), { code: 0, stdout: /^file\0/ });
  t.strictSame(plain(await ours('diff', 'web')), plain(await docker('diff', 'web')));
  t.match(await ours('export', '-o', 'web.tar', 'web'), { code: 0 });
  t.ok(statSync(join(folder, 'web.tar')).size > 100_000);
});

t.test('start -a, wait, kill, pause, update, prune, events', async t => {
  t.match(await ours('start', '-a', 'done'), { code: 0, stdout: 'out\n', stderr: 'err\n' });
  t.match(await ours('start', 'web'), { code: 0, stdout: 'web\n' });
  t.match(await ours('update', '--restart', 'no', 'web'), { code: 0, stdout: 'web\n' });
  t.match(await ours('stop', '-t', '5', 'web'), { code: 0, stdout: 'web\n' });
  t.match(await ours('wait', 'web'), { code: 0, stdout: '3\n' });
  t.match(await ours('restart', 'web'), { code: 0, stdout: 'web\n' });
  t.match(await ours('kill', 'web'), { code: 0, stdout: 'web\n' });
  t.match(await ours('wait', 'web'), { code: 0, stdout: '137\n' });
  t.match(await ours('rename', 'fresh', 'stale'), { code: 0, stdout: '' });
  t.match(await ours('rm', 'stale', 'nope'), {
    code: 1,
    stdout: 'stale\n',
    stderr: /No such container: nope/,
  });
  t.match(await ours('container', 'prune', '-f'), {
    code: 0,
    stdout: /^Deleted Containers:\n([0-9a-f]{64}\n)+\nTotal reclaimed space: .*B\n$/,
  });
  t.match(await ours('ps', '-aq'), { stdout: '' });
  const until = String(Math.ceil(Date.now() / 1000));
  const words = ['events', '--since', '1', '--until', until, '--filter', 'type=container'];
  t.strictSame(await ours(...words), await docker(...words));
});

t.test('volumes', async t => {
  t.match(await ours('volume', 'create', '--label', 'a=b', 'data'), { code: 0, stdout: 'data\n' });
  t.match(
    await ours('run', ...host, '--rm', '-v', 'data:/mnt', 'test/busybox', 'sh', '-c', 'echo kept >/mnt/file'),
    { code: 0, stderr: '' },
  );
  t.match(
    await ours(
      'run',
      ...host,
      '--rm',
      '--mount',
      'type=volume,src=data,dst=/mnt,ro',
      'test/busybox',
      'cat',
      '/mnt/file',
    ),
    { stdout: 'kept\n' },
  );
  for (const words of [
    ['volume', 'ls'],
    ['volume', 'inspect', 'data'],
    ['volume', 'inspect', '--format', '{{.Name}} {{.Labels}}', 'data'],
  ]) {
    t.strictSame(await ours(...words), await docker(...words), words.join(' '));
  }
  t.match(await ours('volume', 'rm', 'data', 'nope'), {
    code: 1,
    stdout: 'data\n',
    stderr: /no such volume/,
  });
});

t.test('terminals', async t => {
  const shell = onTerminal(`run ${host.join(' ')} --rm -it --name term test/busybox sh`);
  await eventually('a prompt', () => (shell.output().includes('# ') ? true : undefined));
  shell.stdin.write('stty size; tty\n');
  await eventually('the size', () => (/33 99\r+\n/.test(shell.output()) ? true : undefined));
  shell.stdin.write('exit 6\n');
  t.match(await shell.done, { code: 6 });

  const detaching = onTerminal(`run ${host.join(' ')} -it --name stays test/busybox sh`);
  await eventually('a prompt', () => (detaching.output().includes('# ') ? true : undefined));
  detaching.stdin.write('\x10\x11');
  t.match(await detaching.done, { code: 0 });
  t.match(await ours('inspect', '--format', '{{.State.Running}}', 'stays'), { stdout: 'true\n' });

  const attached = onTerminal('attach --detach-keys ctrl-a,x stays');
  await eventually('the terminal', async () => {
    attached.stdin.write('echo again-$((1+1))\n');
    await new Promise(resolve => setTimeout(resolve, 100));
    return attached.output().includes('again-2') ? true : undefined;
  });
  attached.stdin.write('\x01x');
  t.match(await attached.done, { code: 1, stdout: /read escape sequence/ });

  const quick = await ended(onTerminal('exec -it stays sh -c "stty size; exit 5"'));
  t.match(quick, { code: 5, stdout: /33 99\r+\n/ });
  t.match(await ours('exec', '-it', 'stays', 'sh'), { code: 1, stderr: 'the input device is not a TTY\n' });
  t.match(await ours('rm', '-f', 'stays'), { code: 0 });
});

t.test('signals go to the container', async t => {
  const script = 'trap "echo caught; exit 9" TERM; echo ready; while :; do sleep 0.1; done';
  const proxied = start(process.execPath, [main, 'run', ...host, '--rm', 'test/busybox', 'sh', '-c', script]);
  await eventually('the container', () => (proxied.output().includes('ready\n') ? true : undefined));
  proxied.signal('SIGTERM');
  t.match(await proxied.done, { code: 9, stdout: 'ready\ncaught\n' });

  const apart = start(process.execPath, [
    main,
    'run',
    ...host,
    '--name',
    'apart',
    '--sig-proxy=false',
    'test/busybox',
    'sh',
    '-c',
    script,
  ]);
  await eventually('the container', () => (apart.output().includes('ready\n') ? true : undefined));
  apart.signal('SIGTERM');
  await apart.done;
  t.match(await ours('inspect', '--format', '{{.State.Running}}', 'apart'), { stdout: 'true\n' });
  t.match(await ours('rm', '-f', 'apart'), { code: 0 });
});

t.test('images: run pulls, login, push, save, load', { skip: programs.mkfsErofs === undefined }, async t => {
  const registryProgram = await findRegistryProgram();
  const { app } = await makeLayeredImage(programs.busybox);
  await using registry = await startRegistry(registryProgram, join(folder, 'registry'), 'basic');
  await push(registry.host, 'team/app', blobsOf(app), [{ blob: app.manifest, tag: '1' }], USER);
  const name = `${registry.host}/team/app:1`;
  t.match(await ours('run', ...host, '--rm', name), {
    code: 125,
    stderr: new RegExp(
      `^Unable to find image '${name}' locally\n[\\s\\S]*system-docker: Error response from daemon: `,
    ),
  });
  const login = start(process.execPath, [
    main,
    'login',
    '-u',
    USER.username,
    '--password-stdin',
    registry.host,
  ]);
  t.match(await ended(login, `${USER.password}\n`), { code: 0, stdout: 'Login Succeeded\n' });
  const run = await ours('run', ...host, '--rm', name);
  t.equal(run.stdout, 'second, which counts\n');
  t.match(run.stderr, /Status: Downloaded newer image for/);
  const shown = await ended(onTerminal(`pull ${name}`));
  t.match(shown, { code: 0, stdout: /Image is up to date/ });
  t.match(await ours('tag', name, 'mine:2'), { code: 0 });
  t.match(await ours('tag', name, `${registry.host}/mine:2`), { code: 0 });
  t.match(await ours('push', `${registry.host}/mine:2`), {
    code: 0,
    stdout: /2: digest: sha256:[0-9a-f]{64} size: \d+\n/,
  });
  t.match(await ours('save', '-o', 'mine.tar', 'mine:2'), { code: 0, stdout: '' });
  const sortedLines = ({ stdout }: Result): string[] => stdout.split('\n').toSorted();
  // Docker's client has no order among the repositories of an image.
  t.strictSame(sortedLines(plain(await ours('images'))), sortedLines(plain(await docker('images'))));
  t.match(await ours('rmi', name, `${registry.host}/mine:2`, 'mine:2'), {
    code: 0,
    stdout: /Untagged: mine:2\n/,
  });
  t.match(await ours('load', '-i', 'mine.tar'), { code: 0, stdout: 'Loaded image: mine:2\n' });
  t.match(await ours('run', ...host, '--rm', 'mine:2'), { code: 0, stdout: 'second, which counts\n' });
  t.match(await ours('image', 'prune', '-a', '-f'), { code: 0, stdout: /Total reclaimed space/ });
});
