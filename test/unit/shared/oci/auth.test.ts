import t from 'tap';
import { findCredentials, parseDockerConfig } from '../../../../src/shared/oci/auth.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const parse = (json: unknown) => parseDockerConfig(JSON.stringify(json), '~/.docker/config.json');
const none = (): Promise<never> => Promise.reject(new Error('no helper is expected'));

t.test('reads auths by host, from hosts and old URLs', async t => {
  const config = parse({
    auths: {
      'registry.example:5000': { auth: base64('me:pass:word') },
      'https://index.docker.io/v1/': { auth: base64('hub:x\0\0') },
      'old.example/v2/': { username: 'u', password: 'p' },
      'token.example': { auth: base64('a:b'), identitytoken: 'ID' },
      'direct.example': { registrytoken: 'RT' },
      'empty.example': {},
    },
  });
  const find = (registry: string) => findCredentials(config, registry, none);
  t.same(await find('registry.example:5000'), { kind: 'password', username: 'me', password: 'pass:word' });
  t.same(await find('docker.io'), { kind: 'password', username: 'hub', password: 'x' });
  t.same(await find('old.example'), { kind: 'password', username: 'u', password: 'p' });
  t.same(await find('token.example'), { kind: 'identity-token', token: 'ID' });
  t.same(await find('direct.example'), { kind: 'registry-token', token: 'RT' });
  t.equal(await find('empty.example'), undefined);
  t.equal(await find('registry.example'), undefined, 'another port is another registry');
});

t.test('asks helpers', async t => {
  const config = parse({
    auths: { 'b.example': { auth: base64('file:1') } },
    credHelpers: { 'a.example': 'ecr-login' },
    credsStore: 'secretservice',
  });
  const asked: string[] = [];
  const helper = async (program: string, input: string) => {
    await Promise.resolve();
    asked.push(`${program} ${input}`);
    if (input === 'a.example') return { exitCode: 0, stdout: '{"Username":"<token>","Secret":"S"}' };
    if (input.includes('docker.io')) return { exitCode: 0, stdout: '{"Username":"u","Secret":"p"}' };
    return { exitCode: 1, stdout: 'credentials not found in native keychain\n' };
  };
  t.same(await findCredentials(config, 'a.example', helper), { kind: 'identity-token', token: 'S' });
  t.same(await findCredentials(config, 'docker.io', helper), {
    kind: 'password',
    username: 'u',
    password: 'p',
  });
  t.same(await findCredentials(config, 'b.example', helper), {
    kind: 'password',
    username: 'file',
    password: '1',
  });
  t.same(asked, [
    'docker-credential-ecr-login a.example',
    'docker-credential-secretservice https://index.docker.io/v1/',
    'docker-credential-secretservice b.example',
  ]);
});

t.test('faults of helpers', async t => {
  const config = parse({ credsStore: 'x' });
  const answer = (exitCode: number, stdout: string) => () => Promise.resolve({ exitCode, stdout });
  for (const helper of [
    answer(2, 'secret'),
    answer(0, 'no JSON secret'),
    answer(0, '{"Username":1}'),
    none,
  ]) {
    const error = await findCredentials(config, 'a.example', helper).catch((caught: unknown) => caught);
    t.match(error, { code: 'OCI_CREDENTIAL_HELPER', message: /docker-credential-x for a\.example/ });
    t.notMatch(String(error), /secret/);
  }
});

t.test('refuses configurations that are none, without showing them', t => {
  const bad = [
    '{"auths": {"a": {"auth": "c2VjcmV0"}}}',
    'secret',
    '[]',
    '{"auths": []}',
    '{"auths": {"a": "secret"}}',
    '{"credsStore": "../../bin/sh secret"}',
    '{"credHelpers": {"a": "x;secret"}}',
  ];
  for (const text of bad) {
    t.throws(() => parseDockerConfig(text, 'FILE'), {
      code: 'OCI_AUTH_CONFIG',
      message: /^reading FILE: (?!.*secret)/,
    });
  }
  t.end();
});
