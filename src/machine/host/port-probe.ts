import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** What binding a port of the machine says: `undefined` when it is free, else the kernel's word, such as EADDRINUSE. */
export type PortFault = string | undefined;

/** Whether nobody listens on a port. @param address an address of the machine, empty for any */
export function probeHostPort(protocol: 'tcp' | 'udp', address: string, port: number): Promise<PortFault> {
  const host = address === '' ? '0.0.0.0' : address;
  return protocol === 'tcp' ? probeTcp(host, port) : probeUdp(host, port);
}

function probeTcp(host: string, port: number): Promise<PortFault> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}

function probeUdp(host: string, port: number): Promise<PortFault> {
  return new Promise(resolve => {
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', reuseAddr: false });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close();
      resolve(error.code ?? error.message);
    });
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.close(() => {
        resolve(undefined);
      });
    });
  });
}
