import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { parseRegistrySettings } from '../../../../../src/build/resolve/oci/registry-settings.ts';

const none = (): Promise<never> => Promise.reject(new Error('no helper is expected'));
const config = (user: string): string =>
  JSON.stringify({ auths: { 'r.example': { username: user, password: 'p' } } });

t.test('mirrors, insecure registries and realms', t => {
  const settings = parseRegistrySettings(
    {
      SLIPWAY_REGISTRY_MIRROR: 'docker.io=https://a.example, docker.io=http://b:5000,c:1=http://d',
      SLIPWAY_REGISTRY_INSECURE: 'lab:5000 10.0.0.1',
      SLIPWAY_REGISTRY_REALM: 'r.example=login.example',
    },
    none,
  );
  t.match(settings, {
    mirrors: { 'docker.io': ['https://a.example', 'http://b:5000'], 'c:1': ['http://d'] },
    insecure: ['lab:5000', '10.0.0.1'],
    realms: { 'r.example': ['login.example'] },
  });
  for (const value of ['https://a.example', '=x', 'docker.io=', 'user:pw@x=y']) {
    t.throws(() => parseRegistrySettings({ SLIPWAY_REGISTRY_MIRROR: value }, none), {
      code: 'OCI_REGISTRY_SETTING',
      message: /^reading SLIPWAY_REGISTRY_MIRROR: (?!.*pw)/,
    });
  }
  t.end();
});

t.test('logins from the first place that has any', async t => {
  const home = t.testdir({
    '.docker': { 'config.json': config('home') },
    other: { 'config.json': config('folder') },
  });
  const user = async (env: Record<string, string>): Promise<string | undefined> => {
    const found = await parseRegistrySettings(env, none).credentials('r.example');
    return found?.kind === 'password' ? found.username : undefined;
  };
  t.equal(await user({ HOME: home }), 'home');
  t.equal(await user({ HOME: home, DOCKER_CONFIG: join(home, 'other') }), 'folder');
  t.equal(await user({ HOME: home, DOCKER_AUTH_CONFIG: config('inline') }), 'inline');
  t.equal(await user({ HOME: join(home, 'nobody') }), undefined);
  t.equal(await user({}), undefined);
  await t.rejects(user({ DOCKER_AUTH_CONFIG: 'x' }), {
    code: 'OCI_AUTH_CONFIG',
    message: /DOCKER_AUTH_CONFIG/,
  });
  await mkdir(join(home, 'bad/config.json'), { recursive: true });
  await t.rejects(user({ DOCKER_CONFIG: join(home, 'bad') }), { code: 'OCI_AUTH_CONFIG', message: /EISDIR/ });
});

t.test('the file is read when a login is asked for, not before', async t => {
  const home = t.testdir({ '.docker': {} });
  const settings = parseRegistrySettings({ HOME: home }, none);
  await writeFile(join(home, '.docker/config.json'), config('late'));
  await chmod(join(home, '.docker/config.json'), 0o600);
  t.match(await settings.credentials('r.example'), { username: 'late' });
});
