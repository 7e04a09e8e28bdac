import type { IncomingMessage, ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { Backend } from './backend.ts';
import { type JsonObject, parseJsonObject } from './request-body.ts';

/** One request as a handler sees it. */
export interface Exchange {
  readonly backend: Backend;
  readonly method: string;
  /** Negotiated API version, e.g. `1.45`. */
  readonly version: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** The JSON body; throws ENGINE_INVALID_PARAMETER. */
  readonly json: () => Promise<JsonObject>;
  readonly reply: Reply;
}

/** What a handler can answer with. */
export interface Reply {
  json(status: number, body: unknown): void;
  empty(status: number): void;
  text(status: number, body: string, headers?: Readonly<Record<string, string>>): void;
  /** Begins an answer that goes on until `end`. */
  stream(status: number, contentType: string): Writable;
  /**
   * Takes the connection over, both ways, as Docker's attach and exec do. Undefined input when the client
   * did not ask for an upgrade: then output alone is possible.
   */
  hijack(contentType: string): { readonly input: Socket | undefined; readonly output: Writable };
}

/** Writes, and waits while the client does not keep up. Throws when it is gone. */
export async function writeAll(stream: Writable, data: Buffer | string, signal: AbortSignal): Promise<void> {
  if (stream.destroyed || stream.writableEnded) throw new Error('the client is gone');
  if (!stream.write(data)) await once(stream, 'drain', { signal });
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
  const stream = (status: number, contentType: string): Writable => {
    begin(status, { 'Content-Type': contentType });
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
    hijack: contentType => ({ input: undefined, output: stream(200, contentType) }),
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
    stream(status, contentType) {
      socket.write(head(`${status} OK`, { 'Content-Type': contentType, Connection: 'close' }));
      return socket;
    },
    hijack(contentType) {
      const protocol = request.headers.upgrade ?? 'tcp';
      socket.write(
        head('101 UPGRADED', { 'Content-Type': contentType, Connection: 'Upgrade', Upgrade: protocol }),
      );
      if (rest.length > 0) socket.unshift(rest);
      return { input: socket, output: socket };
    },
  };
}

/** The body of an upgrade request, which Node leaves on the socket: what Content-Length says. */
export async function takeUpgradeBody(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  signal: AbortSignal,
): Promise<{ readonly json: () => Promise<JsonObject>; readonly rest: Buffer }> {
  const wanted = Number(request.headers['content-length'] ?? 0);
  if (!Number.isSafeInteger(wanted) || wanted < 0 || wanted > 1024 * 1024)
    throw new Error('unusable Content-Length');
  let data = head;
  while (data.length < wanted) {
    const [chunk] = (await once(socket, 'data', { signal })) as [Buffer];
    data = Buffer.concat([data, chunk]);
  }
  socket.pause();
  const body = data.subarray(0, wanted);
  return {
    json: () => Promise.resolve().then(() => parseJsonObject(body, request.headers['content-type'])),
    rest: data.subarray(wanted),
  };
}
