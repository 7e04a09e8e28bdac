import t from 'tap';
import {
  type PlannedService,
  formatUnmet,
  planSteps,
  planStop,
} from '../../../../src/machine/services/plan.ts';
import type { ServiceStatus } from '../../../../src/machine/services/status.ts';

type Statuses = Record<string, ServiceStatus['status'] | ServiceStatus>;

const service = (name: string, more: Partial<PlannedService> = {}): PlannedService => ({
  name,
  section: 'services',
  after: [],
  before: [],
  ...more,
});
const onboot = (name: string, more: Partial<PlannedService> = {}) =>
  service(name, { section: 'onboot', ...more });

function statusIn(statuses: Statuses, name: string): ServiceStatus {
  const status = statuses[name] ?? 'waiting';
  if (typeof status !== 'string') return status;
  return status === 'failed' || status === 'stopped' ? { status, reason: 'x' } : { status };
}

const plan = (services: PlannedService[], statuses: Statuses = {}, conditions: string[] = []) => {
  const { steps, waiting } = planSteps(services, name => statusIn(statuses, name), new Set(conditions));
  const names = (kind: string) => steps.filter(step => step.kind === kind).map(({ name }) => name);
  return { start: names('start'), limit: names('limit'), revive: names('revive'), waiting };
};

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
      desc: 'a service with the name of a condition: both are needed, the service',
      services: [service('network'), service('a', { after: ['network'] })],
      met: ['network'],
      start: ['network'],
    },
    {
      desc: 'and the condition',
      services: [service('network'), service('a', { after: ['network'] })],
      statuses: { network: 'up' },
      start: [],
    },
    {
      desc: 'and there they are',
      services: [service('network'), service('a', { after: ['network'] })],
      statuses: { network: 'up' },
      met: ['network'],
      start: ['a'],
    },
    { desc: 'a pod waits for its owner', services: [service('p', { pod: 'o' }), service('o')], start: ['o'] },
    {
      desc: 'a pod whose owner failed',
      services: [service('p', { pod: 'o' }), service('o')],
      statuses: { o: 'failed' },
      start: [],
    },
    {
      desc: 'a pod whose owner is up',
      services: [service('p', { pod: 'o' }), service('o')],
      statuses: { o: 'up' },
      start: ['p'],
    },
    {
      desc: 'a stopped one holds nobody up',
      services: [service('a'), service('b', { after: ['a'] })],
      statuses: { a: 'stopped' },
      start: ['b'],
    },
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
  t.equal(unmet && formatUnmet(unmet), 'waiting for udev, network (an address)');
  const network = plan([service('network'), service('a', { after: ['network'] })]).waiting.get('a');
  t.equal(network && formatUnmet(network), 'waiting for network', 'a name is said once');
  const pod = [service('o'), service('p', { pod: 'o' })];
  const before = plan(pod, { o: 'starting' }).waiting.get('p');
  t.equal(before && formatUnmet(before), 'waiting for o');
  const after = plan(pod, { o: 'failed' }).waiting.get('p');
  t.equal(after && formatUnmet(after), 'waiting for o, whose pod it shares');
});

t.test(
  'the time of one that waits for conditions alone is limited; when they come, it is revived',
  async t => {
    const services = [service('a', { after: ['b', 'state'] }), service('b')];
    t.same(plan(services).limit, [], 'b ends its wait itself');
    t.same(plan(services, { b: 'up' }).limit, ['a']);
    const failed = { status: 'failed', reason: 'x', unmet: ['state'] } as const;
    t.same(plan(services, { a: failed, b: 'up' }).revive, []);
    t.same(plan(services, { a: failed, b: 'up' }, ['state']).revive, ['a']);
    t.same(plan(services, { a: 'failed', b: 'up' }, ['state']).revive, [], 'one that was tried is not');
    const member = { status: 'failed', reason: 'x', unmet: ['pod:o'] } as const;
    t.same(plan([service('o'), service('p', { pod: 'o' })], { o: 'up', p: member }).revive, ['p']);
  },
);

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
  const chain = [service('a'), service('b', { after: ['a'] }), service('c', { after: ['b'] })];
  t.same(planStop(chain, new Set(['a', 'c'])), ['c'], 'also through one that does not run any more');
  t.same(planStop([service('a', { after: ['b'] }), service('b', { after: ['a'] })], new Set(['a', 'b'])), [
    'a',
    'b',
  ]);
});
