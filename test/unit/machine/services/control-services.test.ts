/** What persons do to services, pods, readiness by notify, and lives of system-docker that end at any moment. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { silentLog } from '../../../../src/machine/log.ts';
import { ServiceRunner } from '../../../../src/machine/services/apply.ts';
import { Conditions } from '../../../../src/machine/services/conditions.ts';
import { type ServiceProgress, isSettled } from '../../../../src/machine/services/status.ts';
import type { ServiceDefinition } from '../../../../src/shared/service/definition.ts';
import { MemoryEngine } from '../../../support/memory-engine.ts';
import { randomNumbers, randomServices } from '../../../support/random-services.ts';
import { createService } from '../../../support/service-definition.ts';
import { FakeHost } from '../../../support/service-host.ts';

// The timers behind AbortSignal.timeout do not keep a process alive; in the daemon its sockets do.
const alive = setInterval(() => undefined, 1000);
t.teardown(() => clearInterval(alive));

/** A machine on which system-docker can be replaced. */
class Machine {
  readonly engine = new MemoryEngine();
  readonly host = new FakeHost(this.engine);
  readonly conditions = new Conditions();
  readonly announced: string[] = [];
  readonly journal: Record<string, ServiceProgress> = {};
  readonly definitions: readonly ServiceDefinition[];
  runner: ServiceRunner;

  constructor(t: Test, definitions: readonly ServiceDefinition[]) {
    this.definitions = definitions;
    this.runner = this.#newLife();
    t.teardown(() => this.runner[Symbol.asyncDispose]());
  }

  /** system-docker ends as by a kill, and comes back. */
  async replace(): Promise<void> {
    await this.runner[Symbol.asyncDispose]();
    this.runner = this.#newLife();
    this.runner.start();
  }

  status(name: string) {
    return this.runner.progress.get(name)?.status.status;
  }

  async up(): Promise<void> {
    this.runner.start();
    await this.runner.settled('services');
    await rest();
    this.engine.calls.length = 0;
  }

  #newLife(): ServiceRunner {
    return new ServiceRunner({
      definitions: this.definitions,
      engine: this.engine,
      host: this.host,
      conditions: this.conditions,
      log: silentLog,
      uptime: () => 1,
      saved: structuredClone(this.journal),
      onProgress: (name, progress) => (this.journal[name] = progress),
      announce: line => this.announced.push(line),
    });
  }
}

/** Lets everything that is due run. */
async function rest(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn();
}

const never = new AbortController().signal;

t.test('stop, start and restart', async t => {
  const machine = new Machine(t, [createService('a'), createService('b', { after: ['a'] })]);
  await machine.up();
  const { engine } = machine;
  await machine.runner.stopService('a');
  await rest();
  t.same(machine.runner.progress.get('a')?.status, { status: 'stopped', reason: 'on request' });
  t.equal(machine.status('b'), 'up', 'those after it stay');
  await machine.runner.startService('a', never);
  await machine.runner.startService('b', never);
  t.same(
    engine.calls,
    ['stop a', 'stopped a', 'start a'],
    'in the same container; one that is up is left alone',
  );
  engine.calls.length = 0;
  await machine.runner.restartService('a', never);
  t.same(engine.calls, ['stop a', 'stopped a', 'start a']);
  t.equal(machine.status('a'), 'up');
  await rest();
  t.equal(machine.status('a'), 'up', 'what is heard of the stop later does not count');
  t.same(machine.announced, [], 'none of it is a failure');
});

t.test('a service that failed is started by hand', async t => {
  const machine = new Machine(t, [createService('a')]);
  machine.engine.startFailures.set('a', 'broken');
  await machine.up();
  await machine.runner.startService('a', never);
  t.equal(machine.status('a'), 'failed', 'still');
  machine.engine.startFailures.clear();
  await machine.runner.startService('a', never);
  t.equal(machine.status('a'), 'up');
  t.same(
    machine.announced,
    ['a failed: broken', 'a failed: broken'],
    'each try that a person made is told of',
  );
});

t.test("what can't be started or stopped", async t => {
  const machine = new Machine(t, [createService('a'), createService('z', { section: 'onshutdown' })]);
  await t.rejects(machine.runner.stopService('a'), {
    code: 'SERVICE_NOT_CONTROLLED',
    message: /not come to/,
  });
  await machine.up();
  await t.rejects(machine.runner.startService('nobody', never), { code: 'SERVICE_NOT_FOUND' });
  await t.rejects(machine.runner.startService('z', never), { message: /when the machine goes down/ });
  await machine.runner[Symbol.asyncDispose]();
  await t.rejects(machine.runner.stopService('a'), { message: /going down/ });
});

t.test('one that is on its way is stopped, and its client may go', async t => {
  const machine = new Machine(t, [createService('a', { ready: { kind: 'log', pattern: 'up' } })]);
  machine.runner.start();
  await rest();
  const client = new AbortController();
  const asked = machine.runner.startService('a', client.signal);
  client.abort(new Error('the client is gone'));
  await t.rejects(asked, { message: 'the client is gone' });
  t.equal(machine.status('a'), 'starting', 'the start goes on');
  await machine.runner.stopService('a');
  machine.engine.log('a', 'up');
  await rest();
  t.equal(machine.status('a'), 'stopped');
});

