import { connect } from 'node:net';

/** Sends plain requests over a unix socket. */
export interface RawClient {
  /** Everything that comes back until the connection is closed, or given up after `patienceMs`. */
  readonly send: (bytes: Buffer | string, patienceMs?: number) => Promise<string>;
  readonly get: (path: string) => Promise<{ readonly status: number; readonly body: string }>;
}

/** For what no well-behaved client sends. */
export function rawClient(socket: string): RawClient {
  const send = (bytes: Buffer | string, patienceMs = 60_000): Promise<string> =>
    new Promise(resolve => {
      let text = '';
      const connection = connect(socket, () => connection.write(bytes));
      connection.setTimeout(patienceMs, () => connection.destroy());
      connection.on('data', chunk => (text += chunk.toString('latin1')));
      connection.on('error', () => undefined);
      connection.on('close', () => resolve(text));
    });
  const get = async (path: string): Promise<{ readonly status: number; readonly body: string }> => {
    const text = await send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    return { status: Number(text.slice(9, 12)), body: text.split('\r\n\r\n').slice(1).join('\r\n\r\n') };
  };
  return { send, get };
}
