/**
 * What can be set of an engine on its machine: daemon.json, certificates of the TLS port and of registries, OCI hooks.
 * With Docker's own client. Needs root, for a mount namespace of its own.
 */
import { join } from 'node:path';
import { enterEngineTest } from '../support/private-machine.ts';

const { folder, engineRoot } = await enterEngineTest(import.meta.filename, 'settings');

const { default: t } = await import('tap');
const { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } =
  await import('node:fs');
const { request: httpRequest } = await import('node:http');
const { createServer: createHttpsServer } = await import('node:https');
const { createServer } = await import('node:net');
const {
  bundleDaemon,
  cleanUp,
  daemonConfigs,
  eventually,
  makeImageStore,
  processesWith,
  serviceRequest,
  startDaemon,
  testPrograms,
} = await import('../support/engine.ts');
const { issueCertificate, makeAuthority } = await import('../support/certificates.ts');
const { dockerClient, runWithInput } = await import('../support/docker-client.ts');
const { makeLayeredImage } = await import('../support/layered-image.ts');
const { findRegistryProgram } = await import('../support/registry.ts');

const { engine: programs, docker: dockerProgram } = testPrograms(engineRoot, join(folder, 'bin'));
const store = makeImageStore(join(folder, 'store'), programs.busybox);
const script = await bundleDaemon(join(folder, 'daemon.mjs'));
const group = `/slipway-settings-${process.pid}`;
const configFor = daemonConfigs(folder, group, { programs, store });

t.setTimeout(600_000);
t.teardown(() => cleanUp(folder, join('/sys/fs/cgroup', group)));

/** A folder of the test's own with files in it. */
const folderWith = (name: string, files: Readonly<Record<string, string>>): string => {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text, { mode: 0o600 });
  return path;
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

t.test('the TLS port opens when there are certificates, and takes new ones', async t => {
  const [first, second, moved] = [await freePort(), makeAuthority('two'), await freePort()];
  const authority = makeAuthority('one');
  const settingsFolder = folderWith('tls', {});
  const stateRoot = folderWith('tls-state', {});
  const port = { host: '127.0.0.1', port: first };
  const config = { ...configFor('tls-port'), settingsFolder, stateRoot, settings: { tls: port } };
  await using daemon = disposable(await startDaemon(config, script));
  const docker = dockerClient(dockerProgram, config.socket, folder);
  const warnings = async () => (await docker('info', '--format', '{{json .Warnings}}')).stdout;
  const overTls = (signer: typeof authority, name: string, at = first, server = authority) => {
    const { certificate, key } = issueCertificate(signer, name, 'client');
    const home = folderWith(`client-${name}`, {
      'ca.pem': server.certificate,
      'cert.pem': certificate,
      'key.pem': key,
    });
    const env = { DOCKER_HOST: `tcp://127.0.0.1:${at}`, DOCKER_CERT_PATH: home, HOME: home };
    return runWithInput(dockerProgram, ['--tlsverify', 'ps', '--format', '{{.Names}}'], env);
  };
  const serverFiles = (signer: typeof authority, name: string) => {
    const { certificate, key } = issueCertificate(signer, name, 'server');
    return { 'ca.pem': signer.certificate, 'server-cert.pem': certificate, 'server-key.pem': key };
  };

  t.match(
    await warnings(),
    /TLS port \d+: there is no ca\.pem, no server-cert\.pem, no server-key\.pem in .*\/tls\/tls or /,
  );
  t.match(await overTls(authority, 'one'), { code: 1, stderr: /connect/i });

  // Files of the image's folder.
  folderWith('tls/tls', { ...serverFiles(authority, 'one'), 'server-key.pem': 'no key' });
  daemon.process.kill('SIGHUP');
  await eventually('the fault', async () => ((await warnings()).includes('do not fit') ? true : undefined));
  folderWith('tls/tls', serverFiles(authority, 'one'));
  chmodSync(join(settingsFolder, 'tls/server-key.pem'), 0o644);
  daemon.process.kill('SIGHUP');
  await eventually('the port', async () => ((await overTls(authority, 'one')).code === 0 ? true : undefined));
  t.match(await warnings(), /server-key\.pem can be read by others than root: chmod 600/);
  t.match(await overTls(second, 'two'), { code: 1, stderr: /certificate|tls/ });
  const plain = { DOCKER_HOST: `tcp://127.0.0.1:${first}`, HOME: folder };
  t.match(await runWithInput(dockerProgram, ['version'], plain), { code: 1 });

  // Those of state win, also when they come later.
  folderWith('tls-state/etc/tls', serverFiles(second, 'two'));
  daemon.process.kill('SIGHUP');
  await eventually('other certificates', async () =>
    (await overTls(second, 'two', first, second)).code === 0 ? true : undefined,
  );
  t.match(await overTls(authority, 'one'), { code: 1 });
  t.equal(await warnings(), `${JSON.stringify(noLimits)}\n`);

  // What cannot be done leaves the port as it is.
  const taken = createServer().listen(moved, '127.0.0.1');
  await new Promise(resolve => taken.once('listening', resolve));
  const hosts = { hosts: ['unix:///run/docker.sock', `tcp://127.0.0.1:${moved}`] };
  folderWith('tls-state/etc', { 'daemon.json': JSON.stringify({ ...hosts, tlsverify: true }) });
  daemon.process.kill('SIGHUP');
  await eventually('the fault', async () => ((await warnings()).includes('EADDRINUSE') ? true : undefined));
  t.match(await overTls(second, 'two', first, second), { code: 0 });
  await new Promise(resolve => taken.close(resolve));
  daemon.process.kill('SIGHUP');
  await eventually('the other port', async () =>
    (await overTls(second, 'two', moved, second)).code === 0 ? true : undefined,
  );
  t.match(await overTls(second, 'two', first, second), { code: 1, stderr: /connect/i });
});

