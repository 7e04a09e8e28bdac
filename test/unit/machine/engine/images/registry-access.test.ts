import t from 'tap';
import { parseAuthHeader, registryOf } from '../../../../../src/machine/engine/images/registry-access.ts';

const header = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

t.test('X-Registry-Auth', async t => {
  t.same(
    parseAuthHeader(header({ username: 'u', password: 'p', serveraddress: 'https://index.docker.io/v1/' })),
    {
      credentials: { kind: 'password', username: 'u', password: 'p' },
      registry: 'docker.io',
    },
  );
  t.same(parseAuthHeader(header({ auth: Buffer.from('u:p:q').toString('base64') })), {
    credentials: { kind: 'password', username: 'u', password: 'p:q' },
  });
  t.match(parseAuthHeader(header({ identitytoken: 't' })), { credentials: { kind: 'identity-token' } });
  t.match(parseAuthHeader(header({ registrytoken: 't' })), { credentials: { kind: 'registry-token' } });
  for (const nothing of [undefined, '', header({}), header([]), header(null), '!!!', header('x')]) {
    t.same(parseAuthHeader(nothing), { credentials: undefined }, nothing ?? 'no header');
  }
  t.throws(() => parseAuthHeader(header({ username: 7 })), { code: 'ENGINE_INVALID_PARAMETER' });
});

t.test('addresses of registries', async t => {
  t.equal(registryOf('https://registry.example:5000/v2/'), 'registry.example:5000');
  t.equal(registryOf('index.docker.io'), 'docker.io');
  t.equal(registryOf(''), '');
  t.equal(registryOf('[::1]:5000'), '[::1]:5000');
  for (const wrong of ['user:secret@registry.example', 'a b', '%', 'registry.example:port']) {
    t.throws(() => registryOf(wrong), { code: 'ENGINE_INVALID_PARAMETER', message: /^(?!.*secret)/ }, wrong);
  }
});
