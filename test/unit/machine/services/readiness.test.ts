import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { waitUntilReady } from '../../../../src/machine/services/readiness.ts';
import { MemoryEngine } from '../../../support/memory-engine.ts';

const engine = new MemoryEngine();
const within = (ms: number) => AbortSignal.timeout(ms);

t.test('tcp: up as soon as something listens', async t => {
  const server = createServer(socket => socket.end());
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await waitUntilReady(engine, 'a', { kind: 'tcp', host: '127.0.0.1', port, intervalMs: 20 }, within(5000));
  await new Promise(resolve => server.close(resolve));
  await t.rejects(
    waitUntilReady(engine, 'a', { kind: 'tcp', host: '127.0.0.1', port, intervalMs: 20 }, within(80)),
    { name: /TimeoutError|AbortError/ },
  );
});

t.test('http: errors of the server do not count, 200 does', async t => {
  let calls = 0;
  const server = createHttpServer((_, response) => response.writeHead(++calls < 3 ? 503 : 200).end('x'));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await waitUntilReady(
    engine,
    'a',
    { kind: 'http', url: `http://127.0.0.1:${port}/`, intervalMs: 20 },
    within(5000),
  );
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
  await waitUntilReady(flaky, 'a', { kind: 'exec', command: ['x'], intervalMs: 20 }, within(5000));
  t.equal(asked, 3);
});

t.test('file: looked up in the container', async t => {
  const own = new MemoryEngine();
  await own.create('a', { Image: 'x' });
  const ready = { kind: 'file', path: import.meta.filename, intervalMs: 20 } as const;
  await t.rejects(waitUntilReady(own, 'a', ready, within(60)), 'not running: no');
  own.containers.set('a', { ...(await own.inspect('a')), status: 'running', pid: process.pid });
  await waitUntilReady(own, 'a', ready, within(5000));
  await t.rejects(waitUntilReady(own, 'a', { ...ready, path: '/no/such/file' }, within(60)));
});

t.test('notify is refused until it works', async t => {
  await t.rejects(waitUntilReady(engine, 'a', { kind: 'notify' }, within(100)), {
    code: 'READY_NOTIFY_UNSUPPORTED',
  });
});
