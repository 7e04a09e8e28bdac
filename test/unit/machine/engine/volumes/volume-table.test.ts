import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { VolumeTable } from '../../../../../src/machine/engine/volumes/volume-table.ts';
import type { VolumeRecord } from '../../../../../src/machine/engine/volumes/volume-record.ts';
import { createLog } from '../../../../../src/machine/log.ts';
import { makeDeepFolder } from '../../../../support/deep-folder.ts';
import { watchSyncs } from '../../../../support/watch-syncs.ts';

const REMOVE_TREE = join(import.meta.dirname, '../../../../../src/machine/host/remove-tree.ts');
const record = (name: string): VolumeRecord => ({
  ...{ schema: 1, name, createdAtMs: 5, anonymous: false, labels: {}, options: {}, pending: false },
});
const said: string[] = [];
const log = createLog({ component: 'test', level: 'debug', write: line => said.push(line) });

t.test('a volume is kept, changed, found again and removed', async t => {
  const boot = join(t.testdir(), 'boot');
  const state = t.testdir({ boot: {}, state: {} }) + '/state';
  const table = new VolumeTable(boot, log);
  t.same(await table.loadBoot(), []);
  t.equal(table.hasState, false);
  t.match(await table.add(record('early'), 'state'), { durable: false, home: join(boot, 'early') });
  await table.loadState(state);
  t.match(await table.add(record('kept'), 'state'), { durable: true, home: join(state, 'volumes/kept') });
  t.match(await table.add(record('fleeting'), 'boot'), { durable: false });
  t.same(
    table.all().map(volume => volume.record.name),
    ['early', 'fleeting', 'kept'],
  );
  writeFileSync(join(table.get('kept').data, 'file'), 'x');
  await table.update('kept', { labels: { a: '1' } });
  const next = new VolumeTable(boot, log);
  t.equal((await next.loadBoot()).length, 2);
  t.equal((await next.loadState(state)).length, 1);
  t.match(next.get('kept').record, { labels: { a: '1' } });
  t.ok(existsSync(join(next.get('kept').data, 'file')));
  await next.delete('kept');
  t.throws(() => next.get('kept'), { message: 'get kept: no such volume', kind: 'not-found' });
  t.same(readdirSync(join(state, 'volumes')), []);
});

t.test('half-made and half-removed volumes are gone at the next start', async t => {
  const folder = t.testdir({
    volumes: {
      '.creating-a': { _data: {} },
      '.removing-b': { 'volume.json': '{}', _data: { deep: { file: 'x' } } },
      broken: { 'volume.json': 'no JSON', _data: {} },
      alien: { 'volume.json': JSON.stringify(record('other')), _data: {} },
    },
  });
  const table = new VolumeTable(join(folder, 'volumes'), log);
  said.length = 0;
  t.same(await table.loadBoot(), []);
  t.same(
    readdirSync(join(folder, 'volumes')).sort(),
    ['alien', 'broken'],
    'what cannot be read is left alone',
  );
  t.equal(said.length, 2, 'and named');
});

t.test('a removal that was cut short while folders were deep ends at the next start', async t => {
  const folder = t.testdir({ '.removing-b': { 'volume.json': '{}', _data: {} } });
  const away = join(folder, '.removing-b');
  makeDeepFolder(join(away, '_data/deep'), 1500);
  const remover = spawn(process.execPath, [
    ...['--input-type=module', '-e'],
    `import { removeTree } from ${JSON.stringify(REMOVE_TREE)}; await removeTree(${JSON.stringify(away)});`,
  ]);
  const watchers = [folder, away].map(each =>
    watch(each, (_, name) => name?.startsWith('.slipway-removed-') === true && remover.kill('SIGKILL')),
  );
  const [, signal] = (await once(remover, 'exit')) as [number | null, string | null];
  for (const watcher of watchers) watcher.close();
  t.equal(signal, 'SIGKILL');
  said.length = 0;
  t.same(await new VolumeTable(folder, log).loadBoot(), []);
  t.same(readdirSync(folder), []);
  t.same(said, []);
});

t.test('a volume that cannot be made leaves nothing', async t => {
  const folder = t.testdir();
  const table = new VolumeTable(folder, log);
  await table.loadBoot();
  mkdirSync(join(folder, 'taken/inside'), { recursive: true });
  await t.rejects(table.add(record('taken'), 'boot'));
  t.same(readdirSync(folder), ['taken']);
  t.equal(table.find('taken'), undefined);
});

t.test('holds are counted', t => {
  const table = new VolumeTable('/nowhere', log);
  table.hold('a');
  table.hold('a');
  table.release('a');
  t.equal(table.isHeld('a'), true);
  table.release('a');
  t.equal(table.isHeld('a'), false);
  t.end();
});

t.test('a published volume lasts', async t => {
  const root = t.testdir({ boot: {}, state: {} });
  const table = new VolumeTable(join(root, 'boot'), log);
  await table.loadBoot();
  await table.loadState(join(root, 'state'));
  const synced = watchSyncs(t);
  await table.add(record('kept'), 'state');
  const folder = join(root, 'state/volumes');
  t.same(synced.splice(0).at(-1), folder);
  await table.add(record('fleeting'), 'boot');
  t.same(synced, []);
  synced.failAt = folder;
  await t.rejects(table.add(record('lost'), 'state'), { message: 'no sync' });
  t.same(readdirSync(folder), ['kept']);
});
