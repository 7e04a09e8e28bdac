import t from 'tap';
import {
  TakenPorts,
  groupPorts,
  parsePort,
  planPorts,
} from '../../../../../src/machine/engine/networks/ports.ts';
import type { PublishedPort } from '../../../../../src/machine/engine/networks/endpoint.ts';

const refused = { code: 'ENGINE_INVALID_PARAMETER' };

t.test('what is to be published', t => {
  t.same(planPorts({ '80/tcp': [{ HostIp: '', HostPort: '8080' }, {}] }, ['443/tcp'], false), [
    { containerPort: 80, protocol: 'tcp', hostIp: '', hostPorts: { first: 8080, last: 8080 } },
    { containerPort: 80, protocol: 'tcp', hostIp: '' },
  ]);
  t.same(planPorts({ '53/udp': [{ HostIp: '127.0.0.1', HostPort: '5000-5002' }] }, [], false), [
    { containerPort: 53, protocol: 'udp', hostIp: '127.0.0.1', hostPorts: { first: 5000, last: 5002 } },
  ]);
  t.same(
    planPorts({ '80/tcp': [{}] }, ['80/tcp', '80/udp', '443'], true).map(
      ({ containerPort, protocol }) => `${containerPort}/${protocol}`,
    ),
    ['80/tcp', '80/udp', '443/tcp'],
    'every exposed one once',
  );
  for (const key of ['', 'x', '80/icmp', '99999/tcp', '80/tcp/x', '-1', '0', '80-90/tcp'])
    t.throws(() => parsePort(key), refused, key);
  for (const HostPort of ['x', '70000', '9-8', '1-', '-', '80 '])
    t.throws(() => planPorts({ '80/tcp': [{ HostPort }] }, [], false), refused, HostPort);
  t.throws(() => planPorts({ '80/tcp': [{ HostIp: 'x; drop' }] }, [], false), refused);
  const many = Array.from({ length: 5000 }, (_, index) => `${index + 1}/tcp`);
  t.throws(() => planPorts({}, many, true), { message: /more than 4096 ports/ });
  t.end();
});

const port = (hostPort: number, change: Partial<PublishedPort> = {}): PublishedPort => ({
  containerPort: hostPort,
  protocol: 'tcp',
  hostIp: '',
  hostPort,
  ...change,
});

const collides = (first: PublishedPort, second: PublishedPort): boolean => {
  const taken = new TakenPorts();
  taken.add(first);
  return taken.has(second);
};

t.test('who wants the same port', t => {
  t.ok(collides(port(80), port(80)));
  t.ok(collides(port(80), port(80, { hostIp: '127.0.0.1' })), 'every address is also that one');
  t.ok(collides(port(80, { hostIp: '0.0.0.0' }), port(80, { hostIp: '10.0.0.1' })));
  t.notOk(collides(port(80, { hostIp: '127.0.0.1' }), port(80, { hostIp: '10.0.0.1' })));
  t.notOk(collides(port(80), port(80, { protocol: 'udp' })));
  t.notOk(collides(port(80), port(81)));
  t.end();
});

t.test('neighbours become ranges', t => {
  const many = Array.from({ length: 1000 }, (_, index) => port(20_000 + index));
  t.match(groupPorts([...many].reverse()), [{ hostPort: 20_000, count: 1000 }]);
  t.match(
    groupPorts([
      port(80),
      port(81, { containerPort: 90 }),
      port(82, { containerPort: 91 }),
      port(82, { protocol: 'udp' }),
    ]),
    [
      { hostPort: 80, count: 1 },
      { hostPort: 81, containerPort: 90, count: 2 },
      { hostPort: 82, protocol: 'udp', count: 1 },
    ],
  );
  t.end();
});
