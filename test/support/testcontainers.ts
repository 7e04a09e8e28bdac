import { join } from 'node:path';
import type { Test } from 'tap';
import type { RealClient } from './docker-clients.ts';

/** A machine without hardware virtualisation on a busy computer takes its time. */
const PATIENCE_MS = 300_000;

/**
 * Works with testcontainers as a test suite does. It reads its settings from this process's environment, so it is loaded
 * when that says where the engine is.
 * @param machineSocket where the engine's socket is on its machine
 * @param ports of this computer's loopback that lead to the same ports of the machine; any unless given
 */
export async function checkTestcontainers(
  t: Test,
  { env, said }: RealClient,
  machineSocket: string,
  ports?: { readonly web: number; readonly cache: number; readonly reaper: number },
): Promise<void> {
  Object.assign(process.env, env, {
    TESTCONTAINERS_HOST_OVERRIDE: '127.0.0.1',
    TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE: machineSocket,
    ...(ports === undefined ? {} : { TESTCONTAINERS_RYUK_PORT: String(ports.reaper) }),
  });
  const { DockerComposeEnvironment, GenericContainer, Network, Wait } = await import('testcontainers');
  const exposed = (container: number, host: number | undefined) =>
    host === undefined ? container : { container, host };

  await t.test('a port and a line of the log to wait for, commands inside', async t => {
    await using cache = await new GenericContainer('redis:7-alpine')
      .withExposedPorts(exposed(6379, ports?.cache))
      .withWaitStrategy(Wait.forAll([Wait.forListeningPorts(), Wait.forLogMessage(/Ready to accept/)]))
      .withStartupTimeout(PATIENCE_MS)
      .start();
    t.match(await cache.exec(['redis-cli', 'ping']), { exitCode: 0, output: 'PONG\n' });
    t.match(await cache.exec('exit 3'.split(' ')), { exitCode: 127 });
    await cache.restart();
    t.match(await cache.exec(['sh', '-c', 'echo $A; id -u; exit 3'], { env: { A: 'b' }, user: '70' }), {
      exitCode: 3,
      output: 'b\n70\n',
    });
  });

  await t.test('files copied there, a page to wait for', async t => {
    const source = join(t.testdir({ 'y.html': 'from a file' }), 'y.html');
    const html = '/usr/share/nginx/html';
    await using web = await new GenericContainer('nginx:alpine')
      .withExposedPorts(exposed(80, ports?.web))
      .withCopyContentToContainer([{ content: 'copied', target: `${html}/x.html` }])
      .withCopyFilesToContainer([{ source, target: `${html}/y.html` }])
      .withWaitStrategy(Wait.forHttp('/x.html', 80).forStatusCode(200))
      .withStartupTimeout(PATIENCE_MS)
      .start();
    await web.copyContentToContainer([{ content: 'late', target: `${html}/z.html` }]);
    const base = `http://${web.getHost()}:${web.getMappedPort(80)}`;
    const texts = await Promise.all(
      ['x', 'y', 'z'].map(async name => (await fetch(`${base}/${name}.html`)).text()),
    );
    t.same(texts, ['copied', 'from a file', 'late']);
  });

  await t.test('a network of its own, names in it', async t => {
    await using network = await new Network().start();
    await using _web = await new GenericContainer('nginx:alpine')
      .withNetwork(network)
      .withNetworkAliases('www')
      .withStartupTimeout(PATIENCE_MS)
      .start();
    await using client = await new GenericContainer('alpine:3.20')
      .withNetwork(network)
      .withCommand(['sleep', '1000'])
      .withTmpFs({ '/scratch': 'rw' })
      .withBindMounts([{ source: '/proc/version', target: '/version', mode: 'ro' }])
      .withStartupTimeout(PATIENCE_MS)
      .start();
    t.match(await client.exec(['wget', '-qO-', 'http://www']), { exitCode: 0, output: /Welcome to nginx/ });
  });

  await t.test('a health check, and a container that only runs once', async t => {
    await using database = await new GenericContainer('postgres:16')
      .withEnvironment({ POSTGRES_PASSWORD: 'x' })
      .withHealthCheck({ test: ['CMD-SHELL', 'pg_isready'], interval: 300, timeout: 10_000, retries: 100 })
      .withWaitStrategy(Wait.forHealthCheck())
      .withStartupTimeout(PATIENCE_MS)
      .start();
    t.match(await database.exec(['pg_isready']), { exitCode: 0 });
    await using once = await new GenericContainer('alpine:3.20')
      .withCommand(['echo', 'done'])
      .withWaitStrategy(Wait.forOneShotStartup())
      .withStartupTimeout(PATIENCE_MS)
      .start();
    t.match(once.getId(), /^[0-9a-f]{64}$/);
  });

  // Its port is one that this computer cannot reach on another machine.
  if (ports === undefined) {
    await t.test('a project of compose', async t => {
      const folder = join(import.meta.dirname, 'compose/site');
      await using project = await new DockerComposeEnvironment(folder, 'compose.yaml')
        .withWaitStrategy('web-1', Wait.forListeningPorts())
        .withStartupTimeout(PATIENCE_MS)
        .up();
      const web = project.getContainer('web-1');
      const page = await fetch(`http://${web.getHost()}:${web.getMappedPort(80)}`);
      t.equal(await page.text(), '<p>mine</p>\n');
    });
  }

  await t.test('its reaper has the socket and knows what to remove', async t => {
    const session = 'org.testcontainers.session-id';
    const [id = '', ...others] = (await said('ps', '-aq', '--filter', `label=${session}`)).split('\n');
    t.same(others, [], 'nothing else is left');
    t.match(
      await said('inspect', id, '-f', '{{.Name}} {{.HostConfig.Binds}}'),
      `[${machineSocket}:/var/run/docker.sock:rw]`,
    );
    t.match(await said('logs', id), new RegExp(`^Started\nlabel=${session}=[0-9a-f]{12,}$`, 'm'));
    await said('rm', '-f', id);
  });
}
