import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ToolError, isSystemError } from '../../shared/errors.ts';
import type { ErrorView } from '../control/wire.ts';
import { kindOfStatus } from '../engine-api/http-status.ts';

const TIMEOUT_MS = 30_000;
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
  body?: unknown,
): Promise<T> {
  const { status, text } = await exchangePatiently(socketPath, method, path, body);
  const value: unknown = JSON.parse(text);
  if (status < 400) return value as T;
  const { code, message, hint } = value as ErrorView;
  throw new ToolError(message, { code, kind: kindOfStatus(status), ...(hint === undefined ? {} : { hint }) });
}

async function exchangePatiently(
  socketPath: string,
  method: string,
  path: string,
  body: unknown,
): Promise<{ status: number; text: string }> {
  const begun = performance.now();
  for (;;) {
    try {
      return await exchange(socketPath, method, path, body);
    } catch (error) {
      const isRefused = error instanceof ToolError && isSystemError(error.cause, 'ECONNREFUSED');
      if (!isRefused || performance.now() - begun > PATIENCE_MS) throw error;
      await sleep(200);
    }
  }
}

function exchange(
  socketPath: string,
  method: string,
  path: string,
  body: unknown,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath,
        method,
        path,
        timeout: TIMEOUT_MS,
        headers: { 'content-type': 'application/json' },
      },
      response => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 500, text: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    call.once('timeout', () => call.destroy(new Error('no answer within 30 s')));
    call.once('error', error => reject(explain(error, socketPath)));
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
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
