import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { API_VERSION } from '../../src/machine/engine-api/api-version.ts';
import { FrameParser } from '../../src/machine/engine-api/stdcopy.ts';
import { readTar } from '../../src/shared/archive/tar.ts';
import type { Answer, Exchange } from './exchange.ts';
import { isObject } from './shape.ts';

/** What exchanges have kept. */
export type Kept = Map<string, string>;

/** Docker's daemon on an emulated machine takes its time. */
const PATIENCE_MS = 300_000;

/** Puts what was kept in the place of its name in braces. */
export function fill(text: string, kept: Kept): string {
  return text.replace(/\{([a-z][\w-]*)(?::(\d+))?\}/g, (whole, name: string, length?: string) => {
    const value = kept.get(name);
    if (value === undefined || length === undefined) return value ?? whole;
    return value.replace('sha256:', '').slice(0, Number(length));
  });
}

/** Sends the request of an exchange to the engine at `socketPath`, and reads the answer. */
export async function ask(socketPath: string, exchange: Exchange, kept: Kept): Promise<Answer> {
  const [method = '', ...rest] = fill(exchange.request, kept).split(' ');
  const path = rest.join(' ');
  const body = encodeBody(exchange.body, kept);
  const isTaken = exchange.input !== undefined;
  const sent = request({
    socketPath,
    method,
    path:
      /^\/(v\d|_ping)/.test(path) || path.startsWith('//')
        ? path.replace(/^\/\//, '/')
        : `/v${API_VERSION}${path}`,
    headers: {
      ...(body === undefined || Buffer.isBuffer(exchange.body) ? {} : { 'Content-Type': 'application/json' }),
      ...(body === undefined ? {} : { 'Content-Length': body.length }),
      ...(isTaken ? { Connection: 'Upgrade', Upgrade: 'tcp' } : {}),
      ...exchange.headers,
    },
    agent: false,
    timeout: PATIENCE_MS,
  });
  sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
  sent.end(body);
  const [response, socket, head] = (await Promise.race([once(sent, 'response'), once(sent, 'upgrade')])) as [
    IncomingMessage,
    Socket?,
    Buffer?,
  ];
  const bytes =
    socket === undefined
      ? await readBody(response, exchange.take)
      : await converse(socket, head ?? Buffer.alloc(0), exchange.input ?? '');
  const header = exchange.header && response.headers[exchange.header.name];
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'] ?? '',
    body: await parseBody(bytes, response, exchange),
    ...(typeof header === 'string'
      ? { header: JSON.parse(Buffer.from(header, 'base64').toString()) as unknown }
      : {}),
  };
}

function encodeBody(body: Exchange['body'], kept: Kept): Buffer | undefined {
  if (body === undefined || Buffer.isBuffer(body)) return body;
  return Buffer.from(fill(typeof body === 'string' ? body : JSON.stringify(body), kept));
}

/** @param lines ends the connection after so many */
async function readBody(response: IncomingMessage, lines = Infinity): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let seen = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    for (const byte of chunk) if (byte === 0x0a) seen += 1;
    if (seen >= lines) break;
  }
  response.destroy();
  const bytes = Buffer.concat(chunks);
  return lines === Infinity ? bytes : Buffer.from(bytes.toString().split('\n').slice(0, lines).join('\n'));
}

async function converse(socket: Socket, head: Buffer, input: string): Promise<Buffer> {
  const chunks: Buffer[] = [head];
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('no end in time')));
  socket.end(input);
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function parseBody(
  bytes: Buffer,
  response: IncomingMessage,
  { read = 'json' }: Exchange,
): Promise<unknown> {
  const isRefused = (response.statusCode ?? 0) >= 400;
  if (bytes.length === 0) return read === 'json' || isRefused ? undefined : read === 'text' ? '' : [];
  const text = bytes.toString();
  if (read === 'json' || isRefused) return parseJson(text);
  switch (read) {
    case 'text':
      return text;
    case 'lines':
      return text.split(/\r?\n/).filter(Boolean).map(parseJson);
    case 'frames':
      return [...new FrameParser().push(bytes)].map(({ stream, data }) => `${stream}: ${data.toString()}`);
    case 'tar': {
      const names: string[] = [];
      for await (const { path, kind } of readTar(Readable.from([bytes]), { name: 'the answer' })) {
        names.push(`${kind} ${path}`);
      }
      return names.toSorted();
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A field of an answer by its path, such as `State.Status` or `0.Id`. */
export function fieldOf(value: unknown, path: string): unknown {
  let found = value;
  for (const name of path.split('.')) {
    if (Array.isArray(found)) found = (found as unknown[])[Number(name)];
    else found = isObject(found) ? found[name] : undefined;
  }
  return found;
}
