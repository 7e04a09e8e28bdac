import t from 'tap';
import { parseSignal, stopSignalOf } from '../../../../../src/machine/engine/containers/signals.ts';

t.test('signals by name, number and as real-time ones', async t => {
  const cases: readonly [string, number][] = [
    ['KILL', 9],
    ['SIGTERM', 15],
    ['sighup', 1],
    ['10', 10],
    ['RTMIN', 34],
    ['SIGRTMIN+3', 37],
    ['RTMAX-1', 63],
  ];
  for (const [text, number] of cases) t.equal(parseSignal(text), number, text);
  t.throws(() => parseSignal('65'), { message: 'the linux daemon does not support signal 65' });
  for (const bad of ['0', 'NOPE', '', 'RTMIN+99', 'toString']) {
    t.throws(() => parseSignal(bad), { message: `invalid signal: ${bad}`, kind: 'invalid-input' }, bad);
  }
});

t.test('the signal that asks to end', async t => {
  t.equal(stopSignalOf({ Image: '', StopSignal: 'SIGINT' }, { StopSignal: 'SIGUSR1' }), 2);
  t.equal(stopSignalOf({ Image: '' }, { StopSignal: 'SIGUSR1' }), 10);
  t.equal(stopSignalOf({ Image: '' }, undefined), 15);
});
