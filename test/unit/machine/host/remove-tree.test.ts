import { existsSync, readdirSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { removeTree } from '../../../../src/machine/host/remove-tree.ts';
import { makeDeepFolder } from '../../../support/deep-folder.ts';

/** The most file descriptors that this process had at a time while something was done. */
async function countDescriptors(work: () => Promise<void>): Promise<number> {
  let most = 0;
  const timer = setInterval(() => (most = Math.max(most, readdirSync('/proc/self/fd').length)), 1);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return most;
}

t.test('however deep a tree is, few of its folders are open at a time', async t => {
  const tree = join(t.testdir(), 'tree');
  makeDeepFolder(tree, 2500);
  const most = await countDescriptors(() => removeTree(tree));
  t.notOk(existsSync(tree));
  t.ok(most > 0 && most < 300, `${most} descriptors`);
});

t.test('wide and deep at once', async t => {
  const tree = join(t.testdir({ tree: {} }), 'tree');
  for (let index = 0; index < 8; index += 1) makeDeepFolder(join(tree, `branch${index}`), 150);
  await removeTree(tree);
  t.notOk(existsSync(tree));
});

t.test('nothing of it is ever beside it, where a crash would leave it', async t => {
  const folder = t.testdir();
  const tree = join(folder, 'tree');
  makeDeepFolder(tree, 500);
  const seen = new Set<string | null>();
  const watcher = watch(folder, (_, name) => seen.add(name));
  const ended = new Promise<void>(resolve => {
    watcher.on('change', (_, name) => name === 'end' && resolve());
  });
  await removeTree(tree);
  writeFileSync(join(folder, 'end'), '');
  await ended;
  watcher.close();
  t.same([...seen].sort(), ['end', 'tree']);
});
