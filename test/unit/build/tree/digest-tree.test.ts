import t from 'tap';
import { digestTree } from '../../../../src/build/tree/digest-tree.ts';
import { Tree } from '../../../../src/build/tree/tree.ts';

function make(change: (tree: Tree) => void = () => undefined): Tree {
  const tree = new Tree(1);
  tree.file('a/b', 'text', { xattrs: new Map([['user.x', Buffer.from([1, 128])]]) });
  tree.symlink('l', 'a/b');
  change(tree);
  return tree;
}

t.test('equal trees have equal digests, however they were made', async t => {
  const folder = t.testdir({ big: 'xxtextxx' });
  const other = new Tree(1);
  other.symlink('l', 'a/b');
  const content = { kind: 'slice', file: `${folder}/big`, offset: 2, size: 4 } as const;
  other.file('a/b', content, { xattrs: new Map([['user.x', Buffer.from([1, 128])]]) });
  t.equal(await digestTree(other), await digestTree(make()));
});

t.test('whatever a writer would see changes the digest', async t => {
  const digest = await digestTree(make());
  const changes: Record<string, (tree: Tree) => void> = {
    content: tree => tree.file('a/b', 'texT', { xattrs: new Map([['user.x', Buffer.from([1, 128])]]) }),
    mode: tree => tree.directory('a', { mode: 0o700 }),
    owner: tree => tree.symlink('l', 'a/b', { uid: 5 }),
    attribute: tree => tree.file('a/b', 'text', { xattrs: new Map([['user.x', Buffer.from([1, 129])]]) }),
    name: tree => tree.directory('c'),
    target: tree => tree.symlink('l', 'a/c'),
  };
  for (const [what, change] of Object.entries(changes)) t.not(await digestTree(make(change)), digest, what);
});
