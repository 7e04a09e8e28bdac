import t from 'tap';
import { CLOUD_CONFIG_KEYS, unusedCloudConfigKeys } from '../../../src/shared/cloud-config-keys.ts';
import { parseCloudConfig } from '../../../src/machine/cloud-init/cloud-config.ts';

t.test('what the machine uses is used, and nothing else', async t => {
  t.strictSame(CLOUD_CONFIG_KEYS, ['hostname', 'ssh_authorized_keys', 'rancher.autologin']);
  const used = { hostname: 'a', ssh_authorized_keys: [{ users: 1 }], rancher: { autologin: [] } };
  t.strictSame(unusedCloudConfigKeys(used), []);
  const config = JSON.parse(
    '{"users": [], "rancher": {"debug": true, "network": {"dns": 1}}, "__proto__": {"a": 1}, "rancher.autologin": 1}',
  ) as object;
  t.strictSame(unusedCloudConfigKeys(config), [
    ['users'],
    ['rancher', 'debug'],
    ['rancher', 'network'],
    ['__proto__'],
    ['rancher.autologin'],
  ]);
  t.strictSame(unusedCloudConfigKeys({ rancher: 'x' }), [['rancher']]);
});

t.test('the machine gives notice of the same keys', async t => {
  const { notices } = parseCloudConfig('s', '#cloud-config\nusers: []\nrancher: {debug: true}\n');
  t.strictSame(notices, [
    's: "users" is not used by this version',
    's: "rancher.debug" is not used by this version',
  ]);
});
