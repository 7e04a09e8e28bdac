import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
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
  /** Takes the connection over, as exec and attach do. */
  hijack(path: string, body: unknown): Promise<{ readonly socket: Socket; readonly isRaw: boolean }>;
}

export interface HttpOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** A client of the engine that listens at `socketPath`. */
export function createHttpClient(socketPath: string): DockerHttpClient {
  const open = (
    method: string,
    path: string,
    options: HttpOptions,
    headers: Readonly<Record<string, string>>,
    onUpgrade?: (response: IncomingMessage, socket: Socket, head: Buffer) => void,
  ): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const query = options.query === undefined ? '' : `?${String(new URLSearchParams(options.query))}`;
      const body = options.body === undefined ? undefined : JSON.stringify(options.body);
      const request = httpRequest({
        socketPath,
        method,
        path: `/v${API_VERSION}${path}${query}`,
        headers: {
          Host: 'system-docker',
          ...(body === undefined
            ? {}
            : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) }),
          ...headers,
        },
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      request.once('error', cause => reject(unreachable(socketPath, cause)));
      request.once('response', resolve);
      if (onUpgrade !== undefined) {
        request.once('upgrade', (response, socket, head) => onUpgrade(response, socket, head));
      }
      request.end(body);
    });
  const stream: DockerHttpClient['stream'] = async (method, path, options = {}) => {
    const response = await open(method, path, options, {});
    if ((response.statusCode ?? 500) >= 400) throw await refusalOf(response);
    return response;
  };
  return {
    socketPath,
    stream,
    async request(method, path, options) {
      const response = await stream(method, path, options);
      const text = await readText(response);
      return text === '' ? undefined : (JSON.parse(text) as unknown);
    },
    hijack: (path, body) =>
      new Promise((resolve, reject) => {
        open('POST', path, { body }, { Connection: 'Upgrade', Upgrade: 'tcp' }, (response, socket, head) => {
          if (head.length > 0) socket.unshift(head);
          resolve({
            socket,
            isRaw: response.headers['content-type'] === 'application/vnd.docker.raw-stream',
          });
        }).then(async response => reject(await refusalOf(response)), reject);
      }),
  };
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
