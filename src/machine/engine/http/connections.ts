import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Clients that are served at a time. */
const MAX_CLIENTS = 1024;
/** Connections at a time over which nobody has shown a certificate yet; each costs up to 60 KB. */
const MAX_STRANGERS = 256;

/**
 * The connections of a server, which may begin in two ways: over TLS anybody can open one, and is a stranger until the
 * certificate is there.
 *
 * INVARIANTS
 * 1. Clients and strangers do not take each other's room.
 * 2. Where there is no more room, the newest client goes unless there are idle ones, which go first; of strangers the
 *    oldest goes, since to shake hands takes no time.
 * 3. Every connection is known until it is closed, so that `end` leaves none that the server would wait for.
 */
export class Connections {
  readonly #clients = new Set<Socket>();
  /** By who is at its ends, as Node makes another socket of it after the handshake; in the order of their arrival. */
  readonly #strangers = new Map<string, Socket>();

  /** Those of a server whose clients are all known. */
  static of(server: Server): Connections {
    const connections = new Connections();
    server.on('connection', socket => connections.#addClient(server, socket));
    return connections;
  }

  /** Those of a server with TLS, which must not have `allowHalfOpen`: its strangers could leave and stay. */
  static ofTls(server: Server): Connections {
    const connections = new Connections();
    server.on('connection', socket => connections.#addStranger(socket));
    server.on('secureConnection', (socket: Socket) => {
      connections.#strangers.delete(endsOf(socket));
      // Clients close their side of an attached connection at the end of their input, and listen on.
      socket.allowHalfOpen = true;
      connections.#addClient(server, socket);
    });
    return connections;
  }

  /** Ends all of them. */
  end(): void {
    for (const socket of [...this.#strangers.values(), ...this.#clients]) socket.destroy();
  }

  #addClient(server: Server, socket: Socket): void {
    this.#clients.add(socket);
    socket.once('close', () => this.#clients.delete(socket));
    if (this.#clients.size <= MAX_CLIENTS) return;
    server.closeIdleConnections();
    // Those are still among them.
    if ([...this.#clients].filter(({ destroyed }) => !destroyed).length > MAX_CLIENTS) socket.destroy();
  }

  #addStranger(socket: Socket): void {
    // It was reset at once, and cannot be told from others like it.
    if (socket.remotePort === undefined) {
      socket.destroy();
      return;
    }
    const ends = endsOf(socket);
    this.#strangers.set(ends, socket);
    socket.once('close', () => {
      if (this.#strangers.get(ends) === socket) this.#strangers.delete(ends);
    });
    const [oldest] = this.#strangers;
    if (oldest === undefined || this.#strangers.size <= MAX_STRANGERS) return;
    this.#strangers.delete(oldest[0]);
    oldest[1].destroy();
  }
}

function endsOf({ localAddress = '', remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`;
}
