/** A machine whose manifest sets everything of its engine: TLS port, runc for all, a mirror, log sizes, a hook. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { buildArtifacts, kernelMedium } from '../support/artifacts.ts';
import { BOOT_TEST_MS, bootMachine } from '../support/boot.ts';
import { issueCertificate, makeAuthority } from '../support/certificates.ts';
import { makeExt4Disk } from '../support/disks.ts';
import { findEngineRoot } from '../support/engine-root.ts';
import { makeLayeredImage } from '../support/layered-image.ts';
import { findRegistryProgram } from '../support/registry.ts';

t.setTimeout(BOOT_TEST_MS);
const folder = t.testdir();
const authority = makeAuthority('fleet');
const server = issueCertificate(authority, 'fleet', 'machine');
const { app, startRegistry } = await makeLayeredImage(join(await findEngineRoot(), 'usr/bin/busybox'));
await using registry = await startRegistry(await findRegistryProgram(), join(folder, 'registry'));
const hook = {
  version: '1.0.0',
  hook: { path: '/usr/local/lib/mark', args: ['mark', 'gpu'] },
  when: { annotations: { '^org\\.example\\.gpu$': '^all$' } },
  stages: ['createRuntime', 'poststop'],
};
const artifacts = await buildArtifacts(
  folder,
  JSON.stringify({
    name: 'settings',
    kernel: { platforms: ['virtio'] },
    engine: {
      runtimes: ['crun', 'runc'],
      default_runtime: 'runc',
      registries: { mirrors: { 'docker.io': [`http://${registry.host}`] } },
      log: { max_size: '2M', max_file: 3 },
      tls: {},
    },
    services: [
      { name: 'udev', image: 'system-images/udev' },
      { name: 'network', image: 'system-images/network', annotations: { 'org.example.gpu': 'all' } },
      {
        name: 'console',
        image: 'system-images/console',
        'binds.add': ['/usr/local/lib/docker:/usr/bin/docker:ro'],
      },
    ],
    files: [
      { path: 'etc/system-docker/tls/ca.pem', contents: authority.certificate },
      { path: 'etc/system-docker/tls/server-cert.pem', contents: server.certificate },
      { path: 'etc/system-docker/tls/server-key.pem', contents: server.key },
      { path: 'etc/containers/oci/hooks.d/10-mark.json', contents: JSON.stringify(hook) },
      {
        path: 'usr/local/lib/mark',
        contents: '#!/bin/sh\ncat >/dev/null\necho "$@" >>/run/marks\n',
        mode: '0755',
      },
      { path: 'usr/local/lib/docker', contents: '#!/bin/sh\nexec sudo system-docker "$@"\n', mode: '0755' },
    ],
  }),
  { formats: ['kernel+initrd'] },
);
await using machine = await bootMachine({
  boot: await kernelMedium(artifacts),
  disks: [await makeExt4Disk(`${folder}/state.img`, 'SLIPWAY_STATE', 256)],
  memoryMb: 768,
  ports: [2376, 2377],
});
t.same((await machine.ready()).failed, [], 'nothing failed');
machine.reachHost(Number(registry.host.split(':')[1]));

/** Docker's client on this computer, over TCP and TLS, with a certificate that `signer` made. */
const overTls = async (signer: typeof authority, port: number, ...args: string[]) => {
  const home = join(folder, `client-${signer === authority ? 'own' : 'other'}`);
  const client = issueCertificate(signer, signer === authority ? 'fleet' : 'other', 'client');
  await mkdir(home, { recursive: true });
  await writeFile(join(home, 'ca.pem'), authority.certificate);
  await writeFile(join(home, 'cert.pem'), client.certificate);
  await writeFile(join(home, 'key.pem'), client.key);
  const env = { DOCKER_HOST: `tcp://127.0.0.1:${machine.hostPort(port)}`, DOCKER_CERT_PATH: home };
  return machine.dockerWith({ ...env, DOCKER_TLS_VERIFY: '1' }, ...args);
};
const docker = async (...args: string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await overTls(authority, 2376, ...args);
  t.equal(exitCode, 0, `${args.join(' ')}: ${stderr}`);
  return stdout.trim();
};

await t.test('the TLS port, with a certificate and without', async t => {
  await machine.eventually('the port', async () =>
    (await overTls(authority, 2376, 'version')).exitCode === 0 ? true : undefined,
  );
  t.equal(await docker('info', '--format', '{{.DefaultRuntime}} {{json .Warnings}}'), 'runc null');
  t.match(JSON.parse(await docker('info', '--format', '{{json .Runtimes}}')), { crun: {}, runc: {} });
  t.equal((await overTls(makeAuthority('other'), 2376, 'version')).exitCode, 1);
  const plain = { DOCKER_HOST: `tcp://127.0.0.1:${machine.hostPort(2376)}` };
  t.equal((await machine.dockerWith(plain, 'version')).exitCode, 1);
});

