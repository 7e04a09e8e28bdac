import { once } from 'node:events';
import type { Socket } from 'node:net';
import { FrameParser } from '../../engine-api/stdcopy.ts';
import { CommandFailure } from '../failure.ts';
import type { Session } from '../session.ts';
import { writeOut } from '../terminal.ts';
import { DetachScanner } from './detach-keys.ts';

export interface TerminalOptions {
  /** The far side has a terminal: one stream of output, and input key by key. */
  readonly tty: boolean;
  readonly stdin: boolean;
  /** Keys that end the connection but not what runs; only with a terminal. */
  readonly detachKeys: Buffer;
  /** Tells the far side the size of this terminal. */
  readonly resize: (rows: number, columns: number) => Promise<unknown>;
}

/**
 * Connects this terminal with a taken-over connection until the far side has said everything or the person
 * typed the detach keys.
 */
export async function runTerminal(
  session: Session,
  socket: Socket,
  options: TerminalOptions,
): Promise<'ended' | 'detached'> {
  const { streams } = session;
  const detached = Promise.withResolvers<'detached'>();
  socket.on('error', () => undefined);
  const restore = options.stdin
    ? sendInput(session, socket, options, () => detached.resolve('detached'))
    : () => undefined;
  if (!options.stdin) socket.end();
  const resized = (): void => {
    if (streams.stdout.isTTY)
      options.resize(streams.stdout.rows, streams.stdout.columns).catch(() => undefined);
  };
  if (options.tty) streams.stdout.on('resize', resized);
  try {
    return await Promise.race([copyOutput(session, socket, options.tty), detached.promise]);
  } finally {
    restore();
    streams.stdout.off('resize', resized);
    socket.destroy();
  }
}

/** Docker's client refuses to type into a terminal from a pipe. Throws CommandFailure. */
export function checkTerminal(session: Session, attachesStdin: boolean, tty: boolean): void {
  if (attachesStdin && tty && !session.streams.stdin.isTTY) {
    throw new CommandFailure(1, 'the input device is not a TTY');
  }
}

function sendInput(
  session: Session,
  socket: Socket,
  { tty, detachKeys }: TerminalOptions,
  detach: () => void,
): () => void {
  const { stdin } = session.streams;
  const isRaw = tty && stdin.isTTY;
  const scanner = isRaw ? new DetachScanner(detachKeys) : undefined;
  if (isRaw) stdin.setRawMode(true);
  const take = (chunk: Buffer): void => {
    const { data, isDetached } = scanner?.scan(chunk) ?? { data: chunk, isDetached: false };
    if (data.length > 0 && !socket.write(data)) {
      stdin.pause();
      socket.once('drain', () => stdin.resume());
    }
    if (isDetached) detach();
  };
  const end = (): void => void socket.end();
  stdin.on('data', take);
  stdin.once('end', end);
  return () => {
    stdin.off('data', take);
    stdin.off('end', end);
    if (isRaw) stdin.setRawMode(false);
    stdin.pause();
    // A process must not wait for a key that nobody reads.
    if (typeof stdin.unref === 'function') stdin.unref();
  };
}

async function copyOutput({ streams }: Session, socket: Socket, tty: boolean): Promise<'ended'> {
  const parser = new FrameParser();
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    if (tty) await writeOut(streams.stdout, chunk);
    else for (const frame of parser.push(chunk)) await writeOut(streams[frame.stream], frame.data);
  }
  if (!socket.closed) await once(socket, 'close');
  return 'ended';
}
