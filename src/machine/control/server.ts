import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { ToolError, messageOf } from '../../shared/errors.ts';
import { httpStatusOf } from '../engine-api/http-status.ts';
import { listenPrivately } from '../host/listen-privately.ts';
import type { Log } from '../log.ts';
import type {
  BootView,
  ErrorView,
  LogRecord,
  PowerRequest,
  PowerView,
  ServiceDetails,
  ServiceView,
  VersionView,
} from './wire.ts';

export type ServiceVerb = 'start' | 'stop' | 'restart';

/** The services, as the control socket needs them. Throws SERVICE_NOT_FOUND, SERVICE_NOT_CONTROLLED. */
export interface ServiceControl {
  list(): Promise<readonly ServiceView[]>;
  details(name: string): Promise<ServiceDetails>;
  /** Resolves once the service has stopped; or is up, done or failed. */
  change(name: string, verb: ServiceVerb, signal: AbortSignal): Promise<ServiceDetails>;
  /** The last `tail` lines or all, then new ones while `follow`. */
  logs(
    name: string,
    options: { readonly follow: boolean; readonly tail?: number; readonly signal: AbortSignal },
  ): AsyncIterable<LogRecord>;
}

/** What the control socket needs of the machine. */
export interface ControlBackend {
  readonly services: ServiceControl;
  version(): VersionView;
  boot(): BootView;
  /** The effective cloud-config, as applied. */
  config(): unknown;
  power(request: PowerRequest): PowerView;
}

/** Bodies of requests are small. */
const MAX_BODY_BYTES = 64 * 1024;

/** A request that has found its route. */
interface Call {
  readonly backend: ControlBackend;
  readonly body: unknown;
  /** The NAME in the path. */
  readonly name: string;
  readonly query: URLSearchParams;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** Answers a value, or lines of JSON one after another. */
type Handler = (call: Call) => unknown;

const changeService =
  (verb: ServiceVerb): Handler =>
  ({ backend, name, signal }) =>
    backend.services.change(name, verb, signal);

/** The routes: method and path. */
const ROUTES: Readonly<Record<string, Handler>> = {
  'GET /version': ({ backend }) => backend.version(),
  'GET /services': ({ backend }) => backend.services.list(),
  'GET /services/NAME': ({ backend, name }) => backend.services.details(name),
  'GET /services/NAME/logs': ({ backend, name, query, signal }) =>
    backend.services.logs(name, { ...parseLogQuery(query), signal }),
  'POST /services/NAME/start': changeService('start'),
  'POST /services/NAME/stop': changeService('stop'),
  'POST /services/NAME/restart': changeService('restart'),
  'GET /boot': ({ backend }) => backend.boot(),
  'GET /config': ({ backend }) => backend.config(),
  'POST /power': ({ backend, body }) => backend.power(parsePowerRequest(body)),
};

/** The control socket, open. Disposing of it closes it. */
export class ControlServer implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on a unix socket that only root can open; a socket that an earlier life left is replaced. */
  static async listen(path: string, backend: ControlBackend, log: Log): Promise<ControlServer> {
    // No timer looks for slow clients: only root connects here, and an idle machine is not woken.
    const options = { connectionsCheckingInterval: 2 ** 31 - 1, headersTimeout: 0 };
    const server = createServer(options, (request, response) => {
      handle(backend, request, response).catch((error: unknown) => log.error(`control: ${messageOf(error)}`));
    });
    rmSync(path, { force: true });
    await listenPrivately(server, path);
    // A connection that could not be accepted must not end the daemon.
    server.on('error', error => log.warning(`control: ${messageOf(error)}`));
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

/** Checks the query of GET /services/NAME/logs; throws CONTROL_BAD_REQUEST. */
export function parseLogQuery(query: URLSearchParams): { follow: boolean; tail?: number } {
  const follow = query.get('follow') === '1';
  const tail = query.get('tail');
  if (tail === null) return { follow };
  if (!/^\d{1,9}$/.test(tail)) throw badRequest('"tail" must be a number of lines');
  return { follow, tail: Number(tail) };
}

async function handle(
  backend: ControlBackend,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    const { handler, name, query } = findRoute(request);
    const body = request.method === 'POST' ? await readBody(request) : undefined;
    const answer = await handler({ backend, body, name, query, signal: gone.signal });
    if (isLines(answer)) await sendLines(response, answer, gone.signal);
    else send(response, 200, answer);
  } catch (error) {
    if (gone.signal.aborted) return;
    // In the midst of lines there is no other way to say that these are not all.
    if (response.headersSent) response.destroy();
    else send(response, httpStatusOf(error), errorView(error));
    if (!(error instanceof ToolError)) throw error;
  }
}

/** Throws CONTROL_NO_ROUTE. */
function findRoute(request: IncomingMessage): { handler: Handler; name: string; query: URLSearchParams } {
  const [path = '', search = ''] = (request.url ?? '').split('?', 2);
  // Names of services need no escapes in a path.
  const [, name = '', verb = ''] = /^\/services\/([A-Za-z0-9][A-Za-z0-9_.-]{0,99})(\/.*)?$/.exec(path) ?? [];
  const route = `${request.method} ${name === '' ? path : `/services/NAME${verb}`}`;
  const handler = Object.hasOwn(ROUTES, route) ? ROUTES[route] : undefined;
  if (handler === undefined) {
    throw new ToolError(`there is no ${request.method} ${path.slice(0, 80)} on the control socket`, {
      code: 'CONTROL_NO_ROUTE',
      kind: 'not-found',
    });
  }
  return { handler, name, query: new URLSearchParams(search) };
}

function errorView(error: unknown): ErrorView {
  if (!(error instanceof ToolError)) return { code: 'INTERNAL', message: messageOf(error) };
  const { code, message, hint } = error;
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

function isLines(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;
}

/** Sends one JSON value a line, no faster than they are read. */
async function sendLines(
  response: ServerResponse,
  lines: AsyncIterable<unknown>,
  signal: AbortSignal,
): Promise<void> {
  for await (const line of lines) {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    if (!response.write(`${JSON.stringify(line)}\n`)) await once(response, 'drain', { signal });
  }
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.end();
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw badRequest(`the body is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (length === 0) return undefined;
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
