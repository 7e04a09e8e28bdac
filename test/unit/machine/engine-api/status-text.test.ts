import t from 'tap';
import { formatHumanDuration, formatStatus } from '../../../../src/machine/engine-api/status-text.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

t.test('durations in Docker’s words', async t => {
  const cases: readonly [number, string][] = [
    [-5, 'Less than a second'],
    [999, 'Less than a second'],
    [SECOND, '1 second'],
    [59 * SECOND, '59 seconds'],
    [MINUTE, 'About a minute'],
    [2 * MINUTE, '2 minutes'],
    [59 * MINUTE, '59 minutes'],
    [HOUR, 'About an hour'],
    [2 * HOUR, '2 hours'],
    [47 * HOUR, '47 hours'],
    [2 * DAY, '2 days'],
    [13 * DAY, '13 days'],
    [14 * DAY, '2 weeks'],
    [60 * DAY, '2 months'],
    [730 * DAY, '2 years'],
  ];
  for (const [duration, text] of cases) t.equal(formatHumanDuration(duration), text);
});

t.test('states', async t => {
  const now = 10_000;
  t.equal(formatStatus({ status: 'created' }, now), 'Created');
  t.equal(formatStatus({ status: 'running', startedAtMs: 7000 }, now), 'Up 3 seconds');
  t.equal(formatStatus({ status: 'paused', startedAtMs: 7000 }, now), 'Up 3 seconds (Paused)');
  t.equal(
    formatStatus({ status: 'exited', exitCode: 137, finishedAtMs: 9000 }, now),
    'Exited (137) 1 second ago',
  );
  t.equal(
    formatStatus({ status: 'restarting', exitCode: 1, finishedAtMs: 9900 }, now),
    'Restarting (1) Less than a second ago',
  );
});
