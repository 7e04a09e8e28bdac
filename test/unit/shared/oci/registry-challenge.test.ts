import t from 'tap';
import { isLoopback, isSameSite, parseChallenges } from '../../../../src/shared/oci/registry-challenge.ts';

t.test('reads challenges', t => {
  const read = (header: string) =>
    parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
  t.same(read('Bearer realm="https://a/t",service="s x",scope="repository:a/b:pull,push"'), [
    ['bearer', { realm: 'https://a/t', service: 's x', scope: 'repository:a/b:pull,push' }],
  ]);
  t.same(read('Basic realm=x'), [['basic', { realm: 'x' }]]);
  t.same(read('Negotiate, BEARER Realm = "a\\"b" , service=s, Basic realm="x"'), [
    ['negotiate', {}],
    ['bearer', { realm: 'a"b', service: 's' }],
    ['basic', { realm: 'x' }],
  ]);
  t.same(read(''), []);
  t.same(read('realm="x"'), [], 'a parameter of nothing');
  t.same(read('Bearer realm="never closed'), [['bearer', {}]]);
  t.end();
});

t.test('a header made to be slow is read at once', t => {
  const startedMs = performance.now();
  for (const header of [
    'a=b,'.repeat(1e6),
    `Bearer realm="${'\\'.repeat(1e6)}`,
    ' '.repeat(1e6),
    ','.repeat(1e6),
    'a '.repeat(1e6),
  ]) {
    parseChallenges(header);
  }
  t.ok(performance.now() - startedMs < 1000);
  t.end();
});

t.test('who is of the same site', t => {
  t.ok(isSameSite('auth.docker.io', 'registry-1.docker.io'));
  t.ok(isSameSite('gitlab.example.com', 'registry.example.com'));
  t.ok(isSameSite('example.com', 'registry.example.com'));
  t.ok(isSameSite('ghcr.io', 'ghcr.io'));
  t.ok(isSameSite('127.0.0.1', '127.0.0.1'));
  t.ok(isSameSite('auth.firm.co.uk', 'registry.firm.co.uk'));
  t.notOk(isSameSite('evil.co.uk', 'registry.firm.co.uk'));
  t.notOk(isSameSite('evil.org', 'registry.example.com'));
  t.notOk(isSameSite('example.com.evil.org', 'example.com'));
  t.notOk(isSameSite('notexample.com', 'example.com'));
  t.notOk(isSameSite('evil.com', 'com'));
  t.notOk(isSameSite('127.0.0.2', '127.0.0.1'));
  t.notOk(isSameSite('10.9.0.1', '10.0.0.1'));
  t.notOk(isSameSite('localhost', '127.0.0.1'));
  t.notOk(isSameSite('[::2]', '[::1]'));
  t.end();
});

t.test('what is this computer', t => {
  for (const host of ['localhost', '127.0.0.1', '127.255.0.3', '[::1]', 'a.localhost'])
    t.ok(isLoopback(host), host);
  for (const host of [
    '127.0.0.1.example',
    'localhost.example',
    '[::2]',
    '0.0.0.0',
    '128.0.0.1',
    '127.1.evil',
  ]) {
    t.notOk(isLoopback(host), host);
  }
  t.end();
});
