import { connect } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { Definition } from '../flags.ts';

/** `system dial-stdio`: a connection to the engine on stdin and stdout, for `docker -H ssh://`. */
export const defineDialStdio: Definition = (command, session) => {
  command.runs(session, async () => {
    const { streams } = session;
    const socket = connect({ path: session.client.socketPath, allowHalfOpen: true });
    const up = pipeline(streams.stdin, socket, { end: true });
    up.catch(() => undefined);
    await pipeline(socket, streams.stdout, { end: false });
    socket.destroy();
    streams.stdin.destroy();
  });
};
