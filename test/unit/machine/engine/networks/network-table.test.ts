import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  type NetworkRecord,
  predefinedId,
} from '../../../../../src/machine/engine/networks/network-record.ts';
import { NetworkTable } from '../../../../../src/machine/engine/networks/network-table.ts';
import { silentLog } from '../../../../../src/machine/log.ts';

const record = (name: string, id: string, change: Partial<NetworkRecord> = {}): NetworkRecord => ({
  schema: 1,
  id: id.repeat(64).slice(0, 64),
  name,
  createdAtMs: 1,
  bridge: `br-${name}`,
  pools: [{ subnet: '10.1.0.0/16', gateway: '10.1.0.1', reserved: {} }],
  ownPools: true,
  internal: false,
  attachable: false,
  ipv6: false,
  options: {},
  ipamOptions: {},
  labels: {},
  ...change,
});

t.test('what was saved is there again, and found by name and id', async t => {
  const root = t.testdir({ state: {} });
  const table = new NetworkTable(join(root, 'boot'), silentLog);
  await table.loadBoot();
  await table.save(record('volatile', 'ab'));
  await table.loadState(join(root, 'state'));
  await table.save(record('lasting', 'ac', { createdAtMs: 2 }));
  await table.save(record('bridge', '0', { id: predefinedId('bridge'), createdAtMs: 3 }));
  t.same(readdirSync(join(root, 'state/networks')).length, 1, 'the default one is of this boot');
  const again = new NetworkTable(join(root, 'boot'), silentLog);
  await again.loadBoot();
  await again.loadState(join(root, 'state'));
  t.same(
    again.all().map(({ name }) => name),
    ['volatile', 'lasting', 'bridge'],
  );
  t.equal(again.resolve('lasting').id, 'ac'.repeat(32));
  t.equal(again.resolve('ab').name, 'volatile', 'the start of an id');
  t.equal(again.resolve('ab'.repeat(32)).name, 'volatile');
  t.throws(() => again.resolve('a'), { code: 'NETWORK_AMBIGUOUS', message: /2 matches found/ });
  t.throws(() => again.resolve('nope'), { code: 'NETWORK_NOT_FOUND', message: 'network nope not found' });
  await again.delete('ac'.repeat(32));
  t.equal(again.find('lasting'), undefined);
  t.same(readdirSync(join(root, 'state/networks')), []);
});

t.test('a damaged record is left alone, a cut-off one is taken away', async t => {
  const root = t.testdir({ networks: {} });
  const folder = join(root, 'networks');
  const broken = `${'a'.repeat(64)}.json`;
  writeFileSync(join(folder, broken), '{"schema":1}');
  writeFileSync(join(folder, `${'b'.repeat(64)}.json.new`), '{');
  const table = new NetworkTable(join(root, 'boot'), silentLog);
  await table.loadState(root);
  t.same(table.all(), []);
  t.same(readdirSync(folder), [broken]);
  t.ok(existsSync(join(folder, broken)));
});