/** What an engine without limits says of itself. */
const noLimits = ['WARNING: No limits: the cgroup controllers are not delegated'];

t.test('daemon.json wins over the image, and a faulty one changes nothing', async t => {
  const settingsFolder = folderWith('json', {
    'daemon.json': JSON.stringify({
      'insecure-registries': ['lab.example:5000'],
      'log-opts': { 'max-size': '2m' },
    }),
  });
  const settings = {
    registries: { mirrors: { 'docker.io': ['https://mirror.example'], 'other.example': ['https://m'] } },
    log: { options: { 'max-size': '1m', 'max-file': '7' } },
  };
  const config = { ...configFor('json-engine'), settingsFolder, settings };
  await using daemon = disposable(await startDaemon(config, script));
  const docker = dockerClient(dockerProgram, config.socket, folder);
  const info = async (format: string) => (await docker('info', '--format', format)).stdout.trim();
  t.equal(await info('{{json .RegistryConfig.Mirrors}}'), '["https://mirror.example/"]');
  t.match(await info('{{json .RegistryConfig.IndexConfigs}}'), '"lab.example:5000":{');
  const logOf = async (name: string, ...options: readonly string[]) => {
    await docker('create', '--name', name, ...options, 'test/busybox', 'true');
    return (await docker('inspect', '--format', '{{json .HostConfig.LogConfig}}', name)).stdout.trim();
  };
  t.equal(await logOf('one'), '{"Type":"json-file","Config":{"max-size":"2m"}}');

  const faulty = [
    ['{', /is not JSON/],
    [
      '{"bip": "10.0.0.1/8"}',
      /\\"bip\\" is not a setting of system-docker, which are default-runtime, hosts/,
    ],
    ['{"default-runtime": "runc"}', /runc, which this image does not have/],
  ] as const;
  for (const [text, fault] of faulty) {
    folderWith('json', { 'daemon.json': text });
    daemon.process.kill('SIGHUP');
    await eventually(String(fault), async () =>
      fault.test(await info('{{json .Warnings}}')) ? true : undefined,
    );
    t.match(
      await info('{{json .RegistryConfig.IndexConfigs}}'),
      '"lab.example:5000":{',
      'what was read before holds',
    );
  }

  folderWith('json', { 'daemon.json': JSON.stringify({ 'registry-mirrors': ['https://near.example'] }) });
  daemon.process.kill('SIGHUP');
  await eventually('the mirror', async () =>
    (await info('{{json .RegistryConfig.Mirrors}}')) === '["https://near.example/"]' ? true : undefined,
  );
  t.equal(
    await info('{{json .Warnings}}'),
    JSON.stringify(noLimits.concat(noState)),
    'nothing is wrong any more',
  );
  t.notMatch(await info('{{json .RegistryConfig.IndexConfigs}}'), 'lab.example');
  t.equal(await logOf('two'), '{"Type":"json-file","Config":{"max-file":"7","max-size":"1m"}}');
  t.equal(
    await logOf('three', '--log-opt', 'max-size=5m'),
    '{"Type":"json-file","Config":{"max-file":"7","max-size":"5m"}}',
  );
  t.equal(await logOf('four', '--log-driver', 'local'), '{"Type":"local","Config":{}}');
});

