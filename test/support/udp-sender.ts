/** Sends UDP from one port all the time, as a client that never pauses: udp-sender.ts ADDRESS PORT. Says when it does. */
import { createSocket } from 'node:dgram';

const [address = '', port = ''] = process.argv.slice(2);
const socket = createSocket('udp4');
// Nobody listens there at times.
socket.on('error', () => undefined);
socket.bind(0, address, () => {
  setInterval(() => socket.send('x', Number(port), address, () => undefined), 50);
  process.stdout.write('sending\n');
});
