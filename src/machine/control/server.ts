import { rmSync } from 'node:fs';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { ToolError, messageOf } from '../../shared/errors.ts';
import { httpStatusOf } from '../engine-api/http-status.ts';
import { listenPrivately } from '../host/listen-privately.ts';
import type { Log } from '../log.ts';
import type { BootView, ErrorView, PowerRequest, PowerView, ServiceView, VersionView } from './wire.ts';

/** What the control socket needs of the machine. */
export interface ControlBackend {
  version(): VersionView;
  services(): Promise<readonly ServiceView[]>;
  boot(): BootView;
  /** The effective cloud-config, as applied. */
  config(): unknown;
  power(request: PowerRequest): PowerView;
}

/** Bodies of requests are small. */
const MAX_BODY_BYTES = 64 * 1024;

type Handler = (backend: ControlBackend, body: unknown) => unknown;

/** The routes: method and path. */
const ROUTES: Readonly<Record<string, Handler>> = {
  'GET /version': backend => backend.version(),
  'GET /services': backend => backend.services(),
  'GET /boot': backend => backend.boot(),
  'GET /config': backend => backend.config(),
  'POST /power': (backend, body) => backend.power(parsePowerRequest(body)),
};

/** The control socket, open. Disposing of it closes it. */
export class ControlServer implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on a unix socket that only root can open; a socket that an earlier life left is replaced. */
  static async listen(path: string, backend: ControlBackend, log: Log): Promise<ControlServer> {
    const server = createServer((request, response) => {
      handle(backend, request, response).catch((error: unknown) => log.error(`control: ${messageOf(error)}`));
    });
    rmSync(path, { force: true });
    await listenPrivately(server, path);
    return new ControlServer(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise(resolve => this.#server.close(resolve));
  }
}

/** Checks the body of POST /power; throws CONTROL_BAD_REQUEST. */
export function parsePowerRequest(body: unknown): PowerRequest {
  const action = typeof body === 'object' && body !== null && 'action' in body ? body.action : undefined;
  if (action === 'poweroff' || action === 'reboot' || action === 'halt') return { action };
  throw badRequest('the body must be {"action": "poweroff"}, "reboot" or "halt"');
}

async function handle(
  backend: ControlBackend,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const handler = Object.hasOwn(ROUTES, `${request.method} ${path}`)
      ? ROUTES[`${request.method} ${path}`]
      : undefined;
    if (handler === undefined) {
      throw new ToolError(`there is no ${request.method} ${path.slice(0, 80)} on the control socket`, {
        code: 'CONTROL_NO_ROUTE',
        kind: 'not-found',
      });
    }
    const body = request.method === 'POST' ? await readBody(request) : undefined;
    send(response, 200, await handler(backend, body));
  } catch (error) {
    const view: ErrorView =
      error instanceof ToolError
        ? {
            code: error.code,
            message: error.message,
            ...(error.hint === undefined ? {} : { hint: error.hint }),
          }
        : { code: 'INTERNAL', message: messageOf(error) };
    send(response, httpStatusOf(error), view);
    if (!(error instanceof ToolError)) throw error;
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw badRequest(`the body is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw badRequest('the body is not JSON');
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(value ?? null)}\n`);
}

function badRequest(message: string): ToolError {
  return new ToolError(message, { code: 'CONTROL_BAD_REQUEST', kind: 'invalid-input' });
}
