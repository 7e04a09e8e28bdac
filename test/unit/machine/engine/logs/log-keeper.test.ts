import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
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
