/**
 * Streams of the engine with the real conmon and crun, and Docker's own client of Debian 13: attach, input,
 * terminals, logs. Needs root, for a mount namespace of its own.
 */
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'streams');

const { default: t } = await import('tap');
const { argumentsOf, cleanUp, eventually, makeImageStore, serviceRequest, testPrograms } =
  await import('../support/engine.ts');
const { createEngine } = await import('../../src/machine/engine/engine.ts');
const { createLog } = await import('../../src/machine/log.ts');

const { engine: programs, docker: dockerProgram } = testPrograms(engineRoot, join(folder, 'bin'));
const store = makeImageStore(join(folder, 'store'), programs.busybox);
const group = `/slipway-test-${process.pid}`;
const log = createLog({
  component: 'test',
  level: 'debug',
  write: line => process.env.SLIPWAY_TEST_LOG === '1' && process.stderr.write(line),
});
const config = {
  runRoot: join(folder, 'e'),
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
};
const socket = join(folder, 'api.sock');

t.setTimeout(300_000);
t.teardown(() => cleanUp(folder, join('/sys/fs/cgroup', group)));

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Docker's client, running. */
interface Client {
  readonly done: Promise<Result>;
  readonly stdin: NodeJS.WritableStream;
  readonly output: () => string;
  readonly kill: () => void;
}

const start = (command: string, args: readonly string[]): Client => {
  const child = spawn(command, args, { env: { ...process.env, DOCKER_HOST: `unix://${socket}` } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('latin1')));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('latin1')));
  child.stdin.on('error', () => undefined);
  return {
    done: new Promise(resolve => child.on('close', code => resolve({ code, stdout, stderr }))),
    stdin: child.stdin,
    output: () => stdout,
    kill: () => void child.kill('SIGKILL'),
  };
};
const docker = (...args: readonly string[]): Promise<Result> => {
  const client = start(dockerProgram, args);
  client.stdin.end();
  return client.done;
};
/** The same with a terminal, of 33 rows and 99 columns. */
const dockerOnTerminal = (words: string): Client =>
  start('script', ['-qec', `stty rows 33 cols 99; exec ${dockerProgram} ${words}`, '/dev/null']);
const host = ['--network', 'host'];

const engine = await createEngine({ ...config, log });
t.teardown(() => engine[Symbol.asyncDispose]());
await engine.listen(socket);
const { client } = engine;

t.test('run shows what a container says, and its exit code', async t => {
  const said = await docker(
    ...['run', ...host, '--rm', 'test/busybox', 'sh', '-c', 'echo one; echo two >&2; printf three; exit 7'],
  );
  t.same(said, { code: 7, stdout: 'one\nthree', stderr: 'two\n' });
});

t.test('run -i passes input on, to its end', async t => {
  const input = Buffer.alloc(3_000_000, 'abcdefghi\n').toString();
  const cat = start(dockerProgram, ['run', ...host, '--rm', '-i', 'test/busybox', 'cat']);
  cat.stdin.end(input);
  const { code, stdout } = await cat.done;
  t.equal(code, 0);
  t.ok(stdout === input, 'all of it comes back');
});

t.test('run -it has a terminal of the right size', async t => {
  const session = dockerOnTerminal(`run ${host.join(' ')} --rm -it test/busybox sh`);
  await eventually('a prompt', () => (session.output().includes('/ # ') ? true : undefined));
  session.stdin.write('stty size; tty; exit 5\r');
  const { code, stdout } = await session.done;
  t.equal(code, 5);
  t.match(stdout, /\n33 99\r\n\/dev\/pts\/0\r\n/);
});

