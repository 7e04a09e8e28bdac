import t from 'tap';
import { Tree, comparePaths } from '../../../../src/build/tree/tree.ts';

const paths = (tree: Tree): string[] => tree.entries().map(entry => entry.path);

t.test('parents are made, in order, before what they hold', async t => {
  const tree = new Tree(7);
  tree.file('a-b', '');
  tree.file('a/x/y', 'text');
  t.same(paths(tree), ['', 'a', 'a/x', 'a/x/y', 'a-b']);
  t.match(tree.get('a/x'), { kind: 'directory', mode: 0o755, mtime: 7 });
});

t.test('a path through a link lands inside the tree', async t => {
  const tree = new Tree(0);
  tree.directory('usr/lib');
  tree.symlink('lib', 'usr/lib');
  tree.symlink('evil', '/../../../etc');
  tree.file('lib/x.so', '');
  tree.file('evil/passwd', '');
  t.ok(tree.has('usr/lib/x.so'));
  t.ok(tree.has('etc/passwd'));
  t.equal(tree.resolve('lib/../lib/x.so'), 'usr/lib/x.so');
});

t.test('a folder does not replace a link to a folder', async t => {
  const tree = new Tree(0);
  tree.directory('usr/bin');
  tree.symlink('bin', 'usr/bin');
  tree.directory('bin');
  t.equal(tree.get('bin')?.kind, 'symlink');
});

t.test('a link loop is refused by name', async t => {
  const tree = new Tree(0);
  tree.symlink('a', 'b');
  tree.symlink('b', 'a');
  t.throws(() => tree.resolve('a/x'), { code: 'TREE_LINK_LOOP' });
});

t.test('a file over a folder takes what was in it away', async t => {
  const tree = new Tree(0);
  tree.file('a/b', '');
  tree.file('a', '');
  t.same(paths(tree), ['', 'a']);
});

t.test('removing a folder leaves names that only begin alike', async t => {
  const tree = new Tree(0);
  tree.file('a/b', '');
  tree.file('ab', '');
  tree.remove('a');
  tree.remove('nothing');
  t.same(paths(tree), ['', 'ab']);
});

t.test('grafting keeps hard links inside what was put', async t => {
  const inner = new Tree(0);
  inner.file('x', 'text');
  inner.put({ kind: 'hardlink', path: 'y', target: 'x', mode: 0o644, uid: 0, gid: 0, mtime: 0 });
  const outer = new Tree(0);
  outer.graft(inner, 'layers/one');
  t.match(outer.get('layers/one/y'), { kind: 'hardlink', target: 'layers/one/x' });
  t.match(outer.lookup('layers/one/y'), { kind: 'file' });
});

t.test('names compare by bytes, not by locale', async t => {
  t.same(['é', 'z', 'Z', 'a/b', 'a'].sort(comparePaths), ['Z', 'a', 'a/b', 'z', 'é']);
});
