import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ToolError, isSystemError, messageOf } from '../../shared/errors.ts';
import { API_VERSION } from '../engine-api/api-version.ts';
import type { ErrorBody } from '../engine-api/bodies.ts';
import { kindOfStatus } from '../engine-api/http-status.ts';

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Docker's API over its unix socket. */
export interface DockerHttpClient {
  readonly socketPath: string;
  /** Answers the JSON body; undefined for none. Throws ENGINE_UNREACHABLE and the server's refusals (ENGINE_REFUSED). */
  request(method: string, path: string, options?: HttpOptions): Promise<unknown>;
  /** Answers the response while it is still coming. */
  stream(method: string, path: string, options?: HttpOptions): Promise<IncomingMessage>;
  /** The answer's text, up to 64 MiB. */
  text(method: string, path: string, options?: HttpOptions): Promise<string>;
  /** Takes the connection over, as exec and attach do. */
  hijack(path: string, options: HttpOptions): Promise<{ readonly socket: Socket; readonly isRaw: boolean }>;
  /** Ends its connections, also those with an answer that nobody has read; not those that were taken over. */
  close(): void;
}

export interface HttpOptions {
  /** A list is the same key several times; undefined is left out. */
  readonly query?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead of a body; its end is the end of the request. */
  readonly upload?: Readable;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A client of the engine that listens at `socketPath`. */
export function createHttpClient(socketPath: string): DockerHttpClient {
  const agent = new Agent({ keepAlive: true });
  const open = (
    method: string,
    path: string,
    options: HttpOptions,
    headers: Readonly<Record<string, string>>,
    onUpgrade?: (response: IncomingMessage, socket: Socket, head: Buffer) => void,
  ): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const query = formatQuery(options.query ?? {});
      const body = options.body === undefined ? undefined : JSON.stringify(options.body);
      const request = httpRequest({
        agent,
        socketPath,
        method,
        path: `/v${API_VERSION}${path}${query}`,
        headers: {
          Host: 'system-docker',
          ...(body === undefined
            ? {}
            : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) }),
          ...options.headers,
          ...headers,
        },
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      request.once('error', cause => reject(unreachable(socketPath, cause)));
      request.once('response', resolve);
      if (onUpgrade !== undefined) {
        request.once('upgrade', (response, socket, head) => onUpgrade(response, socket, head));
      }
      if (options.upload === undefined) request.end(body);
      else {
        // A refusal may come before everything was sent: the answer counts, not the broken pipe.
        pipeline(options.upload, request).catch((cause: unknown) => {
          if (cause instanceof Error && !isSystemError(cause, 'EPIPE', 'ECONNRESET')) reject(cause);
        });
      }
    });
  const stream: DockerHttpClient['stream'] = async (method, path, options = {}) => {
    const response = await open(method, path, options, {});
    if ((response.statusCode ?? 500) >= 400) throw await refusalOf(response);
    return response;
  };
  const text: DockerHttpClient['text'] = async (method, path, options) =>
    readText(await stream(method, path, options));
  return {
    socketPath,
    stream,
    text,
    async request(method, path, options) {
      const answer = await text(method, path, options);
      return answer.trim() === '' ? undefined : (JSON.parse(answer) as unknown);
    },
    hijack: (path, options) =>
      new Promise((resolve, reject) => {
        open('POST', path, options, { Connection: 'Upgrade', Upgrade: 'tcp' }, (response, socket, head) => {
          if (head.length > 0) socket.unshift(head);
          resolve({
            socket,
            isRaw: response.headers['content-type'] === 'application/vnd.docker.raw-stream',
          });
        }).then(async response => reject(await refusalOf(response)), reject);
      }),
    close: () => agent.destroy(),
  };
}

function formatQuery(query: NonNullable<HttpOptions['query']>): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const item of typeof value === 'string' ? [value] : (value ?? [])) parameters.append(key, item);
  }
  const text = String(parameters);
  return text === '' ? '' : `?${text}`;
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new Error('the answer is larger than 64 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function refusalOf(response: IncomingMessage): Promise<ToolError> {
  const text = await readText(response);
  let message = text.trim() || `status ${response.statusCode ?? 0}`;
  try {
    message = (JSON.parse(text) as ErrorBody).message;
  } catch {
    // Not JSON: the text itself says it.
  }
  return new ToolError(message, { code: 'ENGINE_REFUSED', kind: kindOfStatus(response.statusCode ?? 500) });
}

function unreachable(socketPath: string, cause: Error): Error {
  if (cause.name === 'AbortError') return cause;
  const denied = isSystemError(cause, 'EACCES', 'EPERM');
  return new ToolError(`Cannot connect to system-docker at unix://${socketPath}: ${messageOf(cause)}`, {
    code: 'ENGINE_UNREACHABLE',
    kind: denied ? 'forbidden' : 'unavailable',
    hint: denied ? 'run the command as root, e.g. with sudo' : 'is system-docker running on this machine?',
    cause,
  });
}
