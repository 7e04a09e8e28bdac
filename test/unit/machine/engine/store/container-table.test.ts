import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ContainerTable } from '../../../../../src/machine/engine/store/container-table.ts';
import type { ContainerRecord } from '../../../../../src/machine/engine/store/container-record.ts';
import { enginePaths } from '../../../../../src/machine/engine/store/engine-paths.ts';
import { createLog, silentLog } from '../../../../../src/machine/log.ts';
import { watchSyncs } from '../../../../support/watch-syncs.ts';

const record = (name: string, id: string, change: Partial<ContainerRecord> = {}): ContainerRecord => ({
  schema: 1,
  id: id.repeat(64).slice(0, 64),
  name,
  createdAtMs: 1,
  scope: 'boot',
  bootId: 'boot',
  imageId: 'sha256:x',
  request: { Image: 'x' },
  state: { status: 'created', exitCode: 0 },
  restartCount: 0,
  streak: 0,
  stopRequested: false,
  starting: false,
  ...change,
});

t.test('what was acknowledged is there again', async t => {
  const root = t.testdir({});
  const table = new ContainerTable(enginePaths(root), silentLog);
  await table.loadBoot();
  for (const one of [record('second', 'b', { createdAtMs: 2 }), record('first', 'a')]) {
    table.reserve(one.name, one.id);
    await table.add(one);
  }
  await table.update('a'.repeat(64), { restartCount: 5 });
  const again = new ContainerTable(enginePaths(root), silentLog);
  t.same(
    (await again.loadBoot()).map(({ name }) => name),
    ['first', 'second'],
  );
  t.equal(again.resolve('first').restartCount, 5);
  await again.delete('a'.repeat(64));
  t.same(readdirSync(join(root, 'containers')), ['b'.repeat(64)]);
});

t.test('what could not be read again is not written', async t => {
  const root = t.testdir({});
  const lines: string[] = [];
  const log = createLog({ component: 'test', write: line => void lines.push(line), level: 'error' });
  const table = new ContainerTable(enginePaths(root), log);
  await table.loadBoot();
  const request = (megabytes: number) => ({ Image: 'x', Env: [`X=${'x'.repeat(megabytes * 1024 * 1024)}`] });
  table.reserve('large', 'c'.repeat(64));
  await t.rejects(table.add(record('large', 'c', { request: request(4) })), {
    code: 'RECORD_TOO_LARGE',
    kind: 'invalid-input',
  });
  t.same(readdirSync(join(root, 'containers')), [], 'and nothing is left');
  table.reserve('small', 'a'.repeat(64));
  await table.add(record('small', 'a', { request: request(3) }));
  await t.rejects(table.update('a'.repeat(64), { request: request(4) }), { code: 'RECORD_TOO_LARGE' });
  t.equal(table.get('a'.repeat(64)).request.Env?.[0]?.length, 3 * 1024 * 1024 + 2);
  t.equal(await table.note('a'.repeat(64), { request: request(4) }), false, 'what has happened is shown');
  t.match(lines, [/larger than 4 MiB/]);
  const again = new ContainerTable(enginePaths(root), log);
  t.equal((await again.loadBoot()).length, 1);
});

t.test('names, ids and beginnings of ids', async t => {
  const table = new ContainerTable(enginePaths(t.testdir({})), silentLog);
  await table.loadBoot();
  for (const one of [record('one', 'ab'), record('two', 'ac')]) {
    table.reserve(one.name, one.id);
    await table.add(one);
  }
  t.equal(table.resolve('/one').name, 'one');
  t.equal(table.resolve('aba').name, 'one');
  t.throws(() => table.resolve('a'), {
    message: 'multiple IDs found with provided prefix: a',
    kind: 'conflict',
  });
  t.throws(() => table.resolve('nope'), { message: 'No such container: nope', kind: 'not-found' });
  t.throws(() => table.resolve(''), { code: 'ENGINE_INVALID_PARAMETER' });
  t.throws(() => table.reserve('one', 'x'), {
    message: /^Conflict\. The container name "\/one" is already in use by container "(ab)+"/,
  });
});

t.test('half-made and half-removed ones are cleared away, unreadable ones are left alone', async t => {
  const root = t.testdir({
    containers: { '.creating-x': { 'record.json': '{' }, '.removing-y': {}, broken: { 'record.json': '{' } },
  });
  const bundleOnly = join(root, 'containers', 'c'.repeat(64));
  mkdirSync(bundleOnly);
  const table = new ContainerTable(enginePaths(root), silentLog);
  t.same(await table.loadBoot(), []);
  t.same(readdirSync(join(root, 'containers')).sort(), ['broken', 'c'.repeat(64)].sort());
});

