import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { Backend } from './backend.ts';
import { invalidParameter } from '../docker-errors.ts';
import { parseJson } from './request-body.ts';
import { openWebsocket } from './websocket.ts';

/** How often a client that has ended its side is looked for. */
const PROBE_MS = 5000;
/** How long a client may take to close its side after ours. */
const LINGER_MS = 5000;

/** One request as a handler sees it. */
export interface Exchange {
  readonly backend: Backend;
  readonly method: string;
  /** Negotiated API version, e.g. `1.45`. */
  readonly version: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The body as it comes, for what is no JSON (archives); a request that asks for an upgrade has none here. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** The JSON body, undefined where there is none; throws ENGINE_INVALID_PARAMETER. */
  readonly json: () => Promise<unknown>;
  readonly reply: Reply;
}

/** What a handler can answer with. */
export interface Reply {
  json(status: number, body: unknown): void;
  empty(status: number): void;
  text(status: number, body: string, headers?: Readonly<Record<string, string>>): void;
  /** Begins an answer that goes on until `end`. */
  stream(status: number, contentType: string, headers?: Readonly<Record<string, string>>): Writable;
  /**
   * Takes the connection over, both ways, as Docker's attach and exec do. Undefined input when the client
   * did not ask for an upgrade: then output alone is possible.
   * @param contentType of an upgraded connection; any other is `RAW_STREAM`, as Docker has it
   */
  hijack(contentType: string): { readonly input: Socket | undefined; readonly output: Writable };
  /** The same as a websocket. Throws ENGINE_INVALID_PARAMETER when the client did not ask for one. */
  websocket(isBinary: boolean): Promise<{ readonly input: Readable; readonly output: Writable }>;
}

/** Content type of a container's output as it is. */
export const RAW_STREAM = 'application/vnd.docker.raw-stream';

/** Writes, and waits while the client does not keep up. Throws when it is gone. */
export async function writeAll(stream: Writable, data: Buffer | string, signal: AbortSignal): Promise<void> {
  if (stream.destroyed || stream.writableEnded) throw new Error('the client is gone');
  if (stream.write(data)) return;
  try {
    await once(stream, 'drain', { signal });
  } catch (error) {
    // What it was aborted for, in place of Node's own word for that.
    signal.throwIfAborted();
    throw error;
  }
}

/** A reply on an ordinary request. */
export function plainReply(response: ServerResponse, headers: Readonly<Record<string, string>>): Reply {
  const begin = (status: number, more: Readonly<Record<string, string | number>>): void => {
    response.writeHead(status, { ...headers, ...more });
  };
  const text: Reply['text'] = (status, body, more = {}) => {
    begin(status, { 'Content-Length': Buffer.byteLength(body), ...more });
    response.end(body);
  };
  const stream: Reply['stream'] = (status, contentType, more = {}) => {
    begin(status, { 'Content-Type': contentType, ...more });
    response.flushHeaders();
    return response;
  };
  return {
    json: (status, body) => text(status, `${JSON.stringify(body)}\n`, { 'Content-Type': 'application/json' }),
    empty(status) {
      begin(status, {});
      response.end();
    },
    text,
    stream,
    hijack: () => ({ input: undefined, output: stream(200, RAW_STREAM) }),
    websocket: () => Promise.reject(invalidParameter('not websocket protocol')),
  };
}

/** A reply on a request that asked for an upgrade: the socket is ours, and closed after a plain answer. */
export function upgradeReply(
  socket: Socket,
  rest: Buffer,
  request: IncomingMessage,
  headers: Readonly<Record<string, string>>,
): Reply {
  const head = (status: string, more: Readonly<Record<string, string | number>>): string =>
    [
      `HTTP/1.1 ${status}`,
      ...Object.entries({ ...headers, ...more }).map(([name, value]) => `${name}: ${value}`),
      '',
      '',
    ].join('\r\n');
  const text: Reply['text'] = (status, body, more = {}) => {
    const length = { 'Content-Length': Buffer.byteLength(body), Connection: 'close' };
    socket.end(head(`${status} ${status < 400 ? 'OK' : 'Error'}`, { ...length, ...more }) + body);
  };
  return {
    json: (status, body) => text(status, `${JSON.stringify(body)}\n`, { 'Content-Type': 'application/json' }),
    empty: status => text(status, ''),
    text,
    stream(status, contentType, more = {}) {
      socket.write(head(`${status} OK`, { 'Content-Type': contentType, Connection: 'close', ...more }));
      return socket;
    },
    hijack(contentType) {
      const protocol = request.headers.upgrade ?? 'tcp';
      socket.write(
        head('101 UPGRADED', { 'Content-Type': contentType, Connection: 'Upgrade', Upgrade: protocol }),
      );
      if (rest.length > 0) socket.unshift(rest);
      closeWhenOver(socket);
      return { input: socket, output: socket };
    },
    async websocket(isBinary) {
      const stream = await openWebsocket(request, socket, rest, isBinary);
      closeWhenOver(socket);
      return { input: stream, output: stream };
    },
  };
}

/**
 * Closes a connection that was taken over: a while after our last word, and when the client, which has
 * said its own, is found to be gone. Nothing else tells of that: a client may close its side and listen on.
 */
function closeWhenOver(socket: Socket): void {
  let probe: NodeJS.Timeout | undefined;
  socket.once('end', () => {
    // A write of nothing fails once nobody is there to read.
    probe = setInterval(() => socket.write(Buffer.alloc(0)), PROBE_MS).unref();
  });
  socket.once('finish', () => {
    // Unread input would make the client see a broken connection instead of the end.
    socket.resume();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  });
  socket.once('close', () => clearInterval(probe));
}

const MAX_UPGRADE_BODY_BYTES = 1024 * 1024;

/** The body of an upgrade request, which Node leaves on the socket: what Content-Length says. */
export async function takeUpgradeBody(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  signal: AbortSignal,
): Promise<{ readonly json: () => Promise<unknown>; readonly rest: Buffer }> {
  if (request.headers['transfer-encoding'] !== undefined) {
    throw invalidParameter('a request that takes its connection over has its length in Content-Length');
  }
  const wanted = Number(request.headers['content-length'] ?? 0);
  if (!Number.isSafeInteger(wanted) || wanted < 0 || wanted > MAX_UPGRADE_BODY_BYTES) {
    throw invalidParameter('the Content-Length of a request that takes its connection over is at most 1 MiB');
  }
  let data = head;
  while (data.length < wanted) {
    const [chunk] = (await once(socket, 'data', { signal })) as [Buffer];
    data = Buffer.concat([data, chunk]);
  }
  socket.pause();
  const body = data.subarray(0, wanted);
  return {
    json: () => Promise.resolve().then(() => parseJson(body, request.headers['content-type'])),
    rest: data.subarray(wanted),
  };
}
