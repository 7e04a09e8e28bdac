import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { type ProbedReadiness, waitUntilReady } from '../../../../src/machine/services/readiness.ts';
import { MemoryEngine } from '../../../support/memory-engine.ts';
import { FakeHost } from '../../../support/service-host.ts';

const engine = new MemoryEngine();
const within = (ms: number) => AbortSignal.timeout(ms);
const ready = (readiness: ProbedReadiness, signal: AbortSignal, own: MemoryEngine = engine, net = 'host') =>
  waitUntilReady(own, new FakeHost(own), { name: 'a', net }, readiness, signal);

t.test('tcp: up as soon as something listens', async t => {
  const server = createServer(socket => socket.end());
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await ready({ kind: 'tcp', host: '127.0.0.1', port, intervalMs: 20 }, within(5000));
  await new Promise(resolve => server.close(resolve));
  await t.rejects(ready({ kind: 'tcp', host: '127.0.0.1', port, intervalMs: 20 }, within(80)), {
    name: /TimeoutError|AbortError/,
  });
});

t.test('http: errors of the server do not count, 200 does', async t => {
  let calls = 0;
  const server = createHttpServer((_, response) => response.writeHead(++calls < 3 ? 503 : 200).end('x'));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await ready({ kind: 'http', url: `http://127.0.0.1:${port}/`, intervalMs: 20 }, within(5000));
  t.equal(calls, 3);
  server.closeAllConnections();
  await new Promise(resolve => server.close(resolve));
});

t.test('exec: exit code 0 counts, a container that does not run is asked again', async t => {
  const answers = [new Error('not running'), 1, 0];
  let asked = 0;
  const flaky = Object.assign(new MemoryEngine(), {
    exec: async () => {
      const answer = answers[asked++];
      if (answer instanceof Error) throw answer;
      return { exitCode: answer ?? 1, stdout: '', stderr: '' };
    },
  });
  await ready({ kind: 'exec', command: ['x'], intervalMs: 20 }, within(5000), flaky);
  t.equal(asked, 3);
});

t.test('file: looked up in the container', async t => {
  const own = new MemoryEngine();
  await own.create('a', { Image: 'x' });
  const file = { kind: 'file', path: import.meta.filename, intervalMs: 20 } as const;
  await t.rejects(ready(file, within(60), own), 'not running: no');
  own.containers.set('a', { ...(await own.inspect('a')), status: 'running', pid: process.pid });
  await ready(file, within(5000), own);
  await t.rejects(ready({ ...file, path: '/no/such/file' }, within(60), own));
});

t.test('tcp and http of a service with a network of its own are asked there', async t => {
  const own = new MemoryEngine();
  await own.create('a', { Image: 'x' });
  await own.start('a');
  const host = new FakeHost(own);
  const tcp = { kind: 'tcp', host: '127.0.0.1', port: 80, intervalMs: 20 } as const;
  const http = { kind: 'http', url: 'http://127.0.0.1/', intervalMs: 20 } as const;
  const inside = (readiness: ProbedReadiness, ms: number) =>
    waitUntilReady(own, host, { name: 'a', net: 'new' }, readiness, within(ms));
  await t.rejects(inside(tcp, 60));
  const { pid } = await own.inspect('a');
  host.reachable.add(`${pid} 127.0.0.1:80`).add(`${pid} http://127.0.0.1/`);
  await inside(tcp, 5000);
  await inside(http, 5000);
});
