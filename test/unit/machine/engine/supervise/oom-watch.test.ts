import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { OomWatch } from '../../../../../src/machine/engine/supervise/oom-watch.ts';

t.test('it tells once, also of what has happened before, and not after its release', async t => {
  const folder = t.testdir({ one: {}, two: { oom: '' }, three: {} });
  const watch = new OomWatch();
  t.teardown(() => watch.releaseAll());
  const seen: string[] = [];
  watch.watch('two', join(folder, 'two'), () => seen.push('two'));
  t.same(seen, ['two']);
  watch.watch('three', join(folder, 'three'), () => seen.push('three'));
  watch.release('three');
  writeFileSync(join(folder, 'three/oom'), '');
  await new Promise<void>(resolve => {
    watch.watch('one', join(folder, 'one'), () => {
      seen.push('one');
      resolve();
    });
    writeFileSync(join(folder, 'one/exit'), '');
    writeFileSync(join(folder, 'one/oom'), '');
  });
  t.same(seen, ['two', 'one']);
  watch.watch('no folder', join(folder, 'none'), () => seen.push('none'));
  t.same(seen, ['two', 'one']);
});
