import t from 'tap';
import { DetachScanner, parseDetachKeys } from '../../../../../src/machine/cli/container/detach-keys.ts';

t.test('key sequences', async t => {
  t.strictSame([...parseDetachKeys(undefined)], [16, 17]);
  t.strictSame([...parseDetachKeys('ctrl-a,x,ctrl-[')], [1, 120, 27]);
  t.throws(() => parseDetachKeys('ctrl-a,foo'), { message: "Unknown character: 'foo'" });
});

t.test('what may become the sequence is held back', async t => {
  const scan = (...chunks: readonly string[]) => {
    const scanner = new DetachScanner(Buffer.from('\x10\x11'));
    return chunks.map(chunk => {
      const { data, isDetached } = scanner.scan(Buffer.from(chunk));
      return [data.toString(), isDetached];
    });
  };
  t.strictSame(scan('abc'), [['abc', false]]);
  t.strictSame(scan('a\x10', '\x11b'), [
    ['a', false],
    ['', true],
  ]);
  t.strictSame(scan('a\x10', 'b'), [
    ['a', false],
    ['\x10b', false],
  ]);
  t.strictSame(scan('\x10\x10\x11'), [['\x10', true]]);
});
