import t from 'tap';
import { type Observation, planReconcile } from '../../../../../src/machine/engine/supervise/reconcile.ts';

const seen: Observation = {
  status: 'running',
  starting: false,
  sameBoot: true,
  monitorAlive: true,
  hasExitFile: false,
  policy: 'no',
  stopRequested: false,
};

t.test('an engine that comes back in the same boot', async t => {
  const cases: readonly [Partial<Observation>, string][] = [
    [{}, 'adopt'],
    [{ status: 'paused' }, 'adopt'],
    [{ hasExitFile: true }, 'handle-exit'],
    [{ hasExitFile: true, monitorAlive: false }, 'handle-exit'],
    [{ monitorAlive: false }, 'kill-and-handle-exit'],
    [{ status: 'restarting', monitorAlive: false }, 'await-restart'],
    [{ status: 'restarting', starting: true }, 'undo-and-retry'],
    [{ status: 'created', starting: true }, 'undo-start'],
    [{ status: 'exited', starting: true }, 'undo-start'],
    [{ status: 'created', monitorAlive: false }, 'nothing'],
    [{ status: 'exited', monitorAlive: false, policy: 'always' }, 'nothing'],
  ];
  for (const [change, action] of cases)
    t.equal(planReconcile({ ...seen, ...change }), action, JSON.stringify(change));
});

t.test('after another boot, as Docker has it', async t => {
  const cases: readonly [Partial<Observation>, string][] = [
    [{}, 'mark-lost'],
    [{ policy: 'on-failure' }, 'mark-lost'],
    [{ policy: 'always' }, 'start-after-boot'],
    [{ policy: 'always', stopRequested: true, status: 'exited' }, 'start-after-boot'],
    [{ policy: 'unless-stopped' }, 'start-after-boot'],
    [{ policy: 'unless-stopped', stopRequested: true }, 'mark-lost'],
    // Of an earlier boot in which it could not be started.
    [{ policy: 'unless-stopped', status: 'exited' }, 'start-after-boot'],
    [{ policy: 'unless-stopped', status: 'exited', stopRequested: true }, 'nothing'],
    [{ policy: 'unless-stopped', status: 'created' }, 'nothing'],
    [{ policy: 'always', status: 'created' }, 'nothing'],
    [{ status: 'created', starting: true }, 'mark-lost'],
    [{ status: 'restarting' }, 'mark-lost'],
    [{ status: 'exited' }, 'nothing'],
  ];
  for (const [change, action] of cases) {
    t.equal(planReconcile({ ...seen, sameBoot: false, ...change }), action, JSON.stringify(change));
  }
});
