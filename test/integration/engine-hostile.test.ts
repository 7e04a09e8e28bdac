/**
 * What an engine answers to those that mean it no good, and over TLS, with Docker's own client. Needs root, for a
 * mount namespace of its own.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'hostile');

const { default: t } = await import('tap');
const {
  bundleDaemon,
  cleanUp,
  daemonConfigs,
  eventually,
  makeImageStore,
  serviceRequest,
  startDaemon,
  testPrograms,
} = await import('../support/engine.ts');
const { issueCertificate, makeAuthority } = await import('../support/certificates.ts');
const { runWithInput } = await import('../support/docker-client.ts');
const { makeRandom } = await import('../support/random-requests.ts');
const { rawClient } = await import('../support/raw-client.ts');

const { engine: programs, docker: dockerProgram } = testPrograms(engineRoot, join(folder, 'bin'));
const store = makeImageStore(join(folder, 'store'), programs.busybox);
const script = await bundleDaemon(join(folder, 'daemon.mjs'));
const group = `/slipway-hostile-${process.pid}`;
const cgroupRoot = join('/sys/fs/cgroup', group);

const configFor = daemonConfigs(folder, group, { programs, store });

t.setTimeout(600_000);
t.teardown(() => cleanUp(folder, cgroupRoot));

t.test('whatever comes in, the engine answers and goes on', async t => {
  const config = configFor('fuzz');
  const daemon = await startDaemon(config, script);
  t.teardown(() => daemon.kill());
  await daemon.client.create('web', serviceRequest('exec sleep 1000'));
  await daemon.client.start('web');
  const before = await daemon.client.inspect('web');
  const { send, get } = rawClient(config.socket);
  const memoryKiB = (): number =>
    Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.process.pid ?? 0}/status`, 'utf8'))?.[1]);
  const alive = async (): Promise<boolean> =>
    daemon.process.exitCode === null && (await get('/_ping')).status === 200;

  await t.test('known tricks', async t => {
    const head = (line: string, ...headers: readonly string[]): string =>
      [line, 'Host: x', 'Connection: close', ...headers, '', ''].join('\r\n');
    const json = (line: string, body: string): string =>
      head(line, 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`) + body;
    const create = 'POST /containers/create HTTP/1.1';
    const cases: readonly (readonly [string, string])[] = [
      ['400', 'GARBAGE\r\n\r\n'],
      ['400', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
      ['400', 'GET / HTTP/9.9\r\n\r\n'],
      ['400', head('GET /info HTTP/1.1', 'Content-Length: 5', 'Content-Length: 6')],
      ['400', head('POST /auth HTTP/1.1', 'Transfer-Encoding: chunked', 'Content-Length: 3') + '0\r\n\r\n'],
      ['431', head('GET /info HTTP/1.1', `X: ${'a'.repeat(2_000_000)}`)],
      ['404', head('GET /containers/%2e%2e%2f%2e%2e%2fetc/json HTTP/1.1')],
      ['404', head('GET /containers/%ff%fe/json HTTP/1.1')],
      ['404', head('GET /volumes/..%2f..%2fetc HTTP/1.1')],
      ['400', head('GET /images/..%2f..%2fetc/json HTTP/1.1')],
      ['404', head('GET /networks/__proto__ HTTP/1.1')],
      ['404', head('GET /containers/constructor/json HTTP/1.1')],
      ['400', head('GET /v1.99/info HTTP/1.1')],
      ['400', json(create, '{"Image":')],
      ['400', json(create, '[]')],
      ['400', json(create, '"x"')],
      ['400', json(create, '{"Image":5}')],
      ['400', json(create, '{"Image":"test/busybox","Env":{"a":1}}')],
      ['400', json(create, '{"Image":"test/busybox","HostConfig":{"Memory":"all"}}')],
      ['400', json(create, `{"Image":"test/busybox","Labels":${'['.repeat(100_000)}`)],
      ['400', json('POST /containers/create?name=..%2Fx HTTP/1.1', '{"Image":"test/busybox"}')],
      ['400', json('POST /volumes/create HTTP/1.1', '{"Name":"../../x"}')],
      ['400', json(create, `"${'x'.repeat(20_000_000)}"`)],
    ];
    for (const [index, [status, request]] of cases.entries()) {
      const answer = await send(Buffer.from(request, 'latin1'));
      t.equal(answer.slice(9, 12), status, `case ${index}: ${JSON.stringify(request.slice(0, 70))}`);
    }
    t.ok(await alive());
  });

  await t.test('a wish for another protocol', async t => {
    const ask = (line: string, headers: string, body: string): Promise<string> =>
      send(
        `${line} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n${headers}\r\n${body}`,
        5000,
      );
    const made = 'HTTP/1.1 201 Created';
    const body = '{"Name":"wished"}';
    const type = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
    t.equal((await ask('POST /volumes/create', type, body)).split('\r\n')[0], made, 'its body is read');
    t.match(JSON.parse((await get('/volumes/wished')).body), { Name: 'wished' });
    const chunked = 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n';
    t.match(
      await ask('POST /containers/web/attach?stream=1', chunked, '2\r\n{}\r\n0\r\n\r\n'),
      /^HTTP\/1\.1 400 /,
    );
    t.match(
      await ask('POST /containers/web/attach?stream=1', 'Content-Length: 9999999\r\n', ''),
      /^HTTP\/1\.1 400 /,
    );
    t.match(await ask('POST /v9.99/containers/web/attach?stream=1', '', ''), /^HTTP\/1\.1 400 /);
    t.match(
      await send('DELETE /volumes/wished HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
      /^HTTP\/1\.1 204 /,
    );
  });

  await t.test('random requests', async t => {
    const random = makeRandom(20_260_101);
    const start = memoryKiB();
    // A request that stays incomplete is given up by its client.
    for (let round = 0; round < 30; round += 1) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => send(random.request(), 1000)));
      for (const answer of answers) {
        if (/^HTTP\/1\.1 5(?!01|03)/.test(answer)) t.fail(answer.slice(0, 400));
      }
    }
    t.ok(await alive(), 'it is there');
    t.match(await daemon.client.inspect('web'), { pid: before.pid });
    // Some of them may have paused it.
    await send('POST /containers/web/unpause HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    t.match(await daemon.client.inspect('web'), { status: 'running' });
    t.ok(memoryKiB() - start < 48 * 1024, `memory grew by ${memoryKiB() - start} KiB`);
  });

  await t.test('more connections than there are files', async t => {
    const pid = String(daemon.process.pid);
    spawnSync('prlimit', ['--pid', pid, '--nofile=70:']);
    const crowd: Socket[] = [];
    for (let index = 0; index < 200; index += 1) {
      const socket = connect(config.socket);
      socket.on('error', () => undefined);
      crowd.push(socket);
    }
    await new Promise(resolve => setTimeout(resolve, 500));
    for (const socket of crowd) socket.destroy();
    await eventually('an answer', async () => ((await get('/_ping')).status === 200 ? true : undefined));
    spawnSync('prlimit', ['--pid', pid, '--nofile=4096:']);
    t.equal(daemon.process.exitCode, null);
    t.match(await daemon.client.inspect('web'), { pid: before.pid });
  });

  await t.test('commands for which there are no files left', async t => {
    const pid = String(daemon.process.pid);
    spawnSync('prlimit', ['--pid', pid, '--nofile=48:']);
    const asked = Array.from({ length: 25 }, () => daemon.client.exec('web', ['/bin/sleep', '2']));
    const results = await Promise.allSettled(asked);
    spawnSync('prlimit', ['--pid', pid, '--nofile=4096:']);
    const isRun = (result: (typeof results)[number]): boolean =>
      result.status === 'fulfilled' && result.value.exitCode === 0;
    t.notOk(results.every(isRun), 'there were too few');
    t.equal(daemon.process.exitCode, null);
    t.match(await daemon.client.exec('web', ['/bin/true']), { exitCode: 0 });
  });

  await t.test('connections that nobody uses any more make room', async t => {
    const crowd: Socket[] = [];
    // As many as the engine takes.
    for (let index = 0; index < 1024; index += 1) {
      const socket = connect(config.socket);
      socket.on('error', () => undefined);
      crowd.push(socket);
      socket.write('GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(socket, 'data');
    }
    await eventually('an answer', async () => ((await get('/_ping')).status === 200 ? true : undefined));
    t.match(await daemon.client.inspect('web'), { pid: before.pid });
    for (const socket of crowd) socket.destroy();
  });

  await daemon.client.remove('web', { force: true });
});

t.test('an engine that is told to end does not wait for those who are attached', async t => {
  const config = configFor('ended');
  const daemon = await startDaemon(config, script);
  t.teardown(() => daemon.kill());
  await daemon.client.create('web', serviceRequest('exec sleep 1000'));
  await daemon.client.start('web');
  const attached = connect(config.socket);
  attached.on('error', () => undefined);
  attached.write(
    'POST /containers/web/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n',
  );
  const [answer] = (await once(attached, 'data')) as [Buffer];
  t.match(answer.toString(), /^HTTP\/1\.1 101 /);
  const ended = once(daemon.process, 'exit');
  daemon.process.kill('SIGTERM');
  t.same(await ended, [0, null]);
  const next = await startDaemon(config, script);
  t.teardown(() => next.kill());
  await next.client.remove('web', { force: true });
});

t.test('over TLS, with certificates on both sides', async t => {
  const authority = makeAuthority('one');
  const other = makeAuthority('other');
  const server = issueCertificate(authority, 'one', 'server');
  const free = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => free.once('listening', resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise(resolve => free.close(resolve));
  const settingsFolder = join(folder, 'tls-settings');
  mkdirSync(join(settingsFolder, 'tls'), { recursive: true });
  writeFileSync(join(settingsFolder, 'tls/ca.pem'), authority.certificate);
  writeFileSync(join(settingsFolder, 'tls/server-cert.pem'), server.certificate);
  writeFileSync(join(settingsFolder, 'tls/server-key.pem'), server.key, { mode: 0o600 });
  const config = { ...configFor('tls'), settingsFolder, settings: { tls: { host: '127.0.0.1', port } } };
  const daemon = await startDaemon(config, script);
  t.teardown(() => daemon.kill());
  const dockerWith = (
    input: Readable | undefined,
    name: string,
    certified: ReturnType<typeof issueCertificate> | undefined,
    ...args: readonly string[]
  ) => {
    const home = join(folder, name);
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'ca.pem'), authority.certificate);
    if (certified !== undefined) {
      writeFileSync(join(home, 'cert.pem'), certified.certificate);
      writeFileSync(join(home, 'key.pem'), certified.key);
    }
    const env = { DOCKER_HOST: `tcp://127.0.0.1:${port}`, DOCKER_CERT_PATH: home, HOME: home };
    return runWithInput(dockerProgram, ['--tlsverify', ...args], env, input);
  };
  const docker = (
    name: string,
    certified: ReturnType<typeof issueCertificate> | undefined,
    ...args: readonly string[]
  ) => dockerWith(undefined, name, certified, ...args);
  const good = issueCertificate(authority, 'one', 'client');
  t.match(await docker('good', good, 'run', '--rm', '--network', 'none', 'test/busybox', 'echo', 'through'), {
    code: 0,
    stdout: 'through\n',
  });
  t.match(
    await docker(
      'good',
      good,
      'run',
      '-d',
      '--name',
      'long',
      '--network',
      'none',
      'test/busybox',
      'sleep',
      '1000',
    ),
    { code: 0 },
  );
  t.match(await docker('good', good, 'exec', 'long', 'echo', 'inside'), { code: 0, stdout: 'inside\n' });
  // The client closes its side first, and has its answer after that.
  const late = ['exec', '-i', 'long', 'sh', '-c', 'cat; sleep 0.5; echo end'];
  t.match(await dockerWith(Readable.from(['input\n']), 'good', good, ...late), {
    code: 0,
    stdout: 'input\nend\n',
  });
  t.match(await docker('stranger', issueCertificate(other, 'other', 'client'), 'version'), {
    code: 1,
    stderr: /certificate|tls/,
  });
  t.match(await docker('nobody', undefined, 'version'), { code: 1 });
  const plain = await runWithInput(dockerProgram, ['version'], {
    DOCKER_HOST: `tcp://127.0.0.1:${port}`,
    HOME: folder,
  });
  t.equal(plain.code, 1);
  t.match(await docker('good', good, 'rm', '-f', 'long'), { code: 0 });
});
