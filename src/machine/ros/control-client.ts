import { type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ToolError, isSystemError } from '../../shared/errors.ts';
import type { ErrorView } from '../control/wire.ts';
import { kindOfStatus } from '../engine-api/http-status.ts';

const TIMEOUT_MS = 30_000;
const MAX_LINE_BYTES = 1024 * 1024;
/** How long a socket that refuses is asked again: system-docker may just be replaced. */
const PATIENCE_MS = 8000;

/**
 * Asks system-docker over its control socket. Throws the error that it answers, or CONTROL_UNREACHABLE
 * and CONTROL_FORBIDDEN.
 */
export async function askControl<T>(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  options: AskOptions = {},
): Promise<T> {
  const response = await openPatiently(socketPath, method, path, options);
  return JSON.parse(await readWhole(response)) as T;
}

/** Asks for lines of JSON, one value a line, as they come. Throws as askControl. */
export async function* streamControl<T>(socketPath: string, path: string): AsyncGenerator<T> {
  const response = await openPatiently(socketPath, 'GET', path, { timeoutMs: 0 });
  let rest = '';
  response.setEncoding('utf8');
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_BYTES) throw new Error('a line of the answer is longer than 1 MiB');
    for (const line of lines) yield JSON.parse(line) as T;
  }
}

export interface AskOptions {
  readonly body?: unknown;
  /** Without an answer after this time it is given up; 0: never. 30 s unless given. */
  readonly timeoutMs?: number;
}

/** The response to a request that was not refused. */
async function openPatiently(
  socketPath: string,
  method: string,
  path: string,
  options: AskOptions,
): Promise<IncomingMessage> {
  const begun = performance.now();
  for (;;) {
    try {
      const response = await open(socketPath, method, path, options);
      const status = response.statusCode ?? 500;
      if (status < 400) return response;
      const { code, message, hint } = JSON.parse(await readWhole(response)) as ErrorView;
      const kind = kindOfStatus(status);
      throw new ToolError(message, { code, kind, ...(hint === undefined ? {} : { hint }) });
    } catch (error) {
      const isRefused = error instanceof ToolError && isSystemError(error.cause, 'ECONNREFUSED');
      if (!isRefused || performance.now() - begun > PATIENCE_MS) throw error;
      await sleep(200);
    }
  }
}

function open(
  socketPath: string,
  method: string,
  path: string,
  { body, timeoutMs = TIMEOUT_MS }: AskOptions,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const call = request({ socketPath, method, path, timeout: timeoutMs, headers }, resolve);
    call.once('timeout', () => call.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    call.once('error', error => reject(explain(error, socketPath)));
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function readWhole(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function explain(cause: Error, socketPath: string): ToolError {
  if (isSystemError(cause, 'EACCES', 'EPERM')) {
    return new ToolError('asking system-docker: only root may', {
      code: 'CONTROL_FORBIDDEN',
      kind: 'forbidden',
      hint: 'put "sudo" before the command',
      cause,
    });
  }
  return new ToolError(`asking system-docker at ${socketPath}: ${cause.message}`, {
    code: 'CONTROL_UNREACHABLE',
    kind: 'unavailable',
    hint: isSystemError(cause, 'ENOENT', 'ECONNREFUSED')
      ? 'is this a machine of Slipway, and is system-docker running?'
      : 'look at /run/slipway/system-docker.log',
    cause,
  });
}