await t.test('services run with runc and have hooks', async t => {
  t.equal(await docker('inspect', '--format', '{{.HostConfig.Runtime}}', 'console'), 'runc');
  t.equal(await machine.root('cat /run/marks'), 'gpu\n', 'the one with the annotation');
  t.match(
    (await machine.ssh('docker ps --format "{{.Names}}"')).stdout,
    /^console$/m,
    'as Docker over ssh:// calls it',
  );
});

await t.test('runc with every verb', async t => {
  await machine.eventually('the mirror', async () =>
    (await overTls(authority, 2376, 'pull', '-q', 'team/app:1')).exitCode === 0 ? true : undefined,
  );
  t.equal(
    await docker('images', '--format', '{{.Repository}} {{.ID}}', '--no-trunc', 'team/app'),
    `team/app ${app.config.digest}`,
  );
  const made = [
    'run',
    '-d',
    '--name',
    'web',
    '--network',
    'none',
    '--memory',
    '64m',
    '--annotation',
    'org.example.gpu=all',
  ];
  const health = ['--health-cmd', 'cat /data/new', '--health-interval', '1s'];
  await docker(...made, ...health, 'team/app:1', 'sleep', '100000');
  const format = '{{.HostConfig.Runtime}} {{json .HostConfig.LogConfig.Config}}';
  t.equal(await docker('inspect', '--format', format, 'web'), 'runc {"max-file":"3","max-size":"2M"}');
  t.equal(await docker('exec', 'web', 'cat', '/data/new'), 'above');
  t.equal((await overTls(authority, 2376, 'exec', 'web', 'sh', '-c', 'exit 7')).exitCode, 7);
  t.match(await overTls(authority, 2376, 'exec', 'web', 'nope'), {
    exitCode: 127,
    stderr: /executable file not found/,
  });
  const missing = await overTls(authority, 2376, 'run', '--rm', '--network', 'none', 'team/app:1', 'nope');
  t.match(missing, { exitCode: 127, stderr: /exec: "nope": executable file not found in \$PATH/ });
  const terminal = 'test -t 1 && echo a terminal';
  t.match(await docker('exec', '-t', 'web', 'sh', '-c', terminal), 'a terminal');
  t.match(
    await docker('run', '--rm', '-t', '--network', 'none', 'team/app:1', 'sh', '-c', terminal),
    'a terminal',
  );
  await machine.eventually('health', async () =>
    (await docker('inspect', '--format', '{{.State.Health.Status}}', 'web')) === 'healthy' ? true : undefined,
  );
  t.match(await docker('top', 'web'), /sleep 100000/);
  t.match(
    await docker('stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}}'),
    /^web [\d.]+\wiB \/ 64MiB$/m,
  );
  await docker('update', '--memory', '80m', '--memory-swap', '160m', 'web');
  t.match(await docker('stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}}'), /^web .* 80MiB$/m);
  await docker('cp', 'web:/data/new', join(folder, 'copied'));
  t.equal(await readFile(join(folder, 'copied'), 'utf8'), 'above\n');
  const status = () => docker('inspect', '--format', '{{.State.Status}} {{.State.Pid}}', 'web');
  await docker('pause', 'web');
  t.match(await status(), /^paused /);
  await docker('unpause', 'web');
  const before = await status();
  await machine.root('kill -9 $(cat /run/slipway/system-docker.pid)');
  const after = await machine.eventually('the next engine', async () => {
    const { exitCode } = await overTls(authority, 2376, 'version');
    return exitCode === 0 ? status() : undefined;
  });
  t.equal(after, before, 'it is the same process');
  t.equal(await docker('exec', 'web', 'cat', '/data/new'), 'above');
  await docker('restart', '-t', '0', 'web');
  t.match(await status(), /^running /);
  await docker('kill', 'web');
  t.equal(await docker('wait', 'web'), '137');
  await docker('rm', 'web');
  t.equal(await machine.root('grep -c gpu /run/marks'), '5\n', 'before and after each life');
  const kept = await machine.root('ls /run/system-docker/runc | wc -l');
  t.equal(kept.trim(), '3', 'the runtime knows the services alone');
});

await t.test('daemon.json on state wins, after a signal', async t => {
  const settings = { 'default-runtime': 'crun', hosts: ['tcp://0.0.0.0:2377'], tlsverify: true };
  await machine.root(
    `mkdir -p /state/system-docker/etc && echo '${JSON.stringify(settings)}' >/state/system-docker/etc/daemon.json && kill -HUP $(cat /run/slipway/system-docker.pid)`,
  );
  const words = ['info', '--format', '{{.DefaultRuntime}}'];
  await machine.eventually('the other port', async () =>
    (await overTls(authority, 2377, ...words)).stdout === 'crun\n' ? true : undefined,
  );
  t.equal((await overTls(authority, 2376, 'version')).exitCode, 1, 'the first one is closed');
  await machine.root(
    `echo '{"live-restore": true}' >/state/system-docker/etc/daemon.json && kill -HUP $(cat /run/slipway/system-docker.pid)`,
  );
  await machine.says(/slipway: settings of system-docker: .*daemon\.json: "live-restore" is not a setting/);
  t.equal((await overTls(authority, 2377, ...words)).stdout, 'crun\n', 'what was read before holds');
});

t.ok(await machine.powerButton(), 'it is off');
