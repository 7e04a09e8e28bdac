import type { Readable, Writable } from 'node:stream';
import { ToolError } from '../../../shared/errors.ts';
import { formatFrame, type StdStream } from '../../engine-api/stdcopy.ts';
import { DetachScanner, parseDetachKeys } from '../streams/detach-keys.ts';
import type { ExecStreams } from './backend.ts';
import { type Exchange, writeAll } from './exchange.ts';
import { outputType } from './output-format.ts';
import { sizeQuery } from './query.ts';
import { bool, decodeBody, integer, list, struct, text } from './go-json.ts';

interface CreateBody {
  readonly User?: string;
  readonly Privileged?: boolean;
  readonly Tty?: boolean;
  readonly ConsoleSize?: readonly number[];
  readonly AttachStdin?: boolean;
  readonly AttachStdout?: boolean;
  readonly AttachStderr?: boolean;
  readonly DetachKeys?: string;
  readonly Env?: readonly string[];
  readonly WorkingDir?: string;
  readonly Cmd?: readonly string[];
}

const consoleSize = list(integer('uint'), '[2]uint');

const createRequest = struct<CreateBody>('types.ExecConfig', {
  User: text(),
  Privileged: bool,
  Tty: bool,
  ConsoleSize: consoleSize,
  AttachStdin: bool,
  AttachStdout: bool,
  AttachStderr: bool,
  DetachKeys: text(),
  Env: list(text()),
  WorkingDir: text(),
  Cmd: list(text()),
});

type StartBody = Pick<CreateBody, 'Tty' | 'ConsoleSize'> & { readonly Detach?: boolean };

const startRequest = struct<StartBody>('types.ExecStartCheck', {
  Detach: bool,
  Tty: bool,
  ConsoleSize: consoleSize,
});

/** Height and width; undefined where they are not said. */
function sizeOf(size: readonly number[] | undefined): { rows: number; columns: number } | undefined {
  return size === undefined ? undefined : { rows: size[0] ?? 0, columns: size[1] ?? 0 };
}

/** POST /containers/{id}/exec */
export async function execCreate({ backend, parameters, json, reply }: Exchange): Promise<void> {
  const body = decodeBody(createRequest, await json());
  const { User: user, WorkingDir: cwd, DetachKeys: detachKeys = '' } = body;
  const size = sizeOf(body.ConsoleSize);
  parseDetachKeys(detachKeys, 'escape');
  const id = backend.execs.create(parameters.id ?? '', {
    command: body.Cmd ?? [],
    tty: body.Tty === true,
    attachStdin: body.AttachStdin === true,
    attachStdout: body.AttachStdout === true,
    attachStderr: body.AttachStderr === true,
    env: body.Env ?? [],
    privileged: body.Privileged === true,
    detachKeys,
    ...(user === undefined ? {} : { user }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(size === undefined ? {} : { size }),
  });
  reply.json(201, { Id: id });
}

/** POST /exec/{id}/start: detached, or attached on the hijacked connection. */
export async function execStart({
  backend,
  parameters,
  json,
  reply,
  signal,
  version,
}: Exchange): Promise<void> {
  const id = parameters.id ?? '';
  const body = decodeBody(startRequest, await json());
  backend.execs.checkStart(id);
  const tty = backend.execs.hasTerminal(id);
  const size = sizeOf(body.ConsoleSize);
  const wanted = backend.execs.attachesTo(id);
  let streams: ExecStreams;
  try {
    streams = await backend.execs.start(id);
  } catch (error) {
    if (body.Detach === true || !(error instanceof ToolError)) throw error;
    // Docker has taken the connection over by then, says it there, and its client asks for the exit code.
    const words = Buffer.from(`${error.message}\r\n`);
    const { input, output } = reply.hijack(outputType(version, tty));
    input?.resume();
    output.end(tty ? words : formatFrame('stdout', words));
    return;
  }
  if (tty && size !== undefined) backend.execs.resize(id, size.rows, size.columns);
  if (body.Detach === true) {
    streams.stdin?.end();
    drop(streams);
    reply.empty(200);
    return;
  }
  const { input, output } = reply.hijack(outputType(version, tty));
  const client = { hasLeft: false };
  const send = async (data: Buffer): Promise<void> => {
    if (!client.hasLeft) await writeAll(output, data, signal);
  };
  if (input !== undefined && streams.stdin !== undefined) {
    const keys = tty ? parseDetachKeys(backend.execs.detachKeys(id)) : Buffer.alloc(0);
    const leave = (): void => {
      // The command goes on, unheard.
      client.hasLeft = true;
      backend.execs.detached(id);
      output.end();
    };
    takeInput(input, streams.stdin, new DetachScanner(keys), leave).catch(() => streams.stdin?.destroy());
  } else input?.resume();
  if (input === undefined) streams.stdin?.end();
  try {
    await Promise.all([
      wanted.stdout ? forward(streams.stdout, send, tty ? undefined : 'stdout') : streams.stdout.resume(),
      wanted.stderr && streams.stderr !== undefined
        ? forward(streams.stderr, send, 'stderr')
        : streams.stderr?.resume(),
    ]);
    await streams.exitCode;
    output.end();
  } catch (error) {
    if (client.hasLeft) {
      drop(streams);
      return;
    }
    // The client has gone: the command goes on, unheard, with its input at an end.
    streams.stdin?.destroy();
    drop(streams);
    if (!signal.aborted) throw error;
  }
}

/** POST /exec/{id}/resize */
export function execResize({ backend, parameters, query, reply }: Exchange): void {
  const { rows, columns } = sizeQuery(query);
  backend.execs.resize(parameters.id ?? '', rows, columns);
  reply.empty(200);
}

/** GET /exec/{id}/json */
export function execInspect({ backend, parameters, reply }: Exchange): void {
  reply.json(200, backend.execs.inspect(parameters.id ?? ''));
}

/** Passes the client's input on, until its end or the detach keys. */
async function takeInput(
  input: Readable,
  target: Writable,
  scanner: DetachScanner,
  leave: () => void,
): Promise<void> {
  for await (const chunk of input.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    const { data, isDetached } = scanner.push(chunk);
    if (data.length > 0) await new Promise<void>(resolve => target.write(data, () => resolve()));
    if (!isDetached) continue;
    leave();
    return;
  }
  target.end();
}

/** Output that nobody wants must be read all the same: the command would wait. */
function drop({ stdout, stderr }: ExecStreams): void {
  stdout.resume();
  stderr?.resume();
}

/** Copies output as fast as the client takes it; until then the command waits. */
async function forward(
  source: Readable,
  send: (data: Buffer) => Promise<void>,
  frame: StdStream | undefined,
): Promise<void> {
  for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    await send(frame === undefined ? chunk : formatFrame(frame, chunk));
  }
}