t.test('one that is late is waited for already', async t => {
  const ready = { kind: 'log', pattern: 'up' } as const;
  const machine = new Machine(t, [createService('a', { ready, timeoutMs: 20 })]);
  await machine.up();
  await machine.runner.startService('a', never);
  t.equal(machine.status('a'), 'failed', 'said at once');
  t.same(machine.engine.calls, []);
  machine.engine.log('a', 'up');
  await rest();
  t.equal(machine.status('a'), 'up');
});

t.test('what a person does through the engine is seen', async t => {
  const machine = new Machine(t, [createService('a')]);
  await machine.up();
  await machine.engine.stop('a');
  await rest();
  t.same(machine.runner.progress.get('a')?.status, { status: 'stopped', reason: 'through the engine' });
  await machine.engine.start('a');
  await rest();
  t.equal(machine.status('a'), 'up');
  t.same(machine.announced, []);
});

t.test('a stop that was cut off is finished, and stays', async t => {
  const machine = new Machine(t, [createService('a')]);
  await machine.up();
  machine.engine.heldStops.set('a', new Promise(() => undefined));
  void machine.runner.stopService('a');
  await rest();
  machine.engine.heldStops.clear();
  await machine.replace();
  await rest();
  t.equal((await machine.engine.inspect('a')).status, 'exited');
  t.equal(machine.status('a'), 'stopped');
});

t.test('a restart that was cut off after the stop is finished', async t => {
  const machine = new Machine(t, [createService('a')]);
  await machine.up();
  const release = Promise.withResolvers<undefined>();
  machine.engine.heldStops.set('a', release.promise);
  machine.runner.restartService('a', never).catch(() => undefined);
  await rest();
  const gone = machine.runner[Symbol.asyncDispose]();
  release.resolve(undefined);
  await gone;
  // A life that ends does not go on: here it got as far as the stop.
  machine.engine.containers.set('a', { ...(await machine.engine.inspect('a')), status: 'exited', pid: 0 });
  machine.engine.calls.length = 0;
  await machine.replace();
  await rest();
  t.same(machine.engine.calls, ['start a']);
  t.equal(machine.status('a'), 'up');
});

t.test('a container that only a person starts is made', async t => {
  const machine = new Machine(t, [
    createService('a', { autostart: false }),
    createService('b', { after: ['a'] }),
  ]);
  machine.runner.start();
  await machine.runner.settled('services');
  t.same(machine.engine.calls, ['create a', 'create b', 'start b']);
  t.same(machine.runner.progress.get('a')?.status, { status: 'stopped', reason: 'is started by hand' });
  await machine.runner.startService('a', never);
  t.equal(machine.status('a'), 'up');
  await machine.replace();
  await rest();
  t.equal(machine.status('a'), 'up', 'and goes on running');
});

t.test('a oneshot among the services is up when it has exited with 0', async t => {
  const restart = { policy: 'no', delayMs: 1, maxDelayMs: 1, maxRetries: 0 } as const;
  const machine = new Machine(t, [
    createService('job', { ready: { kind: 'exit' }, restart }),
    createService('a', { after: ['job'] }),
  ]);
  machine.runner.start();
  await rest();
  t.same(machine.engine.calls, ['create job', 'start job']);
  machine.engine.exit('job', 0);
  await machine.runner.settled('services');
  t.equal(machine.status('job'), 'done');
  t.equal(machine.status('a'), 'up');
  machine.engine.exits.set('job', 4);
  await machine.runner.startService('job', never);
  t.match(machine.runner.progress.get('job')?.status, { status: 'failed', reason: 'exit code 4' });
});

t.test('readiness by notify: listened to before the start, no longer once it is up', async t => {
  const machine = new Machine(t, [createService('a', { ready: { kind: 'notify' } })]);
  machine.runner.start();
  await rest();
  t.match(machine.engine.requests.get('a')?.Slipway, {
    extraEnv: ['NOTIFY_SOCKET=/run/slipway/notify/a/public/socket'],
    mounts: [{ source: '/run/slipway/notify/a/public', options: ['bind', 'rprivate', 'ro'] }],
  });
  t.equal(machine.status('a'), 'starting');
  await machine.replace();
  t.ok(machine.host.listening.has('a'), 'also while system-docker is replaced');
  machine.host.say('a');
  await machine.runner.settled('services');
  await rest();
  t.equal(machine.status('a'), 'up');
  t.notOk(machine.host.listening.has('a'));
  t.same(machine.engine.calls, ['create a', 'start a'], 'it was not disturbed');
});

