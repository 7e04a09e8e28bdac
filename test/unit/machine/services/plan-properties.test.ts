/** What holds for every set of services: checked with random ones, the same in each run. */
import t from 'tap';
import {
  type PlannedService,
  dependenciesOf,
  planSteps,
  planStop,
} from '../../../../src/machine/services/plan.ts';
import { type ServiceStatus, isSettled } from '../../../../src/machine/services/status.ts';
import { graphFaults } from '../../../../src/shared/service/graph.ts';
import { randomNumbers, randomServices } from '../../../support/random-services.ts';

const CONDITIONS = ['state', 'config'];

interface Run {
  readonly statuses: Map<string, ServiceStatus>;
  /** In the order of start. */
  readonly started: string[];
  readonly faults: string[];
}

/**
 * Plays a machine: starts what the planner says, lets a random one of those that are on their way end well or badly,
 * and conditions come at random moments or never; stops when nothing happens any more.
 */
function play(
  services: readonly PlannedService[],
  random: () => number,
  comes: (condition: string) => boolean,
): Run {
  const dependencies = dependenciesOf(services);
  const statuses = new Map<string, ServiceStatus>();
  const statusOf = (name: string): ServiceStatus => statuses.get(name) ?? { status: 'waiting' };
  const conditions = new Set<string>();
  const toCome = CONDITIONS.filter(comes);
  const started: string[] = [];
  const faults: string[] = [];
  for (;;) {
    const { steps, waiting } = planSteps(services, statusOf, conditions);
    for (const { name } of services.filter(({ section }) => section !== 'onshutdown')) {
      const isWaiting = statusOf(name).status === 'waiting';
      const isPlanned = waiting.has(name) || steps.some(step => step.kind === 'start' && step.name === name);
      if (isWaiting !== isPlanned) faults.push(`${name} waits for nothing and is not started`);
    }
    for (const step of steps) {
      if (step.kind === 'revive') statuses.set(step.name, { status: 'waiting' });
      if (step.kind !== 'start') continue;
      const open = [...(dependencies.get(step.name) ?? [])].filter(other => !isSettled(statusOf(other)));
      if (open.length > 0) faults.push(`${step.name} starts before ${open.join(', ')}`);
      const { pod } = services.find(({ name }) => name === step.name) ?? {};
      if (pod !== undefined && statusOf(pod).status !== 'up')
        faults.push(`${step.name} starts without ${pod}`);
      statuses.set(step.name, { status: 'starting' });
      started.push(step.name);
    }
    const underWay = [...statuses].filter(([, { status }]) => status === 'starting').map(([name]) => name);
    if (toCome.length > 0 && (underWay.length === 0 || random() < 0.2)) {
      conditions.add(toCome.shift() ?? '');
    } else if (underWay.length > 0) {
      const name = underWay[Math.floor(random() * underWay.length)] ?? '';
      statuses.set(name, random() < 0.2 ? { status: 'failed', reason: 'x' } : { status: 'up' });
    } else {
      // Their own timeouts end the wait for what does not come.
      const overdue = steps.find(step => step.kind === 'limit');
      if (overdue?.kind === 'limit') {
        statuses.set(overdue.name, { status: 'failed', reason: 'x', unmet: overdue.unmet.conditions });
      } else if (!steps.some(step => step.kind !== 'limit')) return { statuses, started, faults };
    }
  }
}

t.test('without cycles every service settles, and none starts before what it comes after', async t => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomNumbers(seed);
    const services = randomServices(random, { isAcyclic: true, conditions: CONDITIONS });
    const { statuses, started, faults } = play(services, random, () => random() < 0.7);
    if (faults.length > 0) t.fail(`seed ${seed}: ${faults.join('; ')}`);
    const open = services.filter(({ name }) => !isSettled(statuses.get(name) ?? { status: 'waiting' }));
    if (open.length > 0) t.fail(`seed ${seed}: ${open.map(({ name }) => name).join(', ')} never settle`);
    if (new Set(started).size !== started.length) t.fail(`seed ${seed}: one is started twice`);
  }
  t.pass('300 graphs');
});

t.test('where every condition comes, every service is started, but for pods whose owner failed', async t => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomNumbers(seed);
    const services = randomServices(random, { isAcyclic: true, conditions: CONDITIONS });
    const { statuses, started } = play(services, random, () => true);
    for (const { name, pod } of services) {
      const hasOwner = pod === undefined || statuses.get(pod)?.status === 'up';
      if (started.includes(name) !== hasOwner) t.fail(`seed ${seed}: ${name}`);
    }
  }
  t.pass('300 graphs');
});

t.test("the build refuses exactly the graphs that the planner can't finish", async t => {
  let refused = 0;
  for (let seed = 1; seed <= 600; seed++) {
    const random = randomNumbers(seed);
    const services = randomServices(random, { isAcyclic: false });
    const cycles = graphFaults(services).filter(({ message }) => message.includes('wait for each other'));
    const { statuses } = play(services, random, () => true);
    const isStuck = services.some(({ name }) => !isSettled(statuses.get(name) ?? { status: 'waiting' }));
    if (isStuck !== cycles.length > 0) t.fail(`seed ${seed}: ${isStuck ? 'is stuck' : 'is refused'}`);
    refused += Number(isStuck);
  }
  t.ok(refused > 100 && refused < 500, `${refused} of 600 have a cycle`);
});

t.test('each is stopped after all that come after it, however long stops take', async t => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomNumbers(seed);
    const services = randomServices(random, { isAcyclic: true });
    const needs = transitive(dependenciesOf(services));
    const running = new Set(services.filter(() => random() < 0.8).map(({ name }) => name));
    const stopping = new Set<string>();
    while (running.size > 0) {
      for (const name of planStop(services, running)) {
        const early = [...running].filter(other => needs.get(other)?.has(name) === true);
        if (early.length > 0) t.fail(`seed ${seed}: ${name} is stopped before ${early.join(', ')}`);
        stopping.add(name);
      }
      const next = [...stopping][Math.floor(random() * stopping.size)] ?? '';
      stopping.delete(next);
      running.delete(next);
    }
  }
  t.pass('300 graphs');
});

function transitive(edges: ReadonlyMap<string, ReadonlySet<string>>): Map<string, Set<string>> {
  const closed = new Map<string, Set<string>>();
  for (const name of edges.keys()) {
    const seen = new Set<string>();
    const walk = (at: string): void => {
      for (const next of edges.get(at) ?? []) {
        if (seen.has(next)) continue;
        seen.add(next);
        walk(next);
      }
    };
    walk(name);
    closed.set(name, seen);
  }
  return closed;
}