/** A request over a connection of its own; what comes is kept as it is. Where the engine can, it takes it over. */
const raw = (head: string, body = ''): { socket: Socket; text: () => string; over: Promise<string> } => {
  const connection = connect({ path: socket, allowHalfOpen: true });
  let text = '';
  connection.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  connection.on('error', () => undefined);
  connection.write(
    `${head} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: tcp\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const over = new Promise<string>(resolve => {
    connection.on('end', () => {
      connection.end();
      resolve(text);
    });
    connection.on('close', () => resolve(text));
  });
  return { socket: connection, text: () => text, over };
};
const attachPath = (name: string, query: string): string => `POST /containers/${name}/attach?${query}`;
const statusOf = async (name: string): Promise<string> => (await client.inspect(name)).status;
const remove = (name: string): Promise<void> => client.remove(name, { force: true });
const frame = (stream: 1 | 2, text: string): string =>
  `${String.fromCharCode(stream, 0, 0, 0, 0, 0, 0, text.length)}${text}`;

t.test('attach: what is said from now on, or all of it', async t => {
  const script = 'echo early; read go; echo late; echo late2 >&2; read end; exit 4';
  await client.create('said', serviceRequest(script, { OpenStdin: true }));
  await client.start('said');
  await eventually('the first word', async () =>
    (await docker('logs', 'said')).stdout === 'early\n' ? true : undefined,
  );
  const late = raw(attachPath('said', 'stream=1&stdout=1&stderr=1&stdin=1'));
  const all = raw(attachPath('said', 'stream=1&stdout=1&stderr=1&logs=1'));
  const errors = raw(attachPath('said', 'stream=1&stderr=1'));
  await eventually('all three to be attached', () =>
    [late, all, errors].every(reader => reader.text().includes('\r\n\r\n')) ? true : undefined,
  );
  late.socket.write('go\n');
  await eventually('both words', () => (late.text().includes('late2') ? true : undefined));
  late.socket.write('end\n');
  t.match(
    await late.over,
    /^HTTP\/1\.1 101 UPGRADED\r\n[^]*Content-Type: application\/vnd\.docker\.multiplexed-stream\r\n/,
  );
  t.notMatch(late.text(), /early/);
  t.match(late.text(), frame(2, 'late2\n'));
  t.match(await all.over, /early\n[^]*late\n/);
  t.equal((await errors.over).split('\r\n\r\n')[1], frame(2, 'late2\n'));
  t.equal(await client.wait('said'), 4);
  const past = await raw(attachPath('said', 'logs=1&stdout=1')).over;
  t.match(past, /\r\n\r\n[^]*early\n[^]*late\n$/);
  t.match(await raw('POST /v1.41/containers/said/attach?logs=1').over, /vnd\.docker\.raw-stream/);
  t.match(await raw(attachPath('said', 'detachKeys=ctrl-1')).over, /400 [^]*Invalid detach keys \(ctrl-1\)/);
  t.match(await raw(attachPath('none', 'stream=1')).over, /404 [^]*No such container: none/);
  await remove('said');
});

t.test('attach waits for a start, ends with the life, and with a start that fails', async t => {
  await client.create('twice', serviceRequest('echo life; exit 3'));
  const [first, second] = await Promise.all([
    raw(attachPath('twice', 'stream=1&stdout=1')).over,
    (async () => {
      await eventually('nothing', () => true);
      await client.start('twice');
      await client.wait('twice');
      const again = raw(attachPath('twice', 'stream=1&stdout=1'));
      await eventually('the place to be taken', () => (again.text().includes('\r\n\r\n') ? true : undefined));
      await client.start('twice');
      return again.over;
    })(),
  ]);
  t.equal(first.split('\r\n\r\n')[1], frame(1, 'life\n'));
  t.equal(second.split('\r\n\r\n')[1], frame(1, 'life\n'), 'the first life is not shown again');
  await remove('twice');
  await client.create('broken', { ...serviceRequest(''), Cmd: ['/no/such'] });
  const waiting = raw(attachPath('broken', 'stream=1&stdout=1'));
  await eventually('the place to be taken', () => (waiting.text().includes('101') ? true : undefined));
  await t.rejects(client.start('broken'), { message: /no\/such/ });
  t.match(await waiting.over, /\r\n\r\n$/);
  await remove('broken');
  const missing = await docker('run', ...host, '--rm', 'test/busybox', '/no/such');
  t.match(missing, { code: 127, stderr: /no\/such/ });
  t.match(await docker('start', '-a', 'nope'), { code: 1, stderr: /No such container: nope/ });
});

t.test('start -ai, and a container that restarts or is paused', async t => {
  await docker(
    'create',
    ...host,
    '-i',
    '--name',
    'reader',
    'test/busybox',
    'sh',
    '-c',
    'read x; echo got $x; exit 6',
  );
  const started = start(dockerProgram, ['start', '-ai', 'reader']);
  started.stdin.end('word\n');
  t.match(await started.done, { code: 6, stdout: 'got word\n' });
  await remove('reader');
  const restarting = {
    HostConfig: { RestartPolicy: { Name: 'always' } },
    Slipway: { scope: 'boot', restartDelayMs: 60_000 },
  } as const;
  await client.create('again', serviceRequest('exit 1', restarting));
  await client.start('again');
  await eventually('its pause', async () => ((await statusOf('again')) === 'restarting' ? true : undefined));
  t.match(
    await raw(attachPath('again', 'stream=1')).over,
    /409 [^]*container again is restarting, wait until/,
  );
  await remove('again');
});

t.test('input that is kept open, and input that ends with its first client', async t => {
  await client.create(
    'open',
    serviceRequest('while read x; do echo got $x; done; echo end', { OpenStdin: true }),
  );
  await client.start('open');
  for (const word of ['one', 'two']) {
    const giving = raw(attachPath('open', 'stream=1&stdout=1&stdin=1'));
    giving.socket.end(`${word}\n`);
    t.match(await giving.over, /101 UPGRADED/, 'the end of input ends the attachment');
    await eventually('the echo', async () =>
      (await docker('logs', 'open')).stdout.endsWith(`got ${word}\n`) ? true : undefined,
    );
  }
  t.equal(await statusOf('open'), 'running');
  await remove('open');
  const running = start(dockerProgram, [
    'run',
    ...host,
    '-i',
    '--name',
    'once',
    'test/busybox',
    'sh',
    '-c',
    'echo up; cat; echo end',
  ]);
  await eventually('its start', () => (running.output().includes('up') ? true : undefined));
  running.kill();
  await eventually('its end', async () => ((await statusOf('once')) === 'exited' ? true : undefined));
  t.equal((await docker('logs', 'once')).stdout, 'up\nend\n', 'a client that is killed ends the input');
  await remove('once');
});

t.test('input that nobody reads holds only its sender up', async t => {
  const script = 'i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done; read x; echo $x; wc -c';
  const running = start(dockerProgram, [
    'run',
    ...host,
    '-i',
    '--rm',
    'test/busybox',
    'sh',
    '-c',
    `usleep 300000; ${script}`,
  ]);
  running.stdin.end(`first\n${'x'.repeat(5_000_000)}`);
  t.match((await running.done).stdout, /line 499\nfirst\n5000000\n$/);
});

t.test('a terminal: detach keys, coming back, another size', async t => {
  await docker('run', '-d', ...host, '-it', '--name', 'term', 'test/busybox', 'sh');
  const first = dockerOnTerminal('attach term');
  first.stdin.write('echo fir\\st\r');
  await eventually('the echo', () => (first.output().includes('\nfirst\r\n') ? true : undefined));
  first.stdin.write(Buffer.from([16, 17]));
  t.match(await first.done, { code: 1, stdout: /read escape sequence/ });
  t.equal(await statusOf('term'), 'running');
  // The engine knows the keys as well, also if they come one by one and others are chosen.
  const second = raw(attachPath('term', 'stream=1&stdout=1&stdin=1&detachKeys=ctrl-a,x'));
  second.socket.write('\x01y\recho sec\\ond\r');
  await eventually('the second echo', () => (second.text().includes('\nsecond\r\n') ? true : undefined));
  second.socket.write('\x01');
  second.socket.write('x');
  t.match(await second.over, /raw-stream/);
  t.equal(await statusOf('term'), 'running');
  t.match(await raw('POST /containers/term/resize?h=12&w=34').over, /^HTTP\/1\.1 200 /);
  const third = raw(attachPath('term', 'stream=1&stdout=1&stdin=1'));
  third.socket.write('stty size; exit 3\r');
  t.match(await third.over, /\n12 34\r\n/);
  t.equal(await client.wait('term'), 3);
  t.match(await raw('POST /containers/term/resize?h=12&w=34').over, /409 [^]*is not running/);
  t.match(await raw('POST /containers/term/resize?h=x&w=34').over, /^HTTP\/1\.1 400 /);
  await remove('term');
});

t.test('exec: the detach keys leave the command running', async t => {
  await client.create('ground', serviceRequest('exec sleep 1000'));
  await client.start('ground');
  const request = { Cmd: ['sh'], Tty: true, AttachStdin: true, AttachStdout: true, DetachKeys: 'ctrl-e' };
  const made = await raw('POST /containers/ground/exec', JSON.stringify(request)).over;
  const id = /"Id":"([0-9a-f]{64})"/.exec(made)?.[1] ?? '';
  const session = raw(`POST /exec/${id}/start`, '{"Tty":true}');
  await eventually('a prompt', () => (session.text().includes('# ') ? true : undefined));
  session.socket.write('\x05');
  await session.over;
  t.match(await raw(`GET /exec/${id}/json`).over, /"Running":true/);
  const wrong = raw('POST /containers/ground/exec', JSON.stringify({ ...request, DetachKeys: 'ctrl-' }));
  t.match(await wrong.over, /400 [^]*Invalid escape keys \(ctrl-\) provided/);
  await remove('ground');
});

/** Node's own websocket client, which knows no unix sockets, on the engine's. */
const openWebsocket = async (path: string) => {
  const server = createServer(inner => {
    const outer = connect(socket);
    for (const one of [inner, outer]) one.on('error', () => undefined);
    inner.pipe(outer).pipe(inner);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const websocket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  websocket.binaryType = 'arraybuffer';
  let text = '';
  const kinds = new Set<string>();
  websocket.addEventListener('message', ({ data }: { data: unknown }) => {
    kinds.add(typeof data);
    text += typeof data === 'string' ? data : Buffer.from(data as ArrayBuffer).toString();
  });
  const over = new Promise<number>(resolve => {
    websocket.addEventListener('close', ({ code }) => {
      server.close();
      resolve(code);
    });
  });
  await new Promise(resolve => websocket.addEventListener('open', resolve));
  return { send: (data: string | Buffer) => websocket.send(data), text: () => text, kinds, over };
};

t.test('a websocket carries both ways', async t => {
  const script = 'read x; echo out $x; echo err >&2; read y; exit 2';
  await client.create('web', serviceRequest(script, { OpenStdin: true }));
  const first = await openWebsocket('/containers/web/attach/ws?stream=1&stdout=1&stderr=1&stdin=1');
  await client.start('web');
  first.send('hello\n');
  await eventually('an answer', () => (first.text().includes('err\n') ? true : undefined));
  t.equal([...first.text().split('\n')].sort().join(), ',err,out hello');
  first.send(Buffer.from('bye\n'));
  t.equal(await first.over, 1000, 'closed as it should be');
  t.same([...first.kinds], ['object']);
  const old = await openWebsocket('/v1.27/containers/web/attach/ws?logs=1');
  await old.over;
  t.same([...old.kinds], ['string'], 'text for old clients');
  t.match(await raw('GET /containers/web/attach/ws').over, /400 [^]*not websocket protocol/);
  await remove('web');
});

t.test('logs by time, with details, and to a time to come', async t => {
  await docker(
    ...['run', '-d', ...host, '--name', 'timed', '-l', 'tier=front end', '-e', 'MODE=a,b'],
    ...['--log-opt', 'labels=tier', '--log-opt', 'env=MODE', '--log-opt', 'tag={{.Name}}'],
    ...[
      'test/busybox',
      'sh',
      '-c',
      'echo one; usleep 1100000; echo two; usleep 300000; echo three; exec sleep 1000',
    ],
  );
  await eventually('three lines', async () =>
    (await docker('logs', 'timed')).stdout.endsWith('three\n') ? true : undefined,
  );
  const stamped = (await docker('logs', '-t', 'timed')).stdout.trim().split('\n');
  const [first = '', second = ''] = stamped.map(line => line.split(' ')[0] ?? '');
  t.equal((await docker('logs', '--since', second, 'timed')).stdout, 'two\nthree\n');
  t.equal((await docker('logs', '--until', second, 'timed')).stdout, 'one\ntwo\n');
  t.equal((await docker('logs', '--since', first, '--until', first, 'timed')).stdout, 'one\n');
  t.equal((await docker('logs', '--tail', '2', '--until', second, 'timed')).stdout, 'two\n');
  t.equal((await docker('logs', '--tail', '0', 'timed')).stdout, '');
  t.equal((await docker('logs', '--since', '1h', '--tail', '1', 'timed')).stdout, 'three\n');
  t.equal(
    (await docker('logs', '--details', '--tail', '1', 'timed')).stdout,
    'MODE=a%2Cb,tag=timed,tier=front+end three\n',
  );
  // Ends by itself, though the container goes on and says nothing.
  for (const aheadMs of [0, 500]) {
    const until = new Date(Date.now() + aheadMs).toISOString();
    t.match(await docker('logs', '-f', '--until', until, 'timed'), { code: 0, stdout: /three\n$/ });
  }
  await remove('timed');
});

t.test('a log of which nothing is kept', async t => {
  const said = await docker(
    ...['run', ...host, '--log-driver', 'none', '--name', 'mute', 'test/busybox', 'echo', 'heard'],
  );
  t.match(said, { code: 0, stdout: 'heard\n' }, 'who is attached hears it');
  t.match(await docker('logs', 'mute'), {
    code: 1,
    stderr: 'Error response from daemon: configured logging driver does not support reading\n',
  });
  await remove('mute');
});

t.test('rotation by the log options of a container loses nothing for who listens', async t => {
  const lines = 3000;
  const script = `i=0; while [ $i -lt ${lines} ]; do echo "line $i ${'x'.repeat(50)}"; i=$((i+1)); [ $((i % 300)) = 0 ] && usleep 250000; done; exec sleep 1000`;
  await docker(
    ...['create', ...host, '--name', 'small', '--log-opt', 'max-size=20k', '--log-opt', 'max-file=3'],
    ...['test/busybox', 'sh', '-c', script],
  );
  const listening = start(dockerProgram, ['start', '-a', 'small']);
  await eventually(
    'the last line',
    () => (listening.output().includes(`line ${lines - 1} `) ? true : undefined),
    30_000,
  );
  t.equal(
    listening.output(),
    Array.from({ length: lines }, (_, index) => `line ${index} ${'x'.repeat(50)}\n`).join(''),
  );
  const { id } = await client.inspect('small');
  const logs = join(config.runRoot, 'containers', id, 'logs');
  const kept = await eventually('trimming', () => {
    const files = readdirSync(logs).map(name => statSync(join(logs, name)));
    const sizes = new Map(files.map(({ ino, size }) => [ino, size]));
    const sum = [...sizes.values()].reduce((a, b) => a + b, 0);
    return sum <= 100 * 1024 ? sum : undefined;
  });
  t.ok(kept > 0);
  t.match((await docker('logs', '--tail', '1', 'small')).stdout, `line ${lines - 1} `);
  await remove('small');
  t.equal((await listening.done).code, 137);
});

t.test('all output of a container that removes itself arrives', async t => {
  const bytes = 20_000_000;
  const script = `yes "a line of text that is long enough to be one" | head -c ${bytes}; echo`;
  for (let round = 0; round < 3; round += 1) {
    const { code, stdout } = await docker('run', ...host, '--rm', 'test/busybox', 'sh', '-c', script);
    t.equal(code, 0);
    t.equal(stdout.length, bytes + 1);
  }
});

const anonymousKilobytes = (): number =>
  Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);

t.test('clients that stall are cut off, and nobody waits for them', async t => {
  await client.create('loud', serviceRequest('yes a line of text that is written again and again'));
  await client.start('loud');
  const stalled = [
    connect(socket, () =>
      stalled[0]?.write('GET /containers/loud/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n'),
    ),
    raw(attachPath('loud', 'stream=1&stdout=1')).socket,
  ];
  const closed = stalled.map(connection => {
    connection.pause();
    connection.on('error', () => undefined);
    return new Promise<void>(resolve => {
      // It is gone once nothing can be sent to it.
      const probe = setInterval(() => connection.write('x'), 100);
      connection.once('error', () => {
        clearInterval(probe);
        resolve();
      });
      connection.once('close', () => {
        clearInterval(probe);
        resolve();
      });
    });
  });
  const before = anonymousKilobytes();
  await Promise.all(closed);
  t.ok(anonymousKilobytes() - before < 32 * 1024, 'little memory was used for them');
  t.equal(await statusOf('loud'), 'running');
  t.match(await docker('logs', '--tail', '2', 'loud'), { code: 0, stdout: /a line of text/ });
  for (const connection of stalled) connection.destroy();
  await remove('loud');
});

t.test('nothing is left of attached clients', async t => {
  await client.create('quiet', serviceRequest('exec sleep 1000', { OpenStdin: true }));
  await client.start('quiet');
  const helpers = (): number =>
    readdirSync('/proc').filter(pid => argumentsOf(Number(pid)).includes('UNIX-CONNECT:attach')).length;
  const files = (): number => readdirSync('/proc/self/fd').length;
  const before = files();
  const clients = Array.from({ length: 10 }, () => raw(attachPath('quiet', 'stream=1&stdout=1&stdin=1')));
  await eventually('ten helpers', () => (helpers() === 10 ? true : undefined));
  // One half goes away without a word, the other says so first and listens on.
  for (const [index, one] of clients.entries()) {
    if (index % 2 === 0) one.socket.destroy();
    else one.socket.end();
  }
  await eventually('no helpers', () => (helpers() === 0 ? true : undefined));
  for (const one of clients) one.socket.destroy();
  const listening = raw(attachPath('quiet', 'stream=1&stdout=1'));
  await eventually('the answer', () => (listening.text().includes('101') ? true : undefined));
  listening.socket.end();
  await eventually('its half-closed connection', () => (files() > before ? true : undefined));
  listening.socket.destroy();
  await eventually('no open files', () => (files() <= before ? true : undefined), 20_000);
  t.equal(await statusOf('quiet'), 'running');
  await remove('quiet');
});