t.test('a pod: members follow their owner, and are restarted when it has been', async t => {
  const machine = new Machine(t, [
    createService('owner', { ready: { kind: 'log', pattern: 'up' }, timeoutMs: 20 }),
    createService('member', { pod: 'owner', timeoutMs: 20 }),
  ]);
  const { engine } = machine;
  machine.runner.start();
  await machine.runner.settled('services');
  t.same(
    ['owner', 'member'].map(name => machine.status(name)),
    ['failed', 'failed'],
    'nothing to join: not started, and not waited for in vain',
  );
  t.match(machine.announced[1], /member failed: waiting for owner, whose pod it shares/);
  engine.log('owner', 'up');
  await rest();
  t.equal(machine.status('member'), 'up', 'revived');
  engine.calls.length = 0;
  engine.exit('owner', 1);
  engine.restart('owner');
  await rest();
  t.same(engine.calls, ['stop member', 'stopped member', 'start member'], 'the old namespaces are gone');
  t.equal(machine.status('member'), 'up');
  engine.calls.length = 0;
  await machine.replace();
  await rest();
  t.same(engine.calls, [], 'a new system-docker disturbs nobody');
  await machine.runner[Symbol.asyncDispose]();
  engine.exit('owner', 1);
  engine.restart('owner');
  await machine.replace();
  await rest();
  t.same(engine.calls, ['stop member', 'stopped member', 'start member'], 'seen by the next life');
});

t.test('events that were too many: what was missed is found by looking', async t => {
  const restart = { policy: 'no', delayMs: 1, maxDelayMs: 1, maxRetries: 0 } as const;
  const machine = new Machine(t, [createService('a', { restart })]);
  const { engine } = machine;
  const events = engine.events.bind(engine);
  const overrun = Promise.withResolvers<never>();
  engine.events = async function* (signal) {
    engine.events = events;
    signal.throwIfAborted();
    yield await overrun.promise;
  };
  await machine.up();
  engine.exit('a', 6);
  await rest();
  t.equal(machine.status('a'), 'up', 'not heard');
  overrun.reject(new Error('the reader fell behind'));
  await rest();
  t.same(machine.runner.progress.get('a')?.status, { status: 'failed', reason: 'exit code 6' });
  await machine.runner.startService('a', never);
  engine.exit('a', 0);
  await rest();
  t.equal(machine.status('a'), 'done', 'heard again');
});

t.test('what ended while nobody looked', async t => {
  const restart = { policy: 'on-failure', delayMs: 1, maxDelayMs: 1, maxRetries: 1 } as const;
  const machine = new Machine(t, [createService('well', { restart }), createService('badly', { restart })]);
  await machine.up();
  await machine.runner[Symbol.asyncDispose]();
  machine.engine.exit('well', 0);
  machine.engine.exit('badly', 5);
  await machine.replace();
  await rest();
  t.equal(machine.status('well'), 'done');
  t.same(machine.runner.progress.get('badly')?.status, { status: 'failed', reason: 'exit code 5' });
});

t.test(
  'random services, and system-docker killed at any moment: all get there, none is started twice',
  async t => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomNumbers(seed);
      const definitions = randomServices(random, { isAcyclic: true, conditions: ['state'] }).map(planned => {
        const hasReady = planned.section === 'services' && planned.pod === undefined && random() < 0.3;
        return createService(planned.name, {
          ...planned,
          // A pod whose owner failed is given up soon.
          ...(planned.pod === undefined ? {} : { timeoutMs: 5 }),
          ...(hasReady ? { ready: { kind: 'log', pattern: 'up' }, timeoutMs: 30_000 } : {}),
        });
      });
      const machine = new Machine(t, definitions);
      const { engine } = machine;
      for (const { name, pod } of definitions) {
        if (pod === undefined && random() < 0.15) engine.startFailures.set(name, 'broken');
      }
      machine.runner.start();
      const isOpen = ({ name }: ServiceDefinition): boolean =>
        !isSettled(machine.runner.progress.get(name)?.status ?? { status: 'waiting' });
      for (let round = 0; definitions.some(isOpen); round++) {
        for (let turns = Math.floor(random() * 4); turns > 0; turns--) await turn();
        if (round > 200) await sleep(1);
        if (round > 2000) {
          t.fail(
            `seed ${seed}: ${definitions
              .filter(isOpen)
              .map(({ name }) => name)
              .join(', ')}`,
          );
          break;
        }
        // A new life waits anew for what may never come.
        if (round < 200 && random() < 0.2) await machine.replace();
        if (random() < 0.1) machine.conditions.set('state');
        const running = [...engine.containers.values()].filter(({ status }) => status === 'running');
        const { name } = running[Math.floor(random() * running.length)] ?? {};
        if (name === undefined) continue;
        const section = definitions.find(definition => definition.name === name)?.section;
        if (section === 'onboot') engine.exit(name, random() < 0.8 ? 0 : 1);
        else engine.log(name, 'up');
      }
      for (const { name } of definitions) {
        const starts = engine.calls.filter(call => call === `start ${name}`).length;
        if (starts > 1 && !engine.startFailures.has(name)) {
          t.fail(`seed ${seed}: ${name} is started ${starts} times`);
        }
      }
      await machine.runner[Symbol.asyncDispose]();
    }
    t.pass('60 machines');
  },
);
