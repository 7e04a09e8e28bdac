import { connect } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { CliStreams } from './terminal.ts';

/** `system-docker system dial-stdio`: a connection to the engine on stdin and stdout, for `docker -H ssh://`. */
export async function dialStdio(socketPath: string, streams: CliStreams): Promise<void> {
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  const up = pipeline(streams.stdin, socket, { end: true });
  up.catch(() => undefined);
  await pipeline(socket, streams.stdout, { end: false });
  socket.destroy();
  streams.stdin.destroy();
}
