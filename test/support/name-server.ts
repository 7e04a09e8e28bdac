/** A name server that knows one IPv4 name: `node name-server.ts ADDRESS NAME ANSWER`. Says `ready` once it listens. */
import { createSocket } from 'node:dgram';

const [address = '', known = '', answer = ''] = process.argv.slice(2);
const TYPE_A = 1;
const NXDOMAIN = 3;

const socket = createSocket('udp4');
socket.on('message', (query, from) => {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const question = query.subarray(12, at + 5);
  const isKnown = labels.join('.').toLowerCase() === known;
  const record = isKnown && query.readUInt16BE(at + 1) === TYPE_A ? aRecord() : Buffer.alloc(0);
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  // An answer, recursion wanted and available.
  header.writeUInt16BE(0x8180 | (isKnown ? 0 : NXDOMAIN), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(record.length === 0 ? 0 : 1, 6);
  socket.send(Buffer.concat([header, question, record]), from.port, from.address);
});
socket.bind(53, address, () => process.stdout.write('ready\n'));

/** Name: that of the question; class IN, a minute. */
function aRecord(): Buffer {
  return Buffer.from([0xc0, 12, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4, ...answer.split('.').map(Number)]);
}
