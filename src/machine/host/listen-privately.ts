import type { Server } from 'node:net';

/**
 * Listens on a unix socket that only its owner can open, from the first moment on (mode 0600).
 * Nothing may be at the path. Rejects with the server's error.
 */
export function listenPrivately(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The socket is made within this call, so nothing else is made under this mask.
    const before = process.umask(0o177);
    try {
      server.listen(path, () => resolve());
    } finally {
      process.umask(before);
    }
  });
}
