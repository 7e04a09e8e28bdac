import t from 'tap';
import { RestartTimers } from '../../../../../src/machine/engine/supervise/restart-timers.ts';

t.test('a pause that is longer than a timer can be is a long one', async t => {
  const timers = new RestartTimers();
  t.teardown(() => timers.cancelAll());
  let isDue = false;
  timers.schedule('month', 30 * 24 * 3_600_000, () => (isDue = true));
  await new Promise<void>(resolve => timers.schedule('soon', 20, resolve));
  t.notOk(isDue);
});

t.test('one pause for each, until it is cancelled', async t => {
  const timers = new RestartTimers();
  const due: string[] = [];
  timers.schedule('a', 1, () => due.push('first'));
  timers.schedule('a', 2, () => due.push('second'));
  timers.schedule('b', 1, () => due.push('never'));
  timers.cancel('b');
  await new Promise<void>(resolve => timers.schedule('c', 20, resolve));
  t.same(due, ['second']);
});
