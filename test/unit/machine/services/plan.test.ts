import t from 'tap';
import {
  type PlannedService,
  type ServiceStatus,
  dependenciesOf,
  formatUnmet,
  planStart,
  planStop,
} from '../../../../src/machine/services/plan.ts';

type Statuses = Record<string, ServiceStatus['status']>;

const service = (name: string, more: Partial<PlannedService> = {}): PlannedService => ({
  name,
  section: 'services',
  after: [],
  before: [],
  ...more,
});
const onboot = (name: string, more: Partial<PlannedService> = {}) =>
  service(name, { section: 'onboot', ...more });

const plan = (services: PlannedService[], statuses: Statuses = {}, conditions: string[] = []) =>
  planStart(services, name => statuses[name] ?? 'waiting', new Set(conditions));

t.test('what starts now', async t => {
  const abc = [service('a'), service('b', { after: ['a'] }), service('c', { before: ['a'] })];
  const cases: {
    desc: string;
    services: PlannedService[];
    statuses?: Statuses;
    met?: string[];
    start: string[];
  }[] = [
    { desc: 'nothing', services: [], start: [] },
    { desc: 'independent ones, together', services: [service('a'), service('b')], start: ['a', 'b'] },
    { desc: 'after and before', services: abc, start: ['c'] },
    { desc: 'then', services: abc, statuses: { c: 'up' }, start: ['a'] },
    { desc: 'starting is not up', services: abc, statuses: { c: 'starting' }, start: [] },
    { desc: 'a failed one holds nobody up', services: abc, statuses: { c: 'failed' }, start: ['a'] },
    { desc: 'one that is done neither', services: abc, statuses: { c: 'done' }, start: ['a'] },
    { desc: 'onboot one by one', services: [onboot('x'), onboot('y'), service('a')], start: ['x'] },
    {
      desc: 'onboot, next',
      services: [onboot('x'), onboot('y'), service('a')],
      statuses: { x: 'done' },
      start: ['y'],
    },
    {
      desc: 'services after onboot',
      services: [onboot('x'), service('a')],
      statuses: { x: 'done' },
      start: ['a'],
    },
    { desc: 'onshutdown never', services: [service('z', { section: 'onshutdown' })], start: [] },
    { desc: 'a condition', services: [service('a', { after: ['state'] })], start: [] },
    {
      desc: 'a condition that holds',
      services: [service('a', { after: ['state'] })],
      met: ['state'],
      start: ['a'],
    },
    {
      desc: 'a service with the name of a condition',
      services: [service('network'), service('a', { after: ['network'] })],
      met: ['network'],
      start: ['network'],
    },
    { desc: 'a pod waits for its owner', services: [service('p', { pod: 'o' }), service('o')], start: ['o'] },
    {
      desc: 'a cycle starts nothing',
      services: [service('a', { after: ['b'] }), service('b', { after: ['a'] })],
      start: [],
    },
  ];
  for (const { desc, services, statuses, met, start } of cases)
    t.same(plan(services, statuses, met).start, start, desc);
});

t.test('what is waited for can be said', async t => {
  const services = [service('udev'), service('a', { after: ['udev', 'network'] })];
  const unmet = plan(services, { udev: 'starting' }).waiting.get('a');
  t.same(unmet, { services: ['udev'], conditions: ['network'] });
  t.equal(unmet && formatUnmet(unmet), 'waiting for udev, network');
});

t.test('stop is the reverse of start', async t => {
  const services = [
    service('a'),
    service('b', { after: ['a'] }),
    service('c', { after: ['a'] }),
    service('d'),
  ];
  t.same(planStop(services, new Set(['a', 'b', 'c', 'd'])), ['b', 'c', 'd']);
  t.same(planStop(services, new Set(['a', 'c'])), ['c']);
  t.same(planStop(services, new Set(['a'])), ['a']);
  t.same(planStop([service('a', { after: ['b'] }), service('b', { after: ['a'] })], new Set(['a', 'b'])), [
    'a',
    'b',
  ]);
});

/** Park and Miller's generator: the same graphs in each run. */
function randomNumbers(seed: number): () => number {
  let value = seed;
  return () => (value = (value * 48_271) % 2_147_483_647) / 2_147_483_647;
}

t.test(
  'random graphs without cycles: all start, none before what it comes after, and stop in reverse',
  async t => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = randomNumbers(seed);
      const count = 1 + Math.floor(random() * 20);
      const names = Array.from({ length: count }, (_, index) => `s${index}`);
      const services = names.map((name, index) => {
        const pick = (from: string[]) => from.filter(() => random() < 0.2);
        const isOnboot = index < count / 4;
        return service(name, {
          section: isOnboot ? 'onboot' : 'services',
          after: pick(names.slice(0, index)),
          before: isOnboot ? [] : pick(names.slice(index + 1)),
        });
      });
      const dependencies = dependenciesOf(services);
      const statuses: Statuses = {};
      const order: string[] = [];
      for (let round = 0; round <= count; round++) {
        for (const name of plan(services, statuses).start) {
          for (const needed of dependencies.get(name) ?? []) {
            if (!order.includes(needed)) t.fail(`seed ${seed}: ${name} starts before ${needed}`);
          }
          statuses[name] = random() < 0.2 ? 'failed' : 'up';
          order.push(name);
        }
      }
      if (order.length !== count) t.fail(`seed ${seed}: only ${order.length} of ${count} started`);

      const running = new Set(order);
      while (running.size > 0) {
        const stop = planStop(services, running);
        for (const name of stop) {
          for (const [other, needed] of dependencies) {
            if (running.has(other) && !stop.includes(other) && needed.has(name)) {
              t.fail(`seed ${seed}: ${name} is stopped before ${other}`);
            }
          }
        }
        for (const name of stop) running.delete(name);
      }
    }
    t.pass('200 graphs');
  },
);
