// The part of Docker's API that the benchmark uses, over a Unix socket; the same for every engine.
import { Buffer } from 'node:buffer';
import { Agent, request } from 'node:http';

const TIMEOUT_MS = 300_000;

/** A client of one engine. Its connections are kept open, as those of Docker's own client are. */
export function openApi(socketPath) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });

  /** Sends a request; resolves with the answer's stream. Rejects where the status is an error. */
  const open = (method, path, body) =>
    new Promise((resolve, reject) => {
      const json = body !== undefined && !Buffer.isBuffer(body) ? JSON.stringify(body) : body;
      const headers =
        json === undefined
          ? {}
          : {
              'Content-Type': Buffer.isBuffer(body) ? 'application/x-tar' : 'application/json',
              'Content-Length': Buffer.byteLength(json),
            };
      const call = request({
        socketPath,
        agent,
        method,
        path: `/v1.41${path}`,
        headers,
        timeout: TIMEOUT_MS,
      });
      call.on('error', reject).on('timeout', () => call.destroy(new Error(`${path}: no answer`)));
      call.on('response', response => {
        if (response.statusCode < 400) {
          resolve(response);
          return;
        }
        collect(response).then(
          said => reject(new Error(`${method} ${path}: ${response.statusCode} ${said}`)),
          reject,
        );
      });
      call.end(json);
    });

  const call = async (method, path, body) => String(await collect(await open(method, path, body)));

  return {
    socketPath,
    open,
    call,
    create: async body => JSON.parse(await call('POST', '/containers/create', body)).Id,
    start: id => call('POST', `/containers/${id}/start`),
    wait: id => call('POST', `/containers/${id}/wait`),
    remove: id => call('DELETE', `/containers/${id}?force=1`),
    inspect: async id => JSON.parse(await call('GET', `/containers/${id}/json`)),
  };
}

/** Whether an engine answers; on a connection of its own, since the last daemon may have held the others. */
export function answers(socketPath) {
  return new Promise(resolve => {
    const call = request({ socketPath, agent: false, path: '/_ping', timeout: 2000 }, response => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    call
      .on('error', () => resolve(false))
      .on('timeout', () => call.destroy())
      .end();
  });
}

async function collect(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}