const noState = [
  'WARNING: No state partition: containers are kept in memory and gone when the machine stops',
];

t.test('a mirror with a certificate of its own authority', async t => {
  const layered = await makeLayeredImage(programs.busybox);
  await using registry = await layered.startRegistry(await findRegistryProgram(), join(folder, 'registry'));
  const authority = makeAuthority('lab');
  const { certificate, key } = issueCertificate(authority, 'lab', 'registry');
  const asked: string[] = [];
  const proxy = createHttpsServer({ cert: certificate, key }, (request, response) => {
    asked.push(request.url ?? '');
    const { method, headers } = request;
    const onward = httpRequest(`http://${registry.host}${request.url}`, { method, headers }, answer => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  }).listen(0, '127.0.0.1');
  t.teardown(() => proxy.close());
  await new Promise(resolve => proxy.once('listening', resolve));
  const address = proxy.address();
  const host = `127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
  const settingsFolder = folderWith('mirror', {});
  const config = {
    ...configFor('mirror-engine'),
    settingsFolder,
    stateRoot: folderWith('mirror-state', {}),
    settings: { registries: { mirrors: { [registry.host]: [`https://${host}`] } } },
  };
  await using daemon = disposable(await startDaemon(config, script));
  t.ok(daemon);
  const docker = dockerClient(dockerProgram, config.socket, folder);
  const reference = `${registry.host}/team/app:1`;
  t.match(await docker('pull', reference), { code: 0 }, 'the registry itself has it too');
  t.same(asked, [], 'nobody is believed without');
  t.match(await docker('rmi', reference), { code: 0 });
  folderWith(`mirror/certs.d/${host}`, { 'ca.crt': authority.certificate });
  t.match(await docker('pull', reference), { code: 0, stdout: /Downloaded newer image/ });
  t.match(asked[0], '/v2/');
});

