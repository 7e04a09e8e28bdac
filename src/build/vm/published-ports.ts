import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { ToolError, isSystemError } from '../../shared/errors.ts';
import type { PublishedPort } from './hardware.ts';

/**
 * Throws PORT_IN_USE where a port cannot be opened. QEMU would say so too, but only once everything is built, and in
 * its own words.
 */
export async function checkPorts(published: readonly PublishedPort[]): Promise<void> {
  const taken = new Set<string>();
  for (const port of published) {
    const { protocol, hostAddress, hostPort } = port;
    const name = `${hostAddress}:${hostPort}/${protocol}`;
    if (taken.has(name)) throw portInUse(port, 'is published twice', 'publish it once');
    taken.add(name);
    try {
      await bindOnce(port);
    } catch (error) {
      if (isSystemError(error, 'EADDRINUSE'))
        throw portInUse(port, 'is in use', 'choose another port, or end the program that has it');
      if (isSystemError(error, 'EACCES'))
        throw portInUse(port, 'needs more rights than you have', 'choose a port from 1024 up');
      if (isSystemError(error, 'EADDRNOTAVAIL'))
        throw portInUse(port, `cannot be opened: it has no address ${hostAddress}`, 'leave out the address');
      throw error;
    }
  }
}

function portInUse({ protocol, hostPort }: PublishedPort, fault: string, hint: string): ToolError {
  const shown = protocol === 'udp' ? `${hostPort}/udp` : String(hostPort);
  return new ToolError(`reading --publish: port ${shown} of this computer ${fault}`, {
    code: 'PORT_IN_USE',
    kind: 'environment',
    hint,
  });
}

/** Takes a port and leaves it again. Throws what the operating system says. */
async function bindOnce({ protocol, hostAddress, hostPort }: PublishedPort): Promise<void> {
  if (protocol === 'udp') {
    const socket = createSocket('udp4');
    try {
      socket.bind(hostPort, hostAddress);
      await once(socket, 'listening');
    } finally {
      socket.close();
    }
    return;
  }
  const server = createServer();
  try {
    server.listen(hostPort, hostAddress);
    await once(server, 'listening');
  } finally {
    server.close();
  }
}

/** The TCP port for this computer alone, or any for 0; undefined when somebody has it. */
export async function freePort(wish: number): Promise<number | undefined> {
  const server = createServer();
  try {
    server.listen(wish, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : undefined;
  } catch {
    return undefined;
  } finally {
    server.close();
  }
}
