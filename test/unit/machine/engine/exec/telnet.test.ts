import t from 'tap';
import {
  TelnetDecoder,
  encodeTelnet,
  formatWindowSize,
} from '../../../../../src/machine/engine/exec/telnet.ts';

t.test('every byte passes, however it is cut', async t => {
  const greeting = [255, 253, 1, 255, 253, 31, 255, 251, 1, 255, 251, 3];
  const data = Buffer.from([...Array(256).keys()]);
  const wire = Buffer.concat([
    Buffer.from(greeting),
    Buffer.from([...data].flatMap(byte => (byte === 255 ? [255, 255] : [byte]))),
    Buffer.from([255, 250, 24, 1, 255, 255, 2, 255, 240, 0x41]),
  ]);
  for (const size of [1, 2, 3, 1000]) {
    const decoder = new TelnetDecoder();
    const out = [];
    for (let at = 0; at < wire.length; at += size)
      out.push(Buffer.from(decoder.push(wire.subarray(at, at + size))));
    t.same(Buffer.concat(out), Buffer.concat([data, Buffer.from('A')]), `in chunks of ${size}`);
  }
});

t.test('input', async t => {
  t.same(encodeTelnet(Buffer.from('plain')), Buffer.from('plain'));
  t.same(encodeTelnet(Buffer.from([13, 255, 10])), Buffer.from([13, 0, 255, 255, 10]));
});

t.test('window size', async t => {
  t.same([...formatWindowSize(24, 80)], [255, 250, 31, 0, 80, 0, 24, 255, 240]);
  t.same([...formatWindowSize(255, 1)], [255, 250, 31, 0, 1, 0, 255, 255, 255, 240]);
  t.same([...formatWindowSize(-1, 1e9)], [255, 250, 31, 255, 255, 255, 255, 0, 0, 255, 240]);
});
