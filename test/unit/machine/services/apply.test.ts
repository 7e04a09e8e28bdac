import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { silentLog } from '../../../../src/machine/log.ts';
import { ServiceRunner } from '../../../../src/machine/services/apply.ts';
import { Conditions } from '../../../../src/machine/services/conditions.ts';
import type { ServiceProgress } from '../../../../src/machine/services/status.ts';
import { stopServices } from '../../../../src/machine/services/stop.ts';
import type { ServiceDefinition } from '../../../../src/shared/service/definition.ts';
import { MemoryEngine } from '../../../support/memory-engine.ts';
import { FakeHost } from '../../../support/service-host.ts';
import { createService } from '../../../support/service-definition.ts';

// The timers behind AbortSignal.timeout do not keep a process alive; in the daemon its sockets do.
const alive = setInterval(() => undefined, 1000);
t.teardown(() => clearInterval(alive));

function setUp(t: Test, definitions: ServiceDefinition[], saved?: Record<string, ServiceProgress>) {
  const engine = new MemoryEngine();
  const host = new FakeHost(engine);
  const conditions = new Conditions();
  const rescues: string[] = [];
  const announced: string[] = [];
  /** Every status of each service, in the order in which it had them. */
  const history: Record<string, string[]> = {};
  let now = 0;
  const clock = { advance: (seconds: number) => (now += seconds) };
  const runner = new ServiceRunner({
    definitions,
    engine,
    host,
    conditions,
    log: silentLog,
    uptime: () => (now += 0.001),
    ...(saved === undefined ? {} : { saved }),
    onProgress: (name, { status }) => (history[name] ??= []).push(status.status),
    announce: line => announced.push(line),
    openRescue: () => rescues.push('open'),
  });
  t.teardown(() => runner[Symbol.asyncDispose]());
  const statusOf = (name: string) => runner.progress.get(name)?.status;
  return { engine, host, conditions, runner, rescues, announced, history, statusOf, clock };
}

/** Lets everything that is due run. */
async function rest(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn();
}

const oneshot = (name: string, more: Partial<ServiceDefinition> = {}) =>
  createService(name, { section: 'onboot', ...more });

t.test('onboot in order, then services in parallel, then settled', async t => {
  const { engine, runner, history, statusOf } = setUp(t, [
    oneshot('x'),
    oneshot('y'),
    createService('a'),
    createService('b'),
  ]);
  runner.start();
  await rest();
  t.same(engine.calls, ['create x', 'start x']);
  engine.exit('x', 0);
  await rest();
  engine.exit('y', 0);
  await runner.settled('onboot');
  await runner.settled('services');
  t.same(engine.calls.slice(4).sort(), ['create a', 'create b', 'start a', 'start b']);
  t.same(statusOf('x'), { status: 'done' });
  t.same(statusOf('a'), { status: 'up' });
  t.same(history.x, ['starting', 'done']);
  t.same(history.b, ['starting', 'up'], 'each is brought up once');
});

t.test('failures are said with their reason and hold nobody up', async t => {
  const { engine, runner, statusOf } = setUp(t, [
    oneshot('x'),
    createService('missing'),
    createService('after', { after: ['missing'] }),
  ]);
  engine.exits.set('x', 3);
  engine.startFailures.set('missing', 'no such program');
  runner.start();
  await runner.settled('services');
  t.same(statusOf('x'), { status: 'failed', reason: 'exit code 3' });
  t.same(statusOf('missing'), { status: 'failed', reason: 'no such program' });
  t.same(statusOf('after'), { status: 'up' });
});

t.test('a oneshot and a readiness that take too long', async t => {
  const { runner, engine, statusOf, announced } = setUp(t, [
    oneshot('x', { timeoutMs: 20 }),
    createService('a', { timeoutMs: 20, ready: { kind: 'log', pattern: 'up' } }),
  ]);
  runner.start();
  await runner.settled('services');
  t.match(statusOf('x'), { status: 'failed', reason: /did not end within 0.02 s/ });
  t.match(statusOf('a'), {
    status: 'failed',
    reason: /not ready within 0.02 s \(waiting for a log line like "up"\)/,
  });
  engine.exit('x', 0);
  await rest();
  engine.log('a', 'now up');
  await rest();
  t.same(statusOf('a'), { status: 'up' }, 'late is better than never');
  t.same(statusOf('x'), { status: 'done' });
  t.match(announced, [/^x failed: did/, /^a failed: not/, 'x is done after all', 'a is up after all']);
});

