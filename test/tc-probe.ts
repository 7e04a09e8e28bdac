import { writeFileSync } from 'node:fs';
import { GenericContainer, Network, Wait, DockerComposeEnvironment, getContainerRuntimeClient, PullPolicy } from 'testcontainers';
const get = async (url: string) => (await fetch(url)).text();
const only = process.argv[2]; const step = async (name: string, f: () => Promise<unknown>) => { if (only && !name.startsWith(only)) return; const t = Date.now(); try { console.log(name, "=>", await f(), Date.now() - t, "ms"); } catch (e) { console.log(name, "FAILED", e); } };
await step('client', async () => JSON.stringify((await getContainerRuntimeClient()).info));
await step('redis', async () => {
  const c = await new GenericContainer('redis:7-alpine').withExposedPorts(6379).start();
  const x = await c.exec(['redis-cli', 'ping']); const p = c.getMappedPort(6379); const h = c.getHost(); const n = c.getName(); await c.restart(); await c.stop(); return [x, p, h, n];
});
await step('log', async () => { const c = await new GenericContainer('postgres:16').withEnvironment({ POSTGRES_PASSWORD: 'x' }).withExposedPorts(5432).withWaitStrategy(Wait.forLogMessage(/ready to accept/)).start(); await c.stop({ remove: true, removeVolumes: true }); });
await step('health', async () => { const c = await new GenericContainer('postgres:16').withEnvironment({ POSTGRES_PASSWORD: 'x' }).withHealthCheck({ test: ['CMD-SHELL', 'pg_isready'], interval: 300, timeout: 1000, retries: 5, startPeriod: 100 }).withWaitStrategy(Wait.forHealthCheck()).start(); await c.stop(); });
await step('http+copy', async () => {
  writeFileSync('/tmp/rc/src.html', 'from a file');
  const c = await new GenericContainer('nginx:alpine').withExposedPorts(80)
    .withCopyContentToContainer([{ content: 'copied', target: '/usr/share/nginx/html/x.html' }])
    .withCopyFilesToContainer([{ source: '/tmp/rc/src.html', target: '/usr/share/nginx/html/y.html', mode: 0o644 }])
    .withCopyDirectoriesToContainer([{ source: '/tmp/rc/c', target: '/c' }])
    .withWaitStrategy(Wait.forHttp('/', 80).forStatusCode(200)).withStartupTimeout(20000).start();
  const u = `http://${c.getHost()}:${c.getMappedPort(80)}`;
  await c.copyContentToContainer([{ content: 'late', target: '/usr/share/nginx/html/z.html' }]);
  const out = [await get(u + '/x.html'), await get(u + '/y.html'), await get(u + '/z.html'), (await c.exec('ls /c')).output];
  const tar = await c.copyArchiveFromContainer('/etc/passwd'); tar.resume();
  const logs = await c.logs(); logs.destroy();
  await c.commit({ repo: 'snap', tag: '1' , deleteOnExit: false});
  await c.stop(); return out;
});
await step('network', async () => {
  const net = await new Network().start();
  const a = await new GenericContainer('nginx:alpine').withNetwork(net).withNetworkAliases('web').withExposedPorts(80).start();
  const b = await new GenericContainer('alpine:3.20').withNetwork(net).withCommand(['sleep', '1000']).withExtraHosts([{ host: 'x', ipAddress: '10.1.1.1' }]).withTmpFs({ '/t': 'rw,noexec' }).withUser('70').withWorkingDir('/tmp').withLabels({ a: 'b' }).withResourcesQuota({ memory: 0.1, cpu: 0.5 }).withPrivilegedMode().withSharedMemorySize(1e7).withUlimits({ nofile: { hard: 100, soft: 100 } }).withAddedCapabilities('NET_ADMIN').withDroppedCapabilities('CHOWN').withBindMounts([{ source: '/tmp/rc/c', target: '/c', mode: 'ro' }]).withPullPolicy(PullPolicy.alwaysPull()).start();
  const r = await b.exec(['wget', '-qO-', 'http://web']);
  const r2 = await b.exec(['sh', '-c', 'exit 3'], { user: '65534', workingDir: '/', env: { A: 'b' } });
  const ip = a.getIpAddress(net.getName());
  await a.stop(); await b.stop(); await net.stop(); return [r, r2, ip];
});
await step('command+oneshot', async () => { const c = await new GenericContainer('alpine:3.20').withCommand(['echo', 'done']).withWaitStrategy(Wait.forOneShotStartup()).start(); await c.stop(); });
await step('shell wait', async () => { const c = await new GenericContainer('alpine:3.20').withCommand(['sleep', '1000']).withWaitStrategy(Wait.forSuccessfulCommand('true')).withReuse().start(); await c.stop({ remove: true }); });
await step('compose wait', async () => { const env = await new DockerComposeEnvironment('/tmp/rc/c/01web', 'compose.yaml').withWaitStrategy('web-1', Wait.forListeningPorts()).up(); const c = env.getContainer('web-1'); const r = await get(`http://${c.getHost()}:${c.getMappedPort(80)}`); await env.down(); return r; });
await step('build', async () => { await GenericContainer.fromDockerfile('/tmp/rc/c/11build').build(); });
process.exit(0);