t.test('state-scoped ones lie in RAM until there is state, and stay where they are', async t => {
  const run = t.testdir({ run: {}, state: {} });
  const table = new ContainerTable(enginePaths(join(run, 'run')), silentLog);
  await table.loadBoot();
  await table.add(record('early', 'a', { scope: 'state' }));
  await table.loadState(join(run, 'state'));
  await table.add(record('late', 'b', { scope: 'state' }));
  t.ok(existsSync(join(run, 'run/containers', 'a'.repeat(64), 'record.json')));
  t.ok(existsSync(join(run, 'state/containers', 'b'.repeat(64), 'record.json')));
  await table.update('b'.repeat(64), { restartCount: 1 });
  t.match(
    readFileSync(join(run, 'state/containers', 'b'.repeat(64), 'record.json'), 'utf8'),
    '"restartCount":1',
  );
});

t.test('waiting for a change', async t => {
  const table = new ContainerTable(enginePaths(t.testdir({})), silentLog);
  await table.loadBoot();
  await table.add(record('one', 'a'));
  const id = 'a'.repeat(64);
  const seen = table.waitFor(id, now => (now?.restartCount === 2 ? 'two' : undefined));
  const gone = table.waitFor(id, now => (now === undefined ? 'gone' : undefined));
  const stop = new AbortController();
  const never = table.waitFor(id, () => undefined, stop.signal);
  await table.update(id, { restartCount: 1 });
  await table.update(id, { restartCount: 2 });
  t.equal(await seen, 'two');
  stop.abort(new Error('enough'));
  await t.rejects(never, { message: 'enough' });
  await table.delete(id);
  t.equal(await gone, 'gone');
});

t.test('a record of another schema is no container', async t => {
  const root = t.testdir({});
  const folder = join(root, 'containers', 'd'.repeat(64));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'record.json'), JSON.stringify({ ...record('new', 'd'), schema: 2 }));
  t.same(await new ContainerTable(enginePaths(root), silentLog).loadBoot(), []);
});

t.test('records that make no sense are named, and keep nobody from starting', async t => {
  const root = t.testdir({});
  const whole = record('whole', 'a', { mounts: [] });
  const life = { startedAtMs: 1, finishedAtMs: 2, exitCode: 0, oomKilled: false };
  const wrong: readonly unknown[] = [
    null,
    [],
    'text',
    7,
    {},
    { ...whole, id: 'b'.repeat(64) },
    { ...whole, id: 5 },
    { ...whole, name: null },
    { ...whole, createdAtMs: 'yesterday' },
    { ...whole, scope: 'moon' },
    { ...whole, request: null },
    { ...whole, request: { Image: 'x', HostConfig: 'none' } },
    { ...whole, request: { Image: 'x', Labels: [] } },
    { ...whole, mounts: 'all' },
    { ...whole, mounts: [null] },
    { ...whole, sandbox: {}, endpoints: 1 },
    { ...whole, state: undefined },
    { ...whole, state: { status: 'asleep' } },
    { ...whole, state: { status: 'running', startedAtMs: 1 } },
    { ...whole, state: { status: 'running', startedAtMs: 1, process: {}, monitor: {} } },
    { ...whole, state: { status: 'restarting', ...life } },
    { ...whole, state: { status: 'exited', ...life, startedAtMs: null } },
  ];
  const folder = join(root, 'containers', whole.id);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'record.json');
  const load = async (): Promise<{ found: number; said: string }> => {
    let said = '';
    const log = createLog({ component: 'test', level: 'error', write: line => (said += line) });
    return { found: (await new ContainerTable(enginePaths(root), log).loadBoot()).length, said };
  };
  for (const value of wrong) {
    writeFileSync(file, JSON.stringify(value));
    t.match(await load(), { found: 0, said: whole.id }, JSON.stringify(value));
    t.ok(existsSync(file), 'somebody may still repair it');
  }
  for (const text of ['', '{', '\0\0\0\0', '"'.repeat(5_000_000)]) {
    writeFileSync(file, text);
    t.match(await load(), { found: 0, said: whole.id }, text.slice(0, 9));
  }
  for (const state of [
    { status: 'created', exitCode: 0 },
    { status: 'exited', ...life },
    { status: 'restarting', ...life, retryAtMs: 5 },
  ]) {
    writeFileSync(file, JSON.stringify({ ...whole, state }));
    t.match(await load(), { found: 1, said: '' }, state.status);
  }
  writeFileSync(`${file}.new`, '{');
  await load();
  t.same(readdirSync(folder), ['record.json'], 'a write that was cut off is gone');
});

