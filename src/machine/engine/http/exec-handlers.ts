import type { Readable, Writable } from 'node:stream';
import { formatFrame, type StdStream } from '../../engine-api/stdcopy.ts';
import { invalidParameter } from '../docker-errors.ts';
import { DetachScanner, parseDetachKeys } from '../streams/detach-keys.ts';
import type { ExecStreams } from './backend.ts';
import { type Exchange, writeAll } from './exchange.ts';
import { outputType } from './output-format.ts';
import { numberQuery } from './query.ts';
import { booleanField, sizeField, textField, textListField } from './request-body.ts';

/** POST /containers/{id}/exec */
export async function execCreate({ backend, parameters, json, reply }: Exchange): Promise<void> {
  const body = await json();
  const user = textField(body, 'User');
  const cwd = textField(body, 'WorkingDir');
  const size = sizeField(body, 'ConsoleSize');
  const detachKeys = textField(body, 'DetachKeys') ?? '';
  parseDetachKeys(detachKeys, 'escape');
  const id = backend.execs.create(parameters.id ?? '', {
    command: textListField(body, 'Cmd'),
    tty: booleanField(body, 'Tty'),
    attachStdin: booleanField(body, 'AttachStdin'),
    attachStdout: booleanField(body, 'AttachStdout'),
    attachStderr: booleanField(body, 'AttachStderr'),
    env: textListField(body, 'Env'),
    privileged: booleanField(body, 'Privileged'),
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
  const body = await json();
  const tty = backend.execs.hasTerminal(id);
  const size = sizeField(body, 'ConsoleSize');
  const streams = await backend.execs.start(id);
  if (tty && size !== undefined) backend.execs.resize(id, size.rows, size.columns);
  if (booleanField(body, 'Detach')) {
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
      forward(streams.stdout, send, tty ? undefined : 'stdout'),
      streams.stderr === undefined ? undefined : forward(streams.stderr, send, 'stderr'),
    ]);
    await streams.exitCode;
    output.end();
  } catch (error) {
    if (client.hasLeft) {
      drop(streams);
      return;
    }
    // The client has gone: with its pipes closed the command ends when it next writes.
    streams.stdin?.destroy();
    streams.stdout.destroy();
    streams.stderr?.destroy();
    if (!signal.aborted) throw error;
  }
}

/** POST /exec/{id}/resize */
export function execResize({ backend, parameters, query, reply }: Exchange): void {
  const rows = numberQuery(query, 'h');
  const columns = numberQuery(query, 'w');
  if (rows === undefined || columns === undefined) throw invalidParameter('invalid resize height or width');
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
