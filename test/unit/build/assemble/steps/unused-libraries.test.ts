import t from 'tap';
import { removeUnusedLibraries } from '../../../../../src/build/assemble/steps/unused-libraries.ts';
import { Tree } from '../../../../../src/build/tree/tree.ts';
import { makeElf } from '../fixtures.ts';

const LIB = 'usr/lib/x86_64-linux-gnu';

t.test('a library of the list goes when nobody needs it, and others stay in any case', async t => {
  const tree = new Tree(0);
  tree.file(`${LIB}/libssl.so.3`, makeElf());
  tree.file(`${LIB}/libmvec.so.1.0`, makeElf());
  tree.symlink(`${LIB}/libmvec.so.1`, 'libmvec.so.1.0');
  tree.file(`${LIB}/libother.so.1`, makeElf());
  tree.file('usr/bin/tool', makeElf({ needed: ['libssl.so.3'] }), { mode: 0o755 });
  removeUnusedLibraries(tree, 'x86_64-linux-gnu');
  t.same(
    tree.below(LIB).map(entry => entry.path.slice(LIB.length + 1)),
    ['libother.so.1', 'libssl.so.3'],
  );
  tree.remove('usr/bin/tool');
  removeUnusedLibraries(tree, 'x86_64-linux-gnu');
  t.notOk(tree.has(`${LIB}/libssl.so.3`));
});

t.test('a script, a text and a library that is needed by a plugin', async t => {
  const tree = new Tree(0);
  tree.file(`${LIB}/libssl.so.3`, makeElf());
  tree.file('usr/bin/script', '#!/bin/sh\n', { mode: 0o755 });
  tree.file('usr/libexec/plugin.so', makeElf({ needed: ['libssl.so.3'] }));
  removeUnusedLibraries(tree, 'x86_64-linux-gnu');
  t.ok(tree.has(`${LIB}/libssl.so.3`));
});
