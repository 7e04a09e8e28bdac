import { lstat, mkdir, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import { type Duplex, Readable } from 'node:stream';
import { ToolError, isSystemError, messageOf } from '../../../shared/errors.ts';
import { nodeHttps } from '../../../shared/node-https.ts';
import { API_VERSION, parseVersionedPath } from '../../engine-api/api-version.ts';
import { httpStatusOf } from '../../engine-api/http-status.ts';
import { matchRoute } from '../../engine-api/routes.ts';
import { listenPrivately } from '../../host/listen-privately.ts';
import type { Log } from '../../log.ts';
import type { TlsConfig } from '../engine-config.ts';
import type { Backend } from './backend.ts';
import { type Exchange, type Reply, plainReply, takeUpgradeBody, upgradeReply } from './exchange.ts';
import { HANDLERS } from './handlers.ts';
import { parseJsonObject, readAll } from './request-body.ts';

/** A listening server. Disposing of it closes its connections and takes the socket away. */
export type ApiServer = AsyncDisposable;

const MAX_CONNECTIONS = 1024;
/** The longest that a timer can be. */
const NEVER_MS = 2 ** 31 - 1;
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
 * replaced; anything else at the path is left alone. Throws API_LISTEN_FAILED.
 */
export async function serveApi(backend: Backend, socketPath: string, log: Log): Promise<ApiServer> {
  // Only root connects here, so nobody is hurried, and no timer looks for those that are slow.
  const server = createServer({ connectionsCheckingInterval: NEVER_MS, headersTimeout: 0 });
  answerRequests(server, backend, log);
  await removeStaleSocket(socketPath);
  await listen(socketPath, () => listenPrivately(server, socketPath));
  return closing(server);
}

/**
 * Serves Docker's API on a TCP port to clients whose certificate the given authority has signed; whoever has one is
 * root here. Throws API_LISTEN_FAILED, also for certificates that cannot be read.
 */
export async function serveTls(backend: Backend, config: TlsConfig, log: Log): Promise<ApiServer> {
  const { host, port, authority, certificate, key } = config;
  return listen(`${host}:${port}`, async () => {
    const server = nodeHttps().createServer({
      ca: authority,
      cert: certificate,
      key,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      // Clients close their side of an attached connection at the end of their input, and listen on.
      allowHalfOpen: true,
      handshakeTimeout: HANDSHAKE_MS,
      headersTimeout: HEADERS_MS,
    });
    answerRequests(server, backend, log);
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => resolve());
    });
    return closing(server);
  });
}

function answerRequests(server: Server, backend: Backend, log: Log): void {
  server.on('request', (request, response) => {
    void answerPlain(backend, request, response, log);
  });
  // A connection that could not be accepted (no more files) is that client's fault to bear, not the engine's end.
  server.on('error', error => {
    if (server.listening) log.warning('a connection was not accepted', { reason: messageOf(error) });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Node types it as any duplex stream; a server's connections are sockets.
    if (socket instanceof Socket) void answerUpgrade(backend, request, socket, head, log);
    else socket.destroy();
  });
  server.on('clientError', (error, socket) => {
    const isLong = 'code' in error && error.code === 'HPE_HEADER_OVERFLOW';
    const status = isLong ? '431 Request Header Fields Too Large' : '400 Bad Request';
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    else socket.destroy();
  });
  server.maxConnections = MAX_CONNECTIONS;
  // Logs, events and waits go on for as long as the client likes.
  server.requestTimeout = 0;
}

function closing(server: Server): ApiServer {
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answerPlain(
  backend: Backend,
  request: IncomingMessage,
  response: ServerResponse,
  log: Log,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const reply = plainReply(response, HEADERS);
  try {
    await route(backend, request, reply, gone.signal, request, async () =>
      parseJsonObject(await readAll(request), request.headers['content-type']),
    );
  } catch (error) {
    if (!gone.signal.aborted)
      refuse(error, reply, response.headersSent, () => response.destroy(), request, log);
  }
}

async function answerUpgrade(
  backend: Backend,
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
    await route(backend, request, reply, gone.signal, Readable.from([]), json);
  } catch (error) {
    const begun = socket.bytesWritten > written;
    if (!gone.signal.aborted) refuse(error, reply, begun, () => socket.destroy(), request, log);
  }
}

async function route(
  backend: Backend,
  request: IncomingMessage,
  reply: Reply,
  signal: AbortSignal,
  body: Readable,
  json: Exchange['json'],
): Promise<void> {
  const [rawPath = '/', ...queries] = (request.url ?? '/').split('?');
  const method = request.method ?? 'GET';
  const { version, path } = parseVersionedPath(rawPath);
  const match = matchRoute(method, path);
  if (match === undefined) {
    throw new ToolError('page not found', { code: 'API_NO_SUCH_PATH', kind: 'not-found' });
  }
  if (match.name === 'planned') {
    throw new ToolError(`${method} ${path} is not supported by system-docker yet`, {
      code: 'ENGINE_NOT_SUPPORTED',
      kind: 'unsupported',
    });
  }
  const query = new URLSearchParams(queries.join('?'));
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
    if ((await lstat(path)).isSocket()) await unlink(path);
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
  }
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
