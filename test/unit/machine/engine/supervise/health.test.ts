import t from 'tap';
import { HealthKeeper, type Probe } from '../../../../../src/machine/engine/supervise/health-keeper.ts';
import { formatDuration } from '../../../../../src/machine/engine/supervise/health-probe.ts';
import {
  HEALTH_AT_START,
  type HealthPlan,
  type HealthResult,
  nextHealth,
  pauseBefore,
  planHealth,
} from '../../../../../src/machine/engine/supervise/health-state.ts';

const result = (exitCode: number): HealthResult => ({ startedAtMs: 0, endedAtMs: 1, exitCode, output: '' });
const plan: HealthPlan = {
  command: ['x'],
  intervalMs: 1000,
  timeoutMs: 500,
  startPeriodMs: 10_000,
  startIntervalMs: 100,
  retries: 2,
};

t.test('what a check is', async t => {
  t.equal(planHealth(undefined, undefined), undefined);
  for (const Test of [[], ['NONE'], ['CMD'], ['ODD', 'x']])
    t.equal(planHealth({ Test }, undefined), undefined);
  t.same(planHealth({ Test: ['CMD', 'a', 'b'] }, undefined), {
    command: ['a', 'b'],
    intervalMs: 30_000,
    timeoutMs: 30_000,
    startPeriodMs: 0,
    startIntervalMs: 5000,
    retries: 3,
  });
  t.match(planHealth({ Test: ['CMD-SHELL', 'a b'], Interval: 1_500_000, Retries: 1 }, ['/bin/bash', '-c']), {
    command: ['/bin/bash', '-c', 'a b'],
    intervalMs: 2,
    retries: 1,
  });
  t.ok((planHealth({ Test: ['CMD', 'a'], Interval: 2 ** 62 }, undefined)?.intervalMs ?? 0) < 2 ** 31);
});

t.test('table of looks and what comes of them', async t => {
  const cases: readonly [string, readonly [code: number, ageMs: number][], string][] = [
    ['one success is enough', [[0, 0]], 'healthy 0'],
    [
      'failures during the start do not count',
      [
        [1, 0],
        [1, 100],
        [1, 9999],
      ],
      'starting 0',
    ],
    ['after it they do', [[1, 10_000]], 'starting 1'],
    [
      'so often',
      [
        [1, 10_000],
        [-1, 11_000],
      ],
      'unhealthy 2',
    ],
    [
      'one that was healthy has started',
      [
        [0, 0],
        [1, 10],
      ],
      'healthy 1',
    ],
    [
      'a success makes up for all',
      [
        [0, 0],
        [1, 10],
        [0, 20],
        [1, 30],
      ],
      'healthy 1',
    ],
    [
      'it comes back',
      [
        [1, 10_000],
        [1, 11_000],
        [0, 12_000],
      ],
      'healthy 0',
    ],
  ];
  for (const [name, looks, expected] of cases) {
    const state = looks.reduce(
      (state, [code, ageMs]) => nextHealth(state, result(code), plan, ageMs),
      HEALTH_AT_START,
    );
    t.equal(`${state.status} ${state.failingStreak}`, expected, name);
  }
  const many = Array.from({ length: 9 }).reduce<typeof HEALTH_AT_START>(
    state => nextHealth(state, result(1), plan, 20_000),
    HEALTH_AT_START,
  );
  t.equal(many.log.length, 5, 'no more is kept');
  t.equal(pauseBefore(HEALTH_AT_START, plan, 0), 100);
  t.equal(pauseBefore(HEALTH_AT_START, plan, 10_000), 1000);
  t.equal(pauseBefore({ ...HEALTH_AT_START, status: 'healthy' }, plan, 0), 1000);
});

const keeper = (probe: Probe) => {
  const changes: string[] = [];
  return {
    changes,
    keeper: new HealthKeeper(
      probe,
      () => 20_000,
      (id, { status }) => changes.push(`${id} ${status}`),
    ),
  };
};
const fast: HealthPlan = { ...plan, intervalMs: 1, startPeriodMs: 0, retries: 1 };
/** Lets timers of one millisecond and what follows them happen. */
const turns = async (test: () => boolean): Promise<void> => {
  while (!test()) await new Promise(resolve => setTimeout(resolve, 1));
};

t.test('looks go on, one at a time, and changes are told once', async t => {
  let looks = 0;
  let atOnce = 0;
  const { keeper: health, changes } = keeper(async () => {
    atOnce += 1;
    t.equal(atOnce, 1);
    looks += 1;
    await Promise.resolve();
    atOnce -= 1;
    return result(looks > 2 ? 1 : 0);
  });
  health.begin('a', fast, 0);
  health.begin('none', undefined, 0);
  t.equal(health.stateOf('none'), undefined);
  await turns(() => looks >= 5);
  health.forgetAll();
  t.same(changes, ['a healthy', 'a unhealthy']);
});

t.test('a frozen container is left alone, a look of an earlier life does not count', async t => {
  const pending: ((code: number) => void)[] = [];
  const aborted: boolean[] = [];
  const { keeper: health, changes } = keeper(
    (_id, _plan, signal) =>
      new Promise(resolve => {
        const index = aborted.push(false) - 1;
        signal.addEventListener('abort', () => (aborted[index] = true));
        pending.push(code => resolve(result(code)));
      }),
  );
  health.begin('a', fast, 0);
  await turns(() => pending.length === 1);
  health.suspend('a');
  pending[0]?.(1);
  t.same(aborted, [true]);
  await new Promise(resolve => setImmediate(resolve));
  t.equal(health.stateOf('a')?.status, 'starting');
  health.resume('a');
  health.resume('a');
  await turns(() => pending.length === 2);
  health.begin('a', fast, 0);
  pending[1]?.(1);
  await turns(() => pending.length === 3);
  t.equal(health.stateOf('a')?.status, 'starting');
  pending[2]?.(0);
  await turns(() => pending.length === 4);
  health.end('a');
  t.equal(health.stateOf('a')?.status, 'healthy', 'inspect still shows it');
  health.forget('a');
  t.equal(health.stateOf('a'), undefined);
  t.same(changes, ['a healthy']);
});

t.test('how long it has run is counted on a clock that does not jump', async t => {
  const looks: string[] = [];
  const health = new HealthKeeper(
    () => Promise.resolve(result(1)),
    () => 5,
    (id, { status }) => looks.push(`${id} ${status}`),
  );
  const quick = { ...plan, intervalMs: 1, startIntervalMs: 1, retries: 1 };
  health.begin('young', quick, 9_000);
  health.begin('old', quick, 11_000);
  await turns(() => (health.stateOf('young')?.log.length ?? 0) > 1 && looks.length > 0);
  health.forgetAll();
  t.same(looks, ['old unhealthy']);
});

t.test('durations', async t => {
  t.same([300, 30_000, 90_000, 3_600_000].map(formatDuration), ['300ms', '30s', '1m30s', '1h0m0s']);
});