t.test('readiness by a log line, also one that comes in parts', async t => {
  const { runner, engine, statusOf } = setUp(t, [
    createService('a', { ready: { kind: 'log', pattern: '^listening on \\d+' } }),
  ]);
  runner.start();
  await rest();
  t.same(statusOf('a'), { status: 'starting' });
  engine.log('a', 'not listening on 1');
  engine.log('a', 'liste', true);
  await rest();
  t.same(statusOf('a'), { status: 'starting' });
  engine.log('a', 'ning on 80');
  await runner.settled('services');
  t.same(statusOf('a'), { status: 'up' });
});

t.test(
  'a condition that never comes fails its service in time; one that comes late still starts it',
  async t => {
    const { runner, conditions, statusOf } = setUp(t, [
      createService('a', { after: ['network'], timeoutMs: 20 }),
    ]);
    runner.start();
    t.same(runner.waiting.get('a'), { services: [], conditions: ['network'] });
    await runner.settled('services');
    t.same(statusOf('a'), {
      status: 'failed',
      reason: 'waiting for network (an address)',
      unmet: ['network'],
    });
    conditions.set('network');
    await rest();
    t.same(statusOf('a'), { status: 'up' });
  },
);

t.test('on_failure: rescue opens the rescue path once', async t => {
  const { runner, engine, rescues, announced } = setUp(t, [createService('a', { onFailure: 'rescue' })]);
  engine.startFailures.set('a', 'broken');
  runner.start();
  await runner.settled('services');
  t.same(rescues, ['open']);
  t.same(announced, ['a failed: broken']);
});

t.test('on_failure: retry makes the container anew', async t => {
  const { runner, engine, statusOf } = setUp(t, [
    createService('a', {
      onFailure: 'retry',
      restart: { policy: 'always', delayMs: 1, maxDelayMs: 1, maxRetries: 0 },
    }),
  ]);
  engine.startFailures.set('a', 'not yet');
  runner.start();
  await runner.settled('services');
  engine.startFailures.clear();
  while (statusOf('a')?.status !== 'up') await turn();
  t.same(engine.calls, ['create a', 'start a', 'remove a', 'create a', 'start a']);
});

t.test('a respawned system-docker goes on: what runs is adopted, what is done stays done', async t => {
  const definitions = [oneshot('x'), createService('a'), createService('b')];
  const saved: Record<string, ServiceProgress> = {
    x: { status: { status: 'done' }, startedAt: 1, upAt: 2 },
    a: { status: { status: 'up' }, startedAt: 3, upAt: 4 },
    b: { status: { status: 'starting' }, startedAt: 5 },
  };
  const { runner, engine, statusOf } = setUp(t, definitions, saved);
  await engine.create('b', { Image: 'x' });
  await engine.start('b');
  engine.calls.length = 0;
  runner.start();
  await runner.settled('services');
  t.same(engine.calls, [], 'nothing is created or started');
  t.same(statusOf('b'), { status: 'up' });
  t.equal(runner.progress.get('b')?.startedAt, 5);
});

t.test(
  'a respawned system-docker tries again what is retried, and still waits for what was late',
  async t => {
    const ready = { kind: 'log', pattern: 'up' } as const;
    const failed = { status: { status: 'failed', reason: 'x' } } as const;
    const definitions = ['retried', 'late', 'ended', 'plain'].map(name =>
      createService(name, { ready, ...(name === 'retried' ? { onFailure: 'retry' } : {}) }),
    );
    const saved = Object.fromEntries(definitions.map(({ name }) => [name, failed]));
    const { runner, engine, statusOf } = setUp(t, definitions, saved);
    for (const name of ['retried', 'late', 'ended']) {
      await engine.create(name, { Image: 'x' });
      await engine.start(name);
    }
    engine.exit('retried', 1);
    engine.exit('ended', 1);
    engine.calls.length = 0;
    runner.start();
    await rest();
    t.same(engine.calls, ['remove retried', 'create retried', 'start retried']);
    t.same(statusOf('late'), { status: 'starting' }, 'adopted as it runs');
    engine.log('late', 'up');
    engine.log('retried', 'up');
    await rest();
    t.same(
      definitions.map(({ name }) => statusOf(name)?.status),
      ['up', 'up', 'failed', 'failed'],
    );
  },
);

