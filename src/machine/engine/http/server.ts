import { lstat, mkdir, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Socket, connect } from 'node:net';
import { dirname } from 'node:path';
import { type Duplex, Readable } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import { ToolError, isSystemError, messageOf } from '../../../shared/errors.ts';
import { nodeHttps } from '../../../shared/node-https.ts';
import { API_VERSION, parseVersionedPath } from '../../engine-api/api-version.ts';
import { httpStatusOf } from '../../engine-api/http-status.ts';
import { type RouteName, matchRoute, unsupportedSentence } from '../../engine-api/routes.ts';
import { LONGEST_TIMER_MS } from '../supervise/restart-timers.ts';
import { listenPrivately } from '../../host/listen-privately.ts';
import type { Log } from '../../log.ts';
import type { TlsSettings } from '../../../shared/engine-settings.ts';
import type { TlsFiles } from '../settings/tls-files.ts';
import { invalidParameter } from '../docker-errors.ts';
import type { LoadBackend } from './backend.ts';
import { Connections } from './connections.ts';
import { type Exchange, type Reply, plainReply, takeUpgradeBody, upgradeReply } from './exchange.ts';
import { ping } from './ping.ts';
import { parseJson, readAll } from './request-body.ts';
import type { TlsServer } from './tls-port.ts';

/** A listening server. Disposing of it closes its connections and takes the socket away. */
export type ApiServer = AsyncDisposable;

const HIJACKED: ReadonlySet<string> = new Set<RouteName>([
  'containerAttach',
  'containerAttachSocket',
  'execStart',
]);
/** As Go's server has it: the names of all images to save stand in one line. */
const MAX_HEADER_BYTES = 1024 * 1024;
/** A client that vanished must not hold its place for ever. */
const KEEPALIVE_MS = 15_000;
const HANDSHAKE_MS = 20_000;
const HEADERS_MS = 30_000;

const HEADERS: Readonly<Record<string, string>> = {
  'Api-Version': API_VERSION,
  'Docker-Experimental': 'false',
  Ostype: 'linux',
  Server: 'Docker (system-docker; linux)',
};

/**
 * Serves Docker's API on a unix socket that only root can open. A socket of an earlier process is
 * replaced; anything else at the path is left alone, as is one that answers. Throws API_LISTEN_FAILED.
 */
export async function serveApi(loadBackend: LoadBackend, socketPath: string, log: Log): Promise<ApiServer> {
  // Only root connects here, so nobody is hurried, and no timer looks for those that are slow.
  const server = createServer({
    connectionsCheckingInterval: LONGEST_TIMER_MS,
    headersTimeout: 0,
    maxHeaderSize: MAX_HEADER_BYTES,
    shouldUpgradeCallback: isHijacked,
  });
  const open = answerRequests(server, Connections.of(server), loadBackend, log);
  await listen(socketPath, async () => {
    await removeStaleSocket(socketPath);
    await listenPrivately(server, socketPath);
  });
  return open;
}

/**
 * Serves Docker's API on a TCP port to clients whose certificate the given authority has signed; whoever has one is
 * root here. Throws API_LISTEN_FAILED, also for certificates that cannot be read.
 */
export async function serveTls(
  loadBackend: LoadBackend,
  { host, port }: TlsSettings,
  files: TlsFiles,
  log: Log,
): Promise<TlsServer> {
  return listen(`${host}:${port}`, async () => {
    const server = nodeHttps().createServer({
      ...secureContextOf(files),
      requestCert: true,
      rejectUnauthorized: true,
      maxHeaderSize: MAX_HEADER_BYTES,
      shouldUpgradeCallback: isHijacked,
      keepAlive: true,
      keepAliveInitialDelay: KEEPALIVE_MS,
      handshakeTimeout: HANDSHAKE_MS,
      headersTimeout: HEADERS_MS,
    });
    const open = answerRequests(server, Connections.ofTls(server), loadBackend, log);
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => resolve());
    });
    return { ...open, renew: renewed => server.setSecureContext(secureContextOf(renewed)) };
  });
}

function secureContextOf({ authority, certificate, key }: TlsFiles): SecureContextOptions {
  return { ca: authority, cert: certificate, key, minVersion: 'TLSv1.2' };
}

/** @returns what ends the server with all its connections */
function answerRequests(
  server: Server,
  connections: Connections,
  loadBackend: LoadBackend,
  log: Log,
): ApiServer {
  server.on('request', (request, response) => {
    void answerPlain(loadBackend, request, response, log);
  });
  // A connection that could not be accepted (no more files) is that client's fault to bear, not the engine's end.
  server.on('error', error => {
    if (server.listening) log.warning('a connection was not accepted', { reason: messageOf(error) });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Node types it as any duplex stream; a server's connections are sockets.
    if (!(socket instanceof Socket)) {
      socket.destroy();
      return;
    }
    void answerUpgrade(loadBackend, request, socket, head, log);
  });
  server.on('clientError', (error, socket) => {
    const isLong = 'code' in error && error.code === 'HPE_HEADER_OVERFLOW';
    const status = isLong ? '431 Request Header Fields Too Large' : '400 Bad Request';
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    else socket.destroy();
  });
  // Logs, events and waits go on for as long as the client likes.
  server.requestTimeout = 0;
  // Docker keeps idle connections; a client that reuses one must not find it closed.
  server.keepAliveTimeout = 0;
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      connections.end();
      await closed;
    },
  };
}