t.test('a disk that cannot be written hides nothing that has happened', async t => {
  const root = t.testdir({});
  const paths = enginePaths(root);
  let isTold = 0;
  const table = new ContainerTable(paths, silentLog, undefined, () => (isTold += 1));
  await table.loadBoot();
  const one = record('one', 'a');
  await table.add(one);
  // What would be written first stands in the way, as a full disk would.
  const blocked = `${table.paths(one.id).record}.new`;
  const full = (): never => {
    throw Object.assign(new Error('ENOSPC: no space left on device'), {
      code: 'ENOSPC',
      errno: -28,
      syscall: 'write',
    });
  };
  const failing = new ContainerTable(
    paths,
    silentLog,
    step => (step === 'record: change' ? full() : undefined),
    () => (isTold += 1),
  );
  await failing.loadBoot();
  await t.rejects(failing.update(one.id, { restartCount: 1 }), { code: 'ENOSPC' });
  t.equal(failing.get(one.id).restartCount, 0);
  t.equal(isTold, 0);
  const seen = failing.waitFor(one.id, now => (now?.restartCount === 2 ? true : undefined));
  t.equal(await failing.note(one.id, { restartCount: 2 }), false);
  t.equal(await seen, true, 'whoever waits is told');
  t.same([...failing.unwritten], [one.id]);
  t.equal(isTold, 1);
  t.notOk(existsSync(blocked));
  t.equal(await table.note(one.id, { restartCount: 3 }), true);
  t.equal(table.unwritten.size, 0);
});

t.test('a record of the state partition does not take over a name in use', async t => {
  const root = t.testdir({ run: {}, state: {} });
  const earlier = new ContainerTable(enginePaths(join(root, 'earlier')), silentLog);
  await earlier.loadBoot();
  await earlier.loadState(join(root, 'state'));
  await earlier.add(record('same', 'b', { scope: 'state' }));

  const table = new ContainerTable(enginePaths(join(root, 'run')), silentLog);
  await table.loadBoot();
  const holder = record('same', 'a');
  table.reserve('same', holder.id);
  await table.add(holder);
  await table.loadState(join(root, 'state'));
  t.equal(table.resolve('same').id, holder.id);
  t.equal(table.resolve('bbbb').name, 'same');
  await table.delete('b'.repeat(64));
  t.equal(table.resolve('same').id, holder.id);
});

t.test('who waits for a removal is told even if files cannot be deleted', async t => {
  const root = t.testdir({ run: {}, state: {} });
  const table = new ContainerTable(enginePaths(join(root, 'run')), silentLog);
  await table.loadBoot();
  await table.loadState(join(root, 'state'));
  const one = record('one', 'a', { scope: 'state' });
  await table.add(one);
  // The folder of its bundle cannot be looked up: what should hold it is a file.
  rmSync(join(root, 'run/containers'), { recursive: true });
  writeFileSync(join(root, 'run/containers'), '');
  const gone = table.waitFor(one.id, record => (record === undefined ? true : undefined));
  await table.delete(one.id);
  t.equal(await gone, true);
});

t.test('the bundle of a container whose removal was cut off goes with it', async t => {
  const root = t.testdir({ run: {}, state: {} });
  const paths = enginePaths(join(root, 'run'));
  const bundles = join(root, 'run/containers');
  const cut = new ContainerTable(paths, silentLog, step => {
    if (step === 'record: delete') throw new Error('killed');
  });
  await cut.loadBoot();
  await cut.loadState(join(root, 'state'));
  for (const id of ['a', 'b']) {
    const one = record(id, id, { scope: 'state' });
    await cut.add(one);
    mkdirSync(cut.paths(one.id).bundle, { recursive: true });
  }
  await t.rejects(cut.delete('a'.repeat(64)), { message: 'killed' });
  const unreadable = 'c'.repeat(64);
  mkdirSync(join(root, 'state/containers', unreadable));
  mkdirSync(join(bundles, unreadable));
  mkdirSync(join(bundles, 'another'));

  const next = new ContainerTable(paths, silentLog);
  await next.loadBoot();
  t.ok(existsSync(join(bundles, 'a'.repeat(64))), 'before there is state nobody knows');
  await next.loadState(join(root, 'state'));
  t.same(readdirSync(bundles).sort(), ['another', 'b'.repeat(64), unreadable].sort());
  t.same(readdirSync(join(root, 'state/containers')).sort(), ['b'.repeat(64), unreadable]);
});

t.test('what is published lasts, and what cannot be made to last is not there', async t => {
  const root = t.testdir({ run: {}, state: {} });
  const table = new ContainerTable(enginePaths(join(root, 'run')), silentLog);
  await table.loadBoot();
  await table.loadState(join(root, 'state'));
  const synced = watchSyncs(t);
  await table.add(record('one', 'a', { scope: 'state' }));
  const folder = join(root, 'state/containers');
  t.same(synced.splice(0).at(-1), folder);
  await table.add(record('fleeting', 'b'));
  t.same(synced, [], 'memory needs none');
  synced.failAt = folder;
  await t.rejects(table.add(record('lost', 'c', { scope: 'state' })), { message: 'no sync' });
  t.same(readdirSync(folder), ['a'.repeat(64)]);
});
