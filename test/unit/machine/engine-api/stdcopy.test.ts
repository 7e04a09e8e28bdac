import t from 'tap';
import { FrameParser, formatFrame } from '../../../../src/machine/engine-api/stdcopy.ts';

t.test('frames, however they are cut', async t => {
  const wire = Buffer.concat([
    formatFrame('stdout', Buffer.from('out')),
    formatFrame('stderr', Buffer.alloc(0)),
    formatFrame('stderr', Buffer.from('err')),
  ]);
  t.same([...wire.subarray(0, 11)], [1, 0, 0, 0, 0, 0, 0, 3, 111, 117, 116]);
  for (const size of [1, 5, 9, 1000]) {
    const parser = new FrameParser();
    const frames = [];
    for (let at = 0; at < wire.length; at += size) frames.push(...parser.push(wire.subarray(at, at + size)));
    t.same(
      frames.map(({ stream, data }) => `${stream} ${data.toString()}`),
      ['stdout out', 'stderr ', 'stderr err'],
      `in chunks of ${size}`,
    );
  }
});

t.test('what is no frame is refused', async t => {
  for (const bad of [
    Buffer.from('HTTP/1.1 200'),
    Buffer.from([1, 0, 0, 0, 255, 255, 255, 255]),
    Buffer.from([1, 1, 0, 0, 0, 0, 0, 1]),
  ]) {
    t.throws(() => [...new FrameParser().push(bad)], { code: 'STREAM_MALFORMED' });
  }
});
