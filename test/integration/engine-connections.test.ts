/** How the engine's API bears many connections, on its socket and on its TLS port. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type Socket, type TcpNetConnectOpts, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TLSSocket, connect as connectTls } from 'node:tls';
import t, { type Test } from 'tap';
import { serveApi, serveTls } from '../../src/machine/engine/http/server.ts';
import { createLog } from '../../src/machine/log.ts';
import { issueCertificate, makeAuthority } from '../support/certificates.ts';

/** Less than a handshake may take, and much more than what is waited for. */
const LIMIT_MS = 12_000;
const PING = 'GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n';

const authority = makeAuthority('one');
const server = issueCertificate(authority, 'one', 'server');
const client = issueCertificate(authority, 'one', 'client');
const log = createLog({ component: 'test', level: 'error', write: line => t.fail(line) });
const loadBackend = (): Promise<never> => Promise.reject(new Error('only asked for signs of life'));

async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const late = sleep(LIMIT_MS, undefined, { ref: false }).then(() => {
    throw new Error(`${what}: not within ${LIMIT_MS / 1000} s`);
  });
  return Promise.race([promise, late]);
}

/** A TLS port, and who connects to it. */
async function openPort(t: Test) {
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const address = free.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  free.close();
  await once(free, 'close');
  const at = { host: '127.0.0.1', port };
  const files = { authority: authority.certificate, certificate: server.certificate, key: server.key };
  const api = await serveTls(loadBackend, at, files, log);
  const sockets: Socket[] = [];
  let ended: PromiseLike<void> | undefined;
  const end = async (): Promise<void> => {
    ended ??= api[Symbol.asyncDispose]();
    await ended;
  };
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    await end();
  });
  return {
    end,
    /** Connects and says nothing. */
    async stranger(options: Partial<TcpNetConnectOpts> = {}): Promise<Socket> {
      const socket = connect({ ...at, ...options });
      sockets.push(socket);
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      return socket.resume();
    },
    known(): TLSSocket {
      const { certificate: cert, key } = client;
      const socket = connectTls({ ...at, ca: authority.certificate, cert, key });
      sockets.push(socket);
      return socket;
    },
  };
}

/** Asks for a sign of life over a connection, which stays open; what came back. */
async function ping(socket: Socket): Promise<string> {
  socket.write(PING);
  const [answer] = (await within('an answer', once(socket, 'data'))) as [Buffer];
  return answer.toString();
}

t.test('who has no certificate keeps nobody out who has one', async t => {
  const port = await openPort(t);
  const first = port.known();
  t.match(await ping(first), /^HTTP\/1\.1 200 OK/);
  const silent = await Promise.all(Array.from({ length: 1500 }, () => port.stranger()));
  t.match(await ping(port.known()), /^HTTP\/1\.1 200 OK/, 'while they are there');
  for (const socket of silent) socket.end();
  t.match(await ping(port.known()), /^HTTP\/1\.1 200 OK/, 'when they leave');
  t.match(await ping(first), /^HTTP\/1\.1 200 OK/, 'and whoever was there before');
});

t.test('who leaves before the handshake is let go at once', async t => {
  const port = await openPort(t);
  const silent = await port.stranger({ allowHalfOpen: true });
  const begun = await port.stranger({ allowHalfOpen: true });
  // The head of a client's first record.
  begun.write(Buffer.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc));
  for (const socket of [silent, begun]) {
    const over = once(socket, 'end');
    socket.end();
    await t.resolves(within('the end', over));
  }
});

t.test('a port is closed whoever is connected to it', async t => {
  const port = await openPort(t);
  await port.stranger();
  const leaving = await port.stranger({ allowHalfOpen: true });
  leaving.end();
  await ping(port.known());
  await once(port.known(), 'secureConnect');
  const unfinished = port.known();
  unfinished.on('error', () => undefined);
  await once(unfinished, 'secureConnect');
  unfinished.write('GET /_ping HTTP/1.1\r\n');
  await t.resolves(within('the end of the port', port.end()));
});

t.test('idle clients make room for one more', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'connections-'));
  const path = join(folder, 'docker.sock');
  const api = await serveApi(loadBackend, path, log);
  const sockets: Socket[] = [];
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    await api[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });
  const answers = new Set<string | undefined>();
  const left = new Set<Socket>();
  for (let index = 0; index < 1040; index += 1) {
    const socket = connect(path);
    sockets.push(socket);
    socket.once('close', () => left.add(socket));
    answers.add((await ping(socket)).split('\r\n')[0]);
  }
  t.same([...answers], ['HTTP/1.1 200 OK']);
  const [first] = sockets;
  if (first !== undefined && !left.has(first)) await within('the end of an idle one', once(first, 'close'));
  t.ok(left.size > 0 && left.size < 1040);
});