t.test('OCI hooks', async t => {
  const [shared, own] = [folderWith('hooks-shared', {}), folderWith('hooks-own', {})];
  const marks = join(folder, 'marks');
  const program = join(folder, 'hook.sh');
  writeFileSync(
    program,
    `#!${programs.busybox} sh\n${programs.busybox} cat > ${folder}/state.json\necho "$@" >> ${marks}\n`,
  );
  chmodSync(program, 0o755);
  const hook = (where: string, name: string, when: object, stages: readonly string[], more: object = {}) =>
    writeFileSync(
      join(where, name),
      JSON.stringify({
        version: '1.0.0',
        hook: { path: program, args: ['hook', name, ...stages], ...more },
        when,
        stages,
      }),
    );
  const config = { ...configFor('hooks'), hookFolders: [shared, own] };
  await using daemon = disposable(await startDaemon(config, script));
  const docker = dockerClient(dockerProgram, config.socket, folder);
  const run = (...words: readonly string[]) =>
    docker('run', '--rm', '--network', 'none', ...words, 'test/busybox', 'true');
  const marked = (): string[] => {
    const lines = existsSync(marks) ? readFileSync(marks, 'utf8').trim().split('\n') : [];
    rmSync(marks, { force: true });
    return lines;
  };

  hook(shared, '20-all.json', { always: true }, ['createRuntime']);
  hook(shared, '10-start.json', { always: true }, ['poststart']);
  hook(shared, '30-stop.json', { always: true }, ['poststop']);
  hook(shared, '40-hidden.json', { always: true }, ['prestart']);
  hook(own, '40-hidden.json', { annotations: { '^org\\.example\\.gpu$': '^all$' } }, ['prestart']);
  hook(own, '15-binds.json', { hasBindMounts: true, commands: ['^tr'] }, ['createRuntime']);
  t.match(await run(), { code: 0 });
  t.same(marked(), ['20-all.json createRuntime', '10-start.json poststart', '30-stop.json poststop']);
  t.match(JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8')), { ociVersion: String, id: String });
  t.match(await run('--annotation', 'org.example.gpu=all', '-v', `${folder}:/mnt:ro`), { code: 0 });
  t.same(marked(), [
    '40-hidden.json prestart',
    '15-binds.json createRuntime',
    '20-all.json createRuntime',
    '10-start.json poststart',
    '30-stop.json poststop',
  ]);

  // Services are containers like any other.
  await daemon.client.create('web', serviceRequest('sleep 1000'));
  await daemon.client.start('web');
  t.same(marked(), ['20-all.json createRuntime', '10-start.json poststart']);

  // A hook that fails, one that never ends, and a file that nobody can read keep a container from its start.
  writeFileSync(join(folder, 'bad.sh'), `#!${programs.busybox} sh\necho no gpu here >&2\nexit 3\n`, {
    mode: 0o755,
  });
  hook(own, '50-bad.json', { commands: ['sleep'] }, ['createRuntime'], { path: join(folder, 'bad.sh') });
  const start = (...words: readonly string[]) =>
    docker('run', ...words, '--rm', '--name', 'never', '--network', 'none', 'test/busybox', 'sleep', '1000');
  t.match(await start(), {
    code: 125,
    stderr: /OCI runtime create failed: error executing hook .*exit code: 3/,
  });
  writeFileSync(join(folder, 'slow.sh'), `#!${programs.busybox} sh\nexec ${programs.busybox} sleep 1000\n`, {
    mode: 0o755,
  });
  const slow = { path: join(folder, 'slow.sh'), timeout: 1 };
  hook(own, '50-bad.json', { commands: ['sleep'] }, ['createRuntime'], slow);
  t.match(await start(), { code: 125, stderr: /OCI runtime create failed/ });
  // After the start a hook can't call it back.
  hook(own, '50-bad.json', { commands: ['sleep'] }, ['poststart', 'poststop'], slow);
  t.match(await start('-d'), { code: 0 });
  t.match(await docker('rm', '-f', 'never'), { code: 0 });
  for (const [text, fault] of [
    ['{"version": "1.0.0"', /it is not JSON/],
    [
      '{"version": "1.0.0", "hook": {"path": "/nowhere"}, "when": {"always": true}, "stages": ["prestart"]}',
      /there is no \/nowhere/,
    ],
  ] as const) {
    writeFileSync(join(own, '50-bad.json'), text);
    const { code, stderr } = await start();
    t.equal(code, 125);
    t.match(stderr, fault);
    t.match(stderr, /OCI hook .*hooks-own\/50-bad\.json/);
  }
  rmSync(join(own, '50-bad.json'));
  const known = readdirSync(join(config.runRoot, 'crun')).filter(name => !name.startsWith('.'));
  t.equal(known.length, 1, 'nor in the runtime');
  t.match(
    await docker('ps', '-a', '--format', '{{.Names}} {{.State}}'),
    { stdout: 'web running\n' },
    'nothing is left',
  );
  t.match(await run(), { code: 0 });
});

t.test('an engine that is killed while a hook runs leaves neither behind', async t => {
  const hooks = folderWith('hooks-killed', {});
  const program = join(folder, 'endless.sh');
  writeFileSync(program, `#!${programs.busybox} sh\n${programs.busybox} sleep 98765\n`, { mode: 0o755 });
  writeFileSync(
    join(hooks, '10.json'),
    JSON.stringify({
      version: '1.0.0',
      hook: { path: program, timeout: 300 },
      when: { always: true },
      stages: ['createRuntime'],
    }),
  );
  const config = { ...configFor('killed'), hookFolders: [hooks] };
  const docker = dockerClient(dockerProgram, config.socket, folder);
  const isHooked = (): boolean => processesWith('98765').length > 0;
  const first = await startDaemon(config, script);
  t.teardown(() => first.kill());
  await docker('create', '--name', 'half', '--network', 'none', 'test/busybox', 'sleep', '1000');
  const started = docker('start', 'half');
  await eventually('the hook', () => (isHooked() ? true : undefined));
  await first.kill();
  t.not((await started).code, 0);
  t.ok(isHooked(), 'it runs on');
  rmSync(join(hooks, '10.json'));
  await using second = disposable(await startDaemon(config, script));
  t.ok(second);
  await eventually('the end of the hook', () => (isHooked() ? undefined : true));
  t.match(await docker('start', 'half'), { code: 0 });
  t.match(await docker('rm', '-f', 'half'), { code: 0 });
});

function disposable(daemon: Awaited<ReturnType<typeof startDaemon>>) {
  return { ...daemon, [Symbol.asyncDispose]: () => daemon.kill() };
}