/** Whether a request may take its connection over. Elsewhere the header `Upgrade` means nothing, as RFC 9110 allows. */
function isHijacked({ method = '', url = '' }: IncomingMessage): boolean {
  try {
    const { path } = parseVersionedPath(url.split('?')[0] ?? '');
    return HIJACKED.has(matchRoute(method, path)?.name ?? 'ping');
  } catch {
    // The plain answer says what is wrong with it.
    return false;
  }
}

async function answerPlain(
  loadBackend: LoadBackend,
  request: IncomingMessage,
  response: ServerResponse,
  log: Log,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const reply = plainReply(response, HEADERS);
  try {
    await route(loadBackend, request, reply, gone.signal, bodyOf(request), async () =>
      parseJson(await readAll(request), request.headers['content-type']),
    );
  } catch (error) {
    // A stream of progress tells its fault itself, and is whole then: the client may still be sending, and must read it.
    const cutOff = (): void => {
      if (!response.writableEnded) response.destroy();
    };
    if (!gone.signal.aborted) refuse(error, reply, response.headersSent, cutOff, request, log);
  }
  // What nobody wants any more of what is still coming.
  if (response.writableEnded) request.resume();
}

/** Who stops reading it, since it is damaged or the disk is full, does not end the connection: the answer tells why. */
function bodyOf(request: IncomingMessage): Exchange['body'] {
  return { [Symbol.asyncIterator]: () => request.iterator({ destroyOnReturn: false }) };
}

async function answerUpgrade(
  loadBackend: LoadBackend,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  log: Log,
): Promise<void> {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  socket.on('error', () => undefined);
  const written = socket.bytesWritten;
  let reply = upgradeReply(socket, Buffer.alloc(0), request, HEADERS);
  try {
    const { json, rest } = await takeUpgradeBody(request, socket, head, gone.signal);
    reply = upgradeReply(socket, rest, request, HEADERS);
    await route(loadBackend, request, reply, gone.signal, Readable.from([]), json);
  } catch (error) {
    const begun = socket.bytesWritten > written;
    if (!gone.signal.aborted) refuse(error, reply, begun, () => socket.destroy(), request, log);
  }
}

async function route(
  loadBackend: LoadBackend,
  request: IncomingMessage,
  reply: Reply,
  signal: AbortSignal,
  body: Exchange['body'],
  json: Exchange['json'],
): Promise<void> {
  const [rawPath = '/', ...queries] = (request.url ?? '/').split('?');
  const method = request.method ?? 'GET';
  const { version, path } = parseVersionedPath(rawPath);
  const match = matchRoute(method, path);
  if (match === undefined) {
    throw new ToolError('page not found', { code: 'API_NO_SUCH_PATH', kind: 'not-found' });
  }
  if (match.name === 'unsupported') {
    throw new ToolError(unsupportedSentence(method, path), {
      code: 'ENGINE_NOT_SUPPORTED',
      kind: 'unsupported',
    });
  }
  if (match.name === 'ping') {
    ping({ method, reply });
    return;
  }
  const badEscape = /%(?![0-9a-fA-F]{2})[^&]{0,2}/.exec(queries.join('?'))?.[0];
  if (badEscape !== undefined) throw invalidParameter(`invalid URL escape ${JSON.stringify(badEscape)}`);
  const query = new URLSearchParams(queries.join('?'));
  // Loaded by the first who asks for more than a sign of life: many machines have services and no clients.
  const [{ HANDLERS }, backend] = await Promise.all([import('./handlers.ts'), loadBackend()]);
  await HANDLERS[match.name]({
    backend,
    method,
    version,
    parameters: match.parameters,
    query,
    headers: request.headers,
    body,
    signal,
    json,
    reply,
  });
}

/** Docker's error body; after the answer has begun, only an early end can tell. */
function refuse(
  error: unknown,
  reply: Reply,
  begun: boolean,
  destroy: () => void,
  request: IncomingMessage,
  log: Log,
): void {
  if (begun && isSystemError(error, 'EPIPE', 'ECONNRESET')) {
    // The client is gone, and its connection learns of it next.
    destroy();
    return;
  }
  const status = httpStatusOf(error);
  if (status >= 500 && status !== 501) {
    log.error('a request failed', {
      request: `${request.method ?? ''} ${request.url ?? ''}`.slice(0, 300),
      reason: stackOf(error) ?? messageOf(error),
    });
  }
  if (begun) destroy();
  else if (status === 304) reply.empty(304);
  else reply.json(status, { message: messageOf(error) });
}

/** Where a fault of ours came from; a ToolError says enough by itself. */
function stackOf(error: unknown): string | undefined {
  return error instanceof Error && !(error instanceof ToolError) ? error.stack : undefined;
}

async function removeStaleSocket(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  try {
    if (!(await lstat(path)).isSocket()) return;
    if (await isAnswered(path)) throw new Error('another program listens there');
    await unlink(path);
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
  }
}

/** Whether somebody listens on a socket; nobody does on that of a process that was killed. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function listen<T>(where: string, begin: () => Promise<T>): Promise<T> {
  try {
    return await begin();
  } catch (cause) {
    throw new ToolError(`listening on ${where}: ${messageOf(cause)}`, {
      code: 'API_LISTEN_FAILED',
      kind: 'environment',
      cause,
    });
  }
}