t.test('readiness is not waited for once the container has ended for good', async t => {
  const ready = { kind: 'exec', command: ['x'], intervalMs: 20 } as const;
  const restart = { policy: 'no', delayMs: 1, maxDelayMs: 1, maxRetries: 0 } as const;
  const { runner, engine, statusOf, history } = setUp(t, [
    createService('gone', { ready }),
    createService('once', { ready, restart }),
    createService('bad', { ready, restart }),
    createService('again', { ready, restart, onFailure: 'retry' }),
  ]);
  const asked: string[] = [];
  let exitCode = 1;
  engine.exec = async (...of: unknown[]) => {
    asked.push(String(of[0]));
    return { exitCode, stdout: '', stderr: '' };
  };
  runner.start();
  await rest();
  engine.exit('gone', 1, 'gave-up');
  engine.exit('once', 0);
  engine.exit('bad', 7);
  await runner.settled('onboot');
  await rest();
  t.match(statusOf('gone'), { status: 'failed', reason: /ended too often/ });
  t.same(history.gone, ['starting', 'failed'], 'said once');
  t.same(statusOf('once'), { status: 'done' });
  t.same(statusOf('bad'), { status: 'failed', reason: 'exit code 7' });
  asked.length = 0;
  engine.exit('again', 1);
  while (asked.length < 2) await turn();
  t.same([...new Set(asked)], ['again'], 'only the one that was made anew is asked');
  exitCode = 0;
  while (statusOf('again')?.status !== 'up') await turn();
});

t.test('containers that end for good after they were up', async t => {
  const restart = { policy: 'no', delayMs: 100, maxDelayMs: 100, maxRetries: 0 } as const;
  const { runner, engine, statusOf } = setUp(t, [
    createService('a'),
    createService('once', { restart }),
    createService('bad', { restart }),
  ]);
  runner.start();
  await runner.settled('services');
  await rest();
  engine.exit('a', 1, 'gave-up');
  engine.exit('once', 0);
  engine.exit('bad', 7);
  await rest();
  t.match(statusOf('a'), { status: 'failed', reason: /ended too often, the last time with exit code 1/ });
  t.same(statusOf('once'), { status: 'done' });
  t.same(statusOf('bad'), { status: 'failed', reason: 'exit code 7' });
});

t.test('stopping: others first, then services in reverse, then onshutdown', async t => {
  const definitions = [
    createService('a'),
    createService('b', { after: ['a'] }),
    createService('bye', { section: 'onshutdown' }),
  ];
  const { runner, engine } = setUp(t, definitions);
  runner.start();
  await runner.settled('services');
  await runner[Symbol.asyncDispose]();
  await engine.create('user', { Image: 'x' });
  await engine.start('user');
  engine.exits.set('bye', 0);
  engine.calls.length = 0;
  const stopped: string[] = [];
  await stopServices({
    engine,
    definitions,
    log: silentLog,
    stopDeadline: AbortSignal.timeout(10_000),
    deadline: AbortSignal.timeout(10_000),
    onStop: name => stopped.push(name),
  });
  t.same(stopped, ['user', 'b', 'a']);
  t.same(engine.calls.slice(-2), ['create bye', 'start bye']);
});

t.test('a service that does not stop keeps nobody from the end', async t => {
  const definitions = [
    createService('a'),
    createService('b', { after: ['a'] }),
    createService('bye', { section: 'onshutdown' }),
  ];
  const { runner, engine } = setUp(t, definitions);
  runner.start();
  await runner.settled('services');
  await runner[Symbol.asyncDispose]();
  engine.exits.set('bye', 0);
  engine.heldStops.set('b', new Promise(() => undefined));
  const stopped: string[] = [];
  await stopServices({
    engine,
    definitions,
    log: silentLog,
    stopDeadline: AbortSignal.timeout(30),
    deadline: AbortSignal.timeout(10_000),
    onStop: name => stopped.push(name),
  });
  t.same(stopped, []);
  t.same(engine.calls.slice(-2), ['create bye', 'start bye'], 'and onshutdown has its own time');
});

