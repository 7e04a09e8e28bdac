import t from 'tap';
import { DetachScanner, parseDetachKeys } from '../../../../../src/machine/engine/streams/detach-keys.ts';

t.test('words for keys', async t => {
  t.same([...parseDetachKeys('')], [16, 17]);
  t.same([...parseDetachKeys('ctrl-p,ctrl-q')], [16, 17]);
  t.same(
    [...parseDetachKeys('ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_,DEL')],
    [0, 27, 28, 29, 30, 31, 127],
  );
  t.same([...parseDetachKeys('a,B')], [97, 66]);
  for (const bad of ['ctrl-1', 'ctrl-', 'ctrl-P', 'ab', 'a,', ',', 'ä', 'ctrl-a ctrl-b', 'x,'.repeat(5000)]) {
    t.throws(() => parseDetachKeys(bad), { kind: 'invalid-input', message: /^Invalid detach keys \(/ }, bad);
  }
  t.throws(() => parseDetachKeys('ab', 'escape'), { message: 'Invalid escape keys (ab) provided' });
});

/** Types chunk after chunk; answers what went through, and whether that was the end. */
function type(keys: string, ...chunks: readonly string[]): string {
  const scanner = new DetachScanner(Buffer.from(keys));
  let text = '';
  for (const chunk of chunks) {
    const { data, isDetached } = scanner.push(Buffer.from(chunk));
    text += data.toString();
    if (isDetached) return `${text}!`;
  }
  return text;
}

t.test('keys are found however they come', async t => {
  t.equal(type('pq', 'some text'), 'some text');
  t.equal(type('pq', 'one pq two'), 'one !');
  t.equal(type('pq', 'one p', 'q two'), 'one !');
  t.equal(type('pq', 'p', 'q'), '!');
  t.equal(type('pq', 'p', 'x', 'q'), 'pxq', 'what was held back is given on');
  t.equal(type('pq', 'pp', 'q'), 'p!');
  t.equal(type('aab', 'aaab'), 'a!', 'a failed match may hide the beginning of the next');
  t.equal(type('aab', 'a', 'a', 'a', 'b'), 'a!');
  t.equal(type('abac', 'ab', 'abac'), 'ab!');
  t.equal(type('x', 'x'), '!');
  t.equal(type('', 'pq', 'pq'), 'pqpq', 'no keys, no end');
});
