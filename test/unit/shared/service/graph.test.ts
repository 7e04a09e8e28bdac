import t from 'tap';
import type { ServiceSection } from '../../../../src/shared/service/definition.ts';
import { checkServiceGraph, graphFaults, orderServices } from '../../../../src/shared/service/graph.ts';

function service(
  name: string,
  after: string[] = [],
  before: string[] = [],
  section: ServiceSection = 'services',
) {
  return { name, section, after, before };
}
const names = (services: readonly { name: string }[]) => services.map(({ name }) => name).join(' ');

t.test('order', async t => {
  t.equal(names(orderServices([service('a', ['c']), service('b'), service('c', ['network'])])), 'c a b');
  t.equal(names(orderServices([service('a'), service('b', [], ['a'])])), 'b a');
  const mixed = [service('s'), service('z', [], [], 'onshutdown'), service('o', [], [], 'onboot')];
  t.equal(names(orderServices(mixed)), 'o s z');
  t.equal(names(orderServices([service('b', ['network']), service('network')])), 'network b');
});

t.test('faults', async t => {
  const messages = (...services: Parameters<typeof graphFaults>[0]) =>
    graphFaults(services).map(f => f.message);
  t.same(messages(service('a', ['b']), service('b', ['a']), service('c', ['c'])), [
    'services wait for each other: a -> b -> a',
    'services wait for each other: c -> c',
  ]);
  t.same(messages(service('network', ['a']), service('a', ['network'])), [
    'services wait for each other: network -> a -> network',
  ]);
  t.match(messages(service('a', [], ['o']), service('o', [], [], 'onboot')), [
    /is to come before "o" of onboot/,
  ]);
  t.same(messages(service('a', ['state', 'config', 'network'])), []);
  t.equal(graphFaults([service('a', ['cargo:x'])], { cargo: ['x'] }).length, 0);
  t.throws(() => checkServiceGraph([service('a', ['b'])]), { code: 'SERVICE_GRAPH', kind: 'invalid-input' });
  t.throws(() => orderServices([service('a', ['a'])]), { code: 'SERVICE_GRAPH' });
});

t.test('a hint names each service once', async t => {
  const [fault] = graphFaults([service('web', ['nothing-like-it']), service('udev'), service('network')]);
  t.equal(fault?.hint, 'there are udev, network; conditions are state, network, config');
});

t.test('a wide graph is checked in time', async t => {
  const many = Array.from({ length: 300 }, (_, i) =>
    service(
      `s${i}`,
      Array.from({ length: Math.min(i, 30) }, (_, j) => `s${i - j - 1}`),
    ),
  );
  t.same(graphFaults(many), []);
  t.equal(orderServices([...many].reverse())[0]?.name, 's0');
});
