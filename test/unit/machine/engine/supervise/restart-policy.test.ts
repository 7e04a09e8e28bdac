import t from 'tap';
import {
  type RestartInput,
  planRestart,
} from '../../../../../src/machine/engine/supervise/restart-policy.ts';

const input: RestartInput = {
  policy: 'always',
  maxRetries: 0,
  delayMs: 100,
  maxDelayMs: 60_000,
  exitCode: 1,
  ranMs: 50,
  asDocker: false,
  restartCount: 0,
  streak: 0,
  stopRequested: false,
};

t.test('pauses double up to the longest', async t => {
  let streak = 0;
  const delays: number[] = [];
  for (let i = 0; i < 12; i += 1) {
    const decision = planRestart({ ...input, streak });
    if (decision.kind !== 'restart') throw new Error(decision.kind);
    delays.push(decision.delayMs);
    streak = decision.streak;
  }
  t.same(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
});

t.test('after ten seconds of running the first restart comes at once and the pauses begin anew', async t => {
  t.same(planRestart({ ...input, ranMs: 10_000, streak: 9 }), { kind: 'restart', delayMs: 0, streak: 1 });
  t.same(planRestart({ ...input, ranMs: 9_999, streak: 1 }), { kind: 'restart', delayMs: 200, streak: 2 });
});

t.test("Docker's own: retries are counted for good, and there is always a pause", async t => {
  const failing: RestartInput = { ...input, policy: 'on-failure', maxRetries: 3, asDocker: true };
  let streak = 0;
  let restartCount = 0;
  for (;;) {
    const decision = planRestart({ ...failing, ranMs: 20_000, streak, restartCount });
    if (decision.kind !== 'restart') break;
    t.same(decision, { kind: 'restart', delayMs: 100, streak: 1 });
    streak = decision.streak;
    restartCount += 1;
    if (restartCount > 3) break;
  }
  t.equal(restartCount, 3, 'it ends, however long the lives are');
  t.match(planRestart({ ...failing, ranMs: 5, streak: 9, restartCount: 2 }), { kind: 'restart' });
});

t.test('policies', async t => {
  const cases: readonly [Partial<RestartInput>, 'stay' | 'restart' | 'give-up'][] = [
    [{ policy: 'no' }, 'stay'],
    [{ policy: 'no', exitCode: 0 }, 'stay'],
    [{ policy: 'on-failure' }, 'restart'],
    [{ policy: 'on-failure', exitCode: 0 }, 'stay'],
    [{ policy: 'always', exitCode: 0 }, 'restart'],
    [{ policy: 'unless-stopped', exitCode: 0 }, 'restart'],
    [{ policy: 'always', stopRequested: true }, 'stay'],
    [{ policy: 'unless-stopped', stopRequested: true }, 'stay'],
    [{ policy: 'on-failure', maxRetries: 3, streak: 2 }, 'restart'],
    [{ policy: 'on-failure', maxRetries: 3, streak: 3 }, 'give-up'],
    [{ policy: 'always', maxRetries: 1, streak: 1 }, 'give-up'],
    [{ policy: 'on-failure', maxRetries: 3, streak: 3, exitCode: 0 }, 'stay'],
    [{ policy: 'on-failure', maxRetries: 3, streak: 3, ranMs: 20_000 }, 'restart'],
  ];
  for (const [change, kind] of cases)
    t.equal(planRestart({ ...input, ...change }).kind, kind, JSON.stringify(change));
});

t.test('an endless streak keeps the pause finite', async t => {
  t.match(planRestart({ ...input, streak: 1e6 }), { delayMs: 60_000 });
});
