import { appendFileSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { LogKeeper } from '../../../../../src/machine/engine/logs/log-keeper.ts';
import { createLog } from '../../../../../src/machine/log.ts';

t.test('a folder that cannot be watched is looked at by the timer', async t => {
  const root = t.testdir({ place: 'a file, so a watch below it fails with ENOTDIR' });
  const lines: string[] = [];
  const keeper = new LogKeeper(
    1024 * 1024,
    createLog({ component: 'test', write: line => lines.push(line) }),
  );
  t.teardown(() => keeper.releaseAll());
  const folder = join(root, 'place/logs');
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  await keeper.keep('a', { folder, bundle: root, onState: true });
  t.equal(lines.filter(line => line.includes('cannot be watched')).length, 1);

  rmSync(join(root, 'place'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'current'), 'a line\n');
  mock.timers.tick(1000);
  while (!readdirSync(folder).includes('000001')) await turn();
  t.pass('the file has its number');
});

t.test("a container's own limits, within the engine's", async t => {
  const files = { '000001': 'x'.repeat(500), '000002': 'x'.repeat(500), current: 'x'.repeat(300) };
  const root = t.testdir({ own: { ...files }, ample: { ...files }, state: { ...files } });
  const keeper = new LogKeeper(128 * 1024, createLog({ component: 'test', write: () => undefined }));
  t.teardown(() => keeper.releaseAll());
  const limits = { maxFileBytes: 400, maxTotalBytes: 900 };
  await keeper.keep('own', { folder: join(root, 'own'), bundle: root, onState: false, limits });
  t.same(readdirSync(join(root, 'own')), ['000002', '000003', 'current']);
  await keeper.keep('state', { folder: join(root, 'state'), bundle: root, onState: true, limits });
  t.same(readdirSync(join(root, 'state')), ['000002', '000003', 'current']);
  const ample = { maxFileBytes: 1e9, maxTotalBytes: 1e9 };
  writeFileSync(join(root, 'ample/000002'), 'x'.repeat(200 * 1024));
  await keeper.keep('ample', { folder: join(root, 'ample'), bundle: root, onState: false, limits: ample });
  t.same(readdirSync(join(root, 'ample')), ['000002', '000003', 'current'], "memory is not the container's");
});

t.test('a log is trimmed once more when its container has ended', async t => {
  const root = t.testdir({ logs: { current: 'x' } });
  const keeper = new LogKeeper(128 * 1024, createLog({ component: 'test', write: () => undefined }));
  const limits = { maxFileBytes: 100, maxTotalBytes: 100 };
  const folder = join(root, 'logs');
  await keeper.keep('a', { folder, bundle: root, onState: true, limits });
  renameSync(join(folder, 'current'), join(folder, 'old'));
  rmSync(join(folder, 'old'));
  writeFileSync(join(folder, '000001'), 'x'.repeat(200));
  writeFileSync(join(folder, 'current'), 'x'.repeat(50));
  keeper.release('a');
  while (readdirSync(folder).includes('000001')) await turn();
  t.same(readdirSync(folder), ['000002', 'current']);
});

t.test('what is written between a look and the watch is found', async t => {
  const root = t.testdir({ logs: { current: 'x' } });
  const keeper = new LogKeeper(128 * 1024, createLog({ component: 'test', write: () => undefined }));
  t.teardown(() => keeper.releaseAll());
  const folder = join(root, 'logs');
  const kept = keeper.keep('a', { folder, bundle: root, onState: true });
  // Its first look is asynchronous; the watch begins behind it.
  appendFileSync(join(folder, 'current'), 'more');
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  await kept;
  rmSync(join(folder, '000001'));
  mock.timers.tick(1000);
  while (!readdirSync(folder).includes('000001')) await turn();
  t.pass('it was looked at again');
});

t.test('logs in memory of what has ended go when they are too much', async t => {
  const log = (kib: number) => ({ '000001': 'x'.repeat(kib * 1024), current: 'x' });
  const root = t.testdir({ a: log(20), b: log(20), c: log(20), d: log(20), e: log(100) });
  const keeper = new LogKeeper(256 * 1024, createLog({ component: 'test', write: () => undefined }));
  t.teardown(() => keeper.releaseAll());
  const there = () => ['a', 'b', 'c', 'd', 'e'].filter(name => readdirSync(join(root, name)).length > 0);
  for (const name of ['a', 'b', 'c']) keeper.noteEnded(name, join(root, name));
  t.same(there(), ['a', 'b', 'c', 'd', 'e'], 'there is room for three in a quarter of the budget');
  keeper.noteEnded('d', join(root, 'd'));
  t.same(there(), ['b', 'c', 'd', 'e']);
  keeper.forget('b');
  keeper.noteEnded('e', join(root, 'e'));
  t.same(
    there(),
    ['b', 'e'],
    'what is removed is not its business; the last one stays even when it is too much',
  );
});