t.test('an onshutdown that takes too long is killed before the next', async t => {
  const section = 'onshutdown';
  const definitions = [createService('slow', { section, timeoutMs: 20 }), createService('next', { section })];
  const { engine } = setUp(t, definitions);
  engine.exits.set('next', 0);
  await stopServices({
    engine,
    definitions,
    log: silentLog,
    stopDeadline: AbortSignal.timeout(10_000),
    deadline: AbortSignal.timeout(10_000),
    onStop: () => undefined,
  });
  t.same(engine.calls, ['create slow', 'start slow', 'kill slow', 'create next', 'start next']);
});

t.test('one whose first life is short is not up until it stays up', async t => {
  const { runner, engine, statusOf, announced, history } = setUp(t, [
    createService('bad', { timeoutMs: 30 }),
    createService('better'),
    createService('old'),
  ]);
  runner.start();
  await runner.settled('services');
  await rest();
  t.same(history.bad, ['starting', 'up'], 'nobody waits for it, as long as nothing is known against it');
  engine.crash('bad', 3);
  engine.crash('better', 4);
  engine.crash('old', 5, 3000);
  await rest();
  t.same(statusOf('bad'), { status: 'starting' });
  t.same(statusOf('better'), { status: 'starting' });
  t.same(statusOf('old'), { status: 'up' }, 'which is what its restart policy is for');
  for (const name of ['bad', 'better', 'old']) engine.restart(name);
  engine.crash('bad', 6);
  await runner.settled('services');
  t.same(announced, [
    'bad failed: not ready within 0.03 s (waiting for its process to stay up): it ended 2 times, ' +
      'the last time with exit code 6, see "system-docker logs bad"',
  ]);
  t.same(statusOf('better'), { status: 'up' }, 'its second life has lasted');
  engine.restart('bad');
  while (statusOf('bad')?.status !== 'up') await sleep(20);
  t.match(announced[1], 'bad is up after all');
});

t.test('the boot is held up for a moment by those of which nothing but their process is known', async t => {
  const { runner, engine, clock, statusOf } = setUp(t, [createService('bad'), createService('good')]);
  runner.start();
  let isSteady = false;
  const steady = runner.steady('services').then(() => (isSteady = true));
  await runner.settled('services');
  await rest();
  t.equal(isSteady, false);
  engine.crash('bad', 1);
  clock.advance(10);
  await sleep(300);
  t.same(statusOf('bad'), { status: 'starting' });
  t.equal(isSteady, false, 'one that has ended in that moment is waited for');
  engine.exit('bad', 1, 'gave-up');
  await steady;
  t.match(statusOf('bad'), { status: 'failed' });
  const begun = performance.now();
  await runner.steady('services');
  t.ok(performance.now() - begun < 200, 'nobody is waited for twice');
});

t.test('what a program that never gets ready ends with is said', async t => {
  const ready = { kind: 'notify' } as const;
  const { runner, engine, statusOf } = setUp(t, [
    createService('bad', { ready, timeoutMs: 30 }),
    createService('slow', { ready, timeoutMs: 30 }),
  ]);
  runner.start();
  await rest();
  engine.crash('bad', 127);
  await runner.settled('services');
  t.match(statusOf('bad'), {
    reason:
      'not ready within 0.03 s (waiting for its own message): it ended with exit code 127, ' +
      'see "system-docker logs bad"',
  });
  t.match(statusOf('slow'), { reason: 'not ready within 0.03 s (waiting for its own message)' });
});

t.test('who is held up by the network alone', async t => {
  const { runner, conditions } = setUp(t, [
    createService('network', { ready: { kind: 'notify' }, timeoutMs: 20 }),
    createService('a', { after: ['network'], timeoutMs: 20 }),
  ]);
  t.equal(runner.isHeldUpBy('network'), false);
  runner.start();
  await rest();
  t.equal(runner.isHeldUpBy('network'), false, 'it waits for the service still');
  while (runner.progress.get('network')?.status.status !== 'failed') await sleep(5);
  t.equal(runner.isHeldUpBy('network'), true);
  await runner.settled('services');
  t.match(runner.progress.get('a')?.status, { status: 'failed', unmet: ['network'] });
  t.equal(runner.isHeldUpBy('network'), true, 'it would be revived');
  conditions.set('network');
  await rest();
  t.equal(runner.isHeldUpBy('network'), false);
  t.same(runner.progress.get('a')?.status, { status: 'up' });
});
