import { once } from 'node:events';
import type { Socket } from 'node:net';
import { ToolError } from '../../shared/errors.ts';
import type { ExecInspectBody } from '../engine-api/bodies.ts';
import { FrameParser } from '../engine-api/stdcopy.ts';
import type { DockerHttpClient } from '../engine-client/http.ts';
import { type CliStreams, writeOut } from './terminal.ts';

export interface ExecOptions {
  readonly interactive?: true;
  readonly tty?: true;
  readonly detach?: true;
  readonly privileged?: true;
  readonly user?: string;
  readonly workdir?: string;
  readonly env?: readonly string[];
}

/** `system-docker exec`: runs a command in a container and returns its exit code. */
export async function exec(
  client: DockerHttpClient,
  container: string,
  command: readonly string[],
  options: ExecOptions,
  streams: CliStreams,
): Promise<number> {
  const tty = options.tty === true;
  const attachStdin = options.interactive === true && options.detach !== true;
  if (tty && attachStdin && !streams.stdin.isTTY) {
    throw new ToolError('the input device is not a TTY', { code: 'CLI_NO_TERMINAL', kind: 'invalid-input' });
  }
  const size = tty && streams.stdout.isTTY ? [streams.stdout.rows, streams.stdout.columns] : undefined;
  const created = (await client.request('POST', `/containers/${encodeURIComponent(container)}/exec`, {
    body: {
      Cmd: command,
      Tty: tty,
      AttachStdin: attachStdin,
      AttachStdout: options.detach !== true,
      AttachStderr: options.detach !== true,
      Privileged: options.privileged === true,
      User: options.user ?? '',
      WorkingDir: options.workdir ?? '',
      Env: options.env ?? [],
      ...(size === undefined ? {} : { ConsoleSize: size }),
    },
  })) as { readonly Id: string };
  if (options.detach === true) {
    await client.request('POST', `/exec/${created.Id}/start`, { body: { Detach: true, Tty: tty } });
    return 0;
  }
  const { socket } = await client.hijack(`/exec/${created.Id}/start`, { Detach: false, Tty: tty });
  const restore = attachStdin ? attachInput(socket, tty, streams) : () => undefined;
  const resized = (): void => {
    if (!streams.stdout.isTTY) return;
    const query = { h: String(streams.stdout.rows), w: String(streams.stdout.columns) };
    client.request('POST', `/exec/${created.Id}/resize`, { query }).catch(() => undefined);
  };
  if (tty) streams.stdout.on('resize', resized);
  try {
    await copyOutput(socket, tty, streams);
  } finally {
    restore();
    streams.stdout.off('resize', resized);
    socket.destroy();
  }
  const ended = (await client.request('GET', `/exec/${created.Id}/json`)) as ExecInspectBody;
  return ended.ExitCode ?? 0;
}

function attachInput(socket: Socket, tty: boolean, streams: CliStreams): () => void {
  const { stdin } = streams;
  const isRaw = tty && stdin.isTTY;
  if (isRaw) stdin.setRawMode(true);
  stdin.pipe(socket);
  return () => {
    stdin.unpipe(socket);
    if (isRaw) stdin.setRawMode(false);
    stdin.pause();
    stdin.unref();
  };
}

async function copyOutput(socket: Socket, tty: boolean, streams: CliStreams): Promise<void> {
  const parser = new FrameParser();
  socket.on('error', () => undefined);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    if (tty) await writeOut(streams.stdout, chunk);
    else for (const frame of parser.push(chunk)) await writeOut(streams[frame.stream], frame.data);
  }
  if (!socket.closed) await once(socket, 'close');
}
