import t from 'tap';
import { presentable } from '../../../../src/machine/cli/terminal.ts';

t.test('a terminal is not steered by what others named', async t => {
  const hostile = 'a\tb\x1b]0;title\x07\x9b2J\r\n';
  t.equal(presentable(hostile, { isTTY: true }), 'a\tb\ufffd]0;title\ufffd\ufffd2J\ufffd\n');
  t.equal(presentable(hostile, {}), hostile, 'programs get every byte');
});
