import type { Readable, Writable } from 'node:stream';
import { compareApiVersions } from '../../engine-api/api-version.ts';
import { ToolError } from '../../../shared/errors.ts';
import { httpStatusOf } from '../../engine-api/http-status.ts';
import { formatFrame } from '../../engine-api/stdcopy.ts';
import { DetachScanner, parseDetachKeys } from '../streams/detach-keys.ts';
import type { OutputReading } from './backend.ts';
import { type Exchange, RAW_STREAM } from './exchange.ts';
import { type OutputFormat, outputType, sendOutput } from './output-format.ts';
import { booleanQuery, sizeQuery } from './query.ts';

/** What attaching to containers needs of the engine. */
export interface AttachBackend {
  /** Takes a client's place at a container; its output is kept for it from now on. */
  attach(nameOrId: string, options: AttachRequest): AttachSession;
  resize(nameOrId: string, rows: number, columns: number): Promise<void>;
}

export interface AttachRequest {
  readonly logs: boolean;
  readonly stream: boolean;
  readonly stdin: boolean;
}

/** See Attachment in containers/attach.ts. */
export interface AttachSession extends Disposable {
  readonly reading: OutputReading;
  readonly takesInput: boolean;
  write(data: Buffer): Promise<void>;
  endInput(): Promise<boolean>;
  finish(): void;
  detached(): void;
}

/** How long a client that does not keep up has to read why it was cut off. */
const LAST_WORDS_MS = 5000;

/** A client's connection, taken over. Without input only output is possible. */
interface Connection {
  readonly input: Readable | undefined;
  readonly output: Writable;
}

/** POST /containers/{id}/attach */
export async function containerAttach(exchange: Exchange): Promise<void> {
  const { reply } = exchange;
  const begun = { is: false };
  try {
    await attachRaw(exchange, () => {
      begun.is = true;
    });
  } catch (error) {
    if (begun.is || !(error instanceof ToolError)) throw error;
    // Docker has taken the connection over by then, and writes the sentence alone.
    const headers = { 'Content-Type': RAW_STREAM };
    reply.text(httpStatusOf(error), `${error.message}\r\n`, headers);
  }
}

async function attachRaw(exchange: Exchange, onBegin: () => void): Promise<void> {
  const { backend, parameters, query, reply, version } = exchange;
  const id = parameters.id ?? '';
  const isTerminal = backend.containers.hasTerminal(id);
  const format = {
    stdout: booleanQuery(query, 'stdout'),
    stderr: booleanQuery(query, 'stderr'),
    isRaw: isTerminal,
    isMerged: true,
  };
  await attach(exchange, isTerminal, booleanQuery(query, 'stdin'), format, () => {
    onBegin();
    return Promise.resolve(reply.hijack(outputType(version, isTerminal)));
  });
}

/** GET /containers/{id}/attach/ws: the same on a websocket, both outputs in one. */
export async function containerAttachSocket(exchange: Exchange): Promise<void> {
  const { backend, parameters, query, reply, version } = exchange;
  const isTerminal = backend.containers.hasTerminal(parameters.id ?? '');
  if (exchange.headers.upgrade === undefined) {
    reply.text(400, 'not websocket protocol');
    return;
  }
  // Up to API 1.41 all of it was attached, whatever was asked for.
  const isChosen = compareApiVersions(version, '1.42') >= 0;
  const wants = (name: string): boolean => !isChosen || booleanQuery(query, name);
  const format = { stdout: wants('stdout'), stderr: wants('stderr'), isRaw: true };
  await attach(exchange, isTerminal, wants('stdin'), format, () =>
    reply.websocket(compareApiVersions(version, '1.28') >= 0),
  );
}

/** POST /containers/{id}/resize */
export async function containerResize({ backend, parameters, query, reply }: Exchange): Promise<void> {
  const { rows, columns } = sizeQuery(query);
  await backend.attach.resize(parameters.id ?? '', rows, columns);
  reply.empty(200);
}

async function attach(
  { backend, parameters, query, signal }: Exchange,
  isTerminal: boolean,
  stdin: boolean,
  format: OutputFormat,
  connect: () => Promise<Connection>,
): Promise<void> {
  const keys = parseDetachKeys(query.get('detachKeys') ?? '');
  using session = backend.attach.attach(parameters.id ?? '', {
    logs: booleanQuery(query, 'logs'),
    stream: booleanQuery(query, 'stream'),
    stdin,
  });
  const { input, output } = await connect();
  const leave = (): void => session.finish();
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  if (input !== undefined && session.takesInput) {
    const scanner = new DetachScanner(isTerminal ? keys : Buffer.alloc(0));
    takeInput(session, input, scanner).catch(leave);
  } else input?.resume();
  try {
    await sendOutput(session.reading, output, format, signal);
    output.end();
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    // The answer has begun: only the stream itself can tell.
    const text = Buffer.from(`Error attaching: ${error.message}\r\n`);
    output.end(format.isRaw ? text : formatFrame('stderr', text));
    setTimeout(() => output.destroy(), LAST_WORDS_MS).unref();
  }
}

/** Passes the client's input on until it ends or the client leaves; both may end the output too. */
async function takeInput(session: AttachSession, input: Readable, scanner: DetachScanner): Promise<void> {
  for await (const chunk of input.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    const { data, isDetached } = scanner.push(chunk);
    if (data.length > 0) await session.write(data);
    if (isDetached) {
      session.detached();
      session.finish();
      return;
    }
  }
  if (!(await session.endInput())) session.finish();
}
