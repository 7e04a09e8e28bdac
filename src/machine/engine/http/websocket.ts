import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { invalidParameter } from '../docker-errors.ts';

const MAX_MESSAGE_BYTES = 1024 * 1024;

/**
 * Answers a websocket's opening handshake and makes a stream of it: messages either way are pieces of the
 * stream. Throws ENGINE_INVALID_PARAMETER when the request is no such handshake; it is not answered then.
 * @param head what came after the request
 * @param isBinary whether messages are sent as binary, or as text whatever they hold
 */
export async function openWebsocket(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  isBinary: boolean,
): Promise<Duplex> {
  const { headers } = request;
  if (headers.upgrade?.toLowerCase() !== 'websocket' || headers['sec-websocket-key'] === undefined) {
    throw invalidParameter('not websocket protocol');
  }
  // Loaded by the first who needs it: hardly any machine does.
  const { WebSocketServer } = await import('ws');
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_MESSAGE_BYTES,
  });
  return new Promise((resolve, reject) => {
    // Answered by ws itself with the reason.
    server.once('wsClientError', reject);
    socket.once('close', () => reject(new Error('the client is gone')));
    server.handleUpgrade(request, socket, head, websocket => {
      const stream = new Duplex({
        // A client that closed its side sends no more, and takes no more either.
        allowHalfOpen: false,
        read: () => websocket.resume(),
        write: (chunk: Buffer, _encoding, done) => websocket.send(chunk, { binary: isBinary }, done),
        final(done) {
          websocket.close(1000);
          done();
        },
        destroy(error, done) {
          websocket.terminate();
          done(error);
        },
      });
      // A client that breaks the protocol is closed by ws.
      stream.on('error', () => undefined);
      websocket.on('error', () => stream.destroy());
      websocket.on('message', (data: Buffer) => {
        if (data.length > 0 && !stream.push(data)) websocket.pause();
      });
      websocket.once('close', () => {
        if (!stream.readableEnded) stream.push(null);
      });
      socket.resume();
      resolve(stream);
    });
  });
}
