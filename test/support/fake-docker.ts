import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** What a client asked for. */
export interface RecordedRequest {
  readonly method: string;
  /** Without version and query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** An answer: JSON, or text as it is; or what the answer depends on. */
export interface FakeAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly text?: string | Buffer;
  /** The connection is taken over: this is written after the head, then it is closed. */
  readonly hijack?: string | Buffer;
}

/** Answers by `METHOD /path`; a function sees the request. */
export type FakeAnswers = Readonly<
  Record<string, FakeAnswer | ((request: RecordedRequest) => FakeAnswer) | undefined>
>;

/** A server that speaks Docker's API from a table of answers and keeps what it was asked. */
export interface FakeDocker extends AsyncDisposable {
  readonly socketPath: string;
  readonly requests: RecordedRequest[];
  /** Other answers from now on; what was asked is forgotten. */
  answerWith(answers: FakeAnswers): void;
}

/** Headers that say something about the command; the others are the client's own affair. */
const HEADERS = ['x-registry-auth', 'content-type', 'upgrade'];

/** Listens at `socketPath` and answers as API 1.45. */
export async function startFakeDocker(socketPath: string): Promise<FakeDocker> {
  const requests: RecordedRequest[] = [];
  let answers: FakeAnswers = {};
  const answerTo = (request: RecordedRequest): FakeAnswer => {
    const found = answers[`${request.method} ${request.path}`];
    if (typeof found === 'function') return found(request);
    if (found !== undefined) return found;
    if (request.path === '/_ping') return { text: 'OK' };
    return { status: 404, json: { message: `no answer for ${request.method} ${request.path}` } };
  };
  const server: Server = createServer((incoming, response) => {
    void record(incoming).then(request => {
      if (request.path !== '/_ping') requests.push(request);
      const answer = answerTo(request);
      if (answer.hijack !== undefined && incoming.headers.upgrade === undefined) {
        response.writeHead(200, answer.headers);
        response.end(answer.hijack);
      } else respond(response, answer);
    });
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined);
    const length = Number(incoming.headers['content-length'] ?? 0);
    void readBody(socket, head, length).then(body => {
      const request = requestOf(incoming, body);
      requests.push(request);
      const answer = answerTo(request);
      if (answer.hijack === undefined) {
        const text = typeof answer.text === 'string' ? answer.text : JSON.stringify(answer.json ?? {});
        socket.end(
          `HTTP/1.1 ${answer.status ?? 200} X\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
        );
        return;
      }
      const type = answer.headers?.['content-type'] ?? 'application/vnd.docker.raw-stream';
      socket.write(
        `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${type}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
      );
      socket.end(answer.hijack);
      socket.resume();
    });
  });
  await new Promise<void>(resolve => server.listen(socketPath, () => resolve()));
  return {
    socketPath,
    requests,
    answerWith(next) {
      answers = next;
      requests.length = 0;
    },
    [Symbol.asyncDispose]: () =>
      new Promise(resolve => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function record(incoming: IncomingMessage): Promise<RecordedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  return requestOf(incoming, Buffer.concat(chunks).toString('latin1'));
}

function requestOf(incoming: IncomingMessage, body: string): RecordedRequest {
  const url = new URL(incoming.url ?? '/', 'http://docker');
  const query: Record<string, string | readonly string[]> = {};
  for (const key of url.searchParams.keys()) {
    const values = url.searchParams.getAll(key);
    query[key] = values.length === 1 ? (values[0] ?? '') : values;
  }
  const headers: Record<string, string> = {};
  for (const name of HEADERS) {
    const value = incoming.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  return {
    method: incoming.method ?? '',
    path: decodeURIComponent(url.pathname).replace(/^\/v\d+\.\d+/, ''),
    query,
    headers,
    body,
  };
}

function respond(response: ServerResponse, answer: FakeAnswer): void {
  const text = answer.text ?? (answer.json === undefined ? '' : JSON.stringify(answer.json));
  response.writeHead(answer.status ?? 200, {
    'Api-Version': '1.45',
    Ostype: 'linux',
    ...(answer.json === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...answer.headers,
  });
  response.end(text);
}

/** The body of a request whose connection is taken over. */
function readBody(socket: Duplex, head: Buffer, length: number): Promise<string> {
  return new Promise(resolve => {
    let body = head;
    const done = (): void => {
      socket.off('data', take);
      resolve(body.subarray(0, length).toString('latin1'));
    };
    const take = (chunk: Buffer): void => {
      body = Buffer.concat([body, chunk]);
      if (body.length >= length) done();
    };
    if (body.length >= length) done();
    else socket.on('data', take);
  });
}
