import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { runProgramOrThrow } from '../../host/run-program.ts';

/** Both ends of one pipe: the child's file descriptor and our stream. */
export interface ExecPipe {
  readonly childFd: number;
  readonly stream: Socket;
  /** The stream's own, closed with it. */
  readonly ourFd: number;
}

/**
 * Makes real pipes. What Node makes for a child are sockets, which `/dev/stdout` and `/dev/stderr`
 * can't open, so half of all shell scripts would fail.
 * @param folder gets one FIFO for each name; they can be deleted as soon as this resolves
 */
export async function makePipes(
  busybox: string,
  folder: string,
  names: readonly { readonly name: string; readonly toChild: boolean }[],
): Promise<ExecPipe[]> {
  const paths = names.map(({ name }) => join(folder, name));
  if (paths.length === 0) return [];
  await runProgramOrThrow([busybox, 'mkfifo', '-m', '600', ...paths], 'making pipes', { timeoutMs: 10_000 });
  const pipes: ExecPipe[] = [];
  try {
    for (const [index, { toChild }] of names.entries()) pipes.push(openPipe(paths[index] ?? '', toChild));
    return pipes;
  } catch (error) {
    for (const { childFd, stream } of pipes) {
      closeSync(childFd);
      stream.destroy();
    }
    throw error;
  }
}

function openPipe(path: string, toChild: boolean): ExecPipe {
  // Holding both ends keeps the two following opens from waiting for each other.
  const keeper = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    const childFd = openSync(path, toChild ? constants.O_RDONLY : constants.O_WRONLY);
    const ours = openSync(path, (toChild ? constants.O_WRONLY : constants.O_RDONLY) | constants.O_NONBLOCK);
    const stream = new Socket({ fd: ours, readable: !toChild, writable: toChild, allowHalfOpen: true });
    // A pipe whose other end is gone is no fault of ours.
    stream.on('error', () => undefined);
    return { childFd, stream, ourFd: ours };
  } finally {
    closeSync(keeper);
  }
}
