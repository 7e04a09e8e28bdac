import type { Readable, Writable } from 'node:stream';
import { formatFrame, type StdStream } from '../../engine-api/stdcopy.ts';
import { invalidParameter } from '../docker-errors.ts';
import { type Exchange, writeAll } from './exchange.ts';
import { numberQuery } from './query.ts';
import { booleanField, sizeField, textField, textListField } from './request-body.ts';

/** POST /containers/{id}/exec */
export async function execCreate({ backend, parameters, json, reply }: Exchange): Promise<void> {
  const body = await json();
  const user = textField(body, 'User');
  const cwd = textField(body, 'WorkingDir');
  const size = sizeField(body, 'ConsoleSize');
  const id = backend.execs.create(parameters.id ?? '', {
    command: textListField(body, 'Cmd'),
    tty: booleanField(body, 'Tty'),
    attachStdin: booleanField(body, 'AttachStdin'),
    attachStdout: booleanField(body, 'AttachStdout'),
    attachStderr: booleanField(body, 'AttachStderr'),
    env: textListField(body, 'Env'),
    privileged: booleanField(body, 'Privileged'),
    ...(user === undefined ? {} : { user }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(size === undefined ? {} : { size }),
  });
  reply.json(201, { Id: id });
}

/** POST /exec/{id}/start: detached, or attached on the hijacked connection. */
export async function execStart({ backend, parameters, json, reply, signal }: Exchange): Promise<void> {
  const id = parameters.id ?? '';
  const body = await json();
  const tty = backend.execs.hasTerminal(id);
  const size = sizeField(body, 'ConsoleSize');
  const streams = await backend.execs.start(id);
  if (tty && size !== undefined) backend.execs.resize(id, size.rows, size.columns);
  if (booleanField(body, 'Detach')) {
    streams.stdin?.end();
    streams.stdout.resume();
    streams.stderr?.resume();
    reply.empty(200);
    return;
  }
  const { input, output } = reply.hijack(
    tty ? 'application/vnd.docker.raw-stream' : 'application/vnd.docker.multiplexed-stream',
  );
  if (input !== undefined && streams.stdin !== undefined) input.pipe(streams.stdin);
  else input?.resume();
  if (input === undefined) streams.stdin?.end();
  try {
    await Promise.all([
      forward(streams.stdout, output, tty ? undefined : 'stdout', signal),
      streams.stderr === undefined ? undefined : forward(streams.stderr, output, 'stderr', signal),
    ]);
    await streams.exitCode;
    output.end();
  } catch (error) {
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

/** Copies output as fast as the client takes it; until then the command waits. */
async function forward(
  source: Readable,
  target: Writable,
  frame: StdStream | undefined,
  signal: AbortSignal,
): Promise<void> {
  for await (const chunk of source as AsyncIterable<Buffer>) {
    await writeAll(target, frame === undefined ? chunk : formatFrame(frame, chunk), signal);
  }
}
