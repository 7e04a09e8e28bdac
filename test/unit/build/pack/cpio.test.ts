import { zstdDecompressSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { writeCpio } from '../../../../src/build/pack/cpio.ts';
import { packInitrd } from '../../../../src/build/pack/initrd.ts';
import { Tree } from '../../../../src/build/tree/tree.ts';

interface Member {
  readonly name: string;
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly mtime: number;
  readonly device: string;
  readonly data: string;
}

/** Reads "newc" as the kernel does: names by their length in bytes, then padded to 4. */
function readCpio(bytes: Buffer): Member[] {
  const members: Member[] = [];
  for (let at = 0; at < bytes.length;) {
    const magic = bytes.toString('latin1', at, at + 6);
    if (magic !== '070701') throw new Error(`no header at ${at}: ${JSON.stringify(magic)}`);
    const field = (index: number): number =>
      parseInt(bytes.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    const nameEnd = at + 110 + field(11);
    if (bytes[nameEnd - 1] !== 0) throw new Error(`the name at ${at + 110} does not end in NUL`);
    const name = bytes.toString('utf8', at + 110, nameEnd - 1);
    const start = Math.ceil(nameEnd / 4) * 4;
    if (name === 'TRAILER!!!') {
      if (bytes.subarray(start).some(byte => byte !== 0)) throw new Error('data behind the trailer');
      return members;
    }
    members.push({
      name,
      ...{ inode: field(0), mode: field(1), links: field(4), mtime: field(5) },
      device: `${field(9)}:${field(10)}`,
      data: bytes.toString('utf8', start, start + field(6)),
    });
    at = Math.ceil((start + field(6)) / 4) * 4;
  }
  throw new Error('no trailer');
}

async function pack(tree: Tree): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of writeCpio(tree)) pieces.push(piece);
  return Buffer.concat(pieces);
}

t.test('parents come before children, and the root is not a member', async t => {
  const tree = new Tree(7);
  tree.file('b/c/d', 'text');
  tree.symlink('a', 'b/c/d');
  const members = readCpio(await pack(tree));
  t.same(
    members.map(({ name }) => name),
    ['a', 'b', 'b/c', 'b/c/d'],
  );
  t.equal(members[0]?.data, 'b/c/d');
  t.equal(members[0]?.mode, 0o120777);
  t.equal(members[1]?.mode, 0o040755);
  t.equal(members[3]?.mode, 0o100644);
});

t.test('names outside ASCII keep their last letters', async t => {
  const tree = new Tree(0);
  tree.file('etc/ünï.txt', 'x');
  tree.file('etc/🚢', 'y');
  const members = readCpio(await pack(tree));
  t.match(
    members.map(({ name, data }) => ({ name, data })),
    [{ name: 'etc' }, { name: 'etc/ünï.txt', data: 'x' }, { name: 'etc/🚢', data: 'y' }],
  );
});

t.test('the time 0 stays 0', async t => {
  const tree = new Tree(0);
  tree.file('a', '');
  tree.directory('d');
  t.same(
    readCpio(await pack(tree)).map(({ mtime }) => mtime),
    [0, 0],
  );
});

t.test('hard links share an inode and the first carries the bytes, whichever name came first', async t => {
  const tree = new Tree(0);
  tree.file('m', 'shared');
  for (const path of ['a', 'z']) {
    tree.put({ kind: 'hardlink', path, target: 'm', mode: 0o644, uid: 0, gid: 0, mtime: 0 });
  }
  tree.file('single', 'x');
  const members = readCpio(await pack(tree));
  const linked = members.filter(({ name }) => name !== 'single');
  t.same(
    linked.map(({ name, data, links }) => [name, data, links]),
    [
      ['a', 'shared', 3],
      ['m', '', 3],
      ['z', '', 3],
    ],
  );
  t.equal(new Set(linked.map(({ inode }) => inode)).size, 1);
  t.equal(members.find(({ name }) => name === 'single')?.links, 1);
});

t.test('devices keep their numbers', async t => {
  const tree = new Tree(0);
  const common = { mode: 0o600, uid: 0, gid: 0, mtime: 0 };
  tree.put({ ...common, kind: 'char-device', path: 'console', major: 5, minor: 1 });
  tree.put({ ...common, kind: 'block-device', path: 'disk', major: 259, minor: 1000 });
  t.match(readCpio(await pack(tree)), [
    { name: 'console', mode: 0o020600, device: '5:1' },
    { name: 'disk', mode: 0o060600, device: '259:1000' },
  ]);
});

t.test('a large file from disk arrives whole', async t => {
  const folder = t.testdir({ big: 'x'.repeat(3_000_001) });
  const tree = new Tree(0);
  tree.file('big', { kind: 'slice', file: join(folder, 'big'), offset: 1, size: 3_000_000 });
  tree.file('c', 'after');
  const members = readCpio(await pack(tree));
  t.equal(members[0]?.data.length, 3_000_000);
  t.equal(members[1]?.data, 'after');
});

t.test('extended attributes are refused, not dropped', async t => {
  const tree = new Tree(0);
  tree.file('ping', 'x', { xattrs: new Map([['security.capability', Buffer.from([1])]]) });
  await t.rejects(pack(tree), { code: 'CPIO_UNSUPPORTED', message: /ping has extended attributes/ });
});

t.test('a missing source file ends the archive with its error', async t => {
  const tree = new Tree(0);
  tree.file('gone', { kind: 'slice', file: '/nonexistent/gone', offset: 0, size: 10_000_000 });
  await t.rejects(pack(tree), { code: 'CONTENT_MISSING' });
});

t.test('an initrd is its segments end to end, each at a multiple of four, the same every time', async t => {
  const folder = t.testdir({});
  const first = new Tree(1);
  first.file('init', 'program '.repeat(10_000));
  const second = new Tree(1);
  second.file('slipway/fs/core.sqfs', 'data');
  const segments = [
    { tree: first, compression: 'zstd' },
    { tree: second, compression: 'none' },
  ] as const;
  await packInitrd({ segments, output: join(folder, 'one') });
  await packInitrd({ segments, output: join(folder, 'two') });
  const bytes = readFileSync(join(folder, 'one'));
  t.ok(bytes.equals(readFileSync(join(folder, 'two'))));
  const plain = bytes.indexOf('070701');
  t.equal(plain % 4, 0);
  t.match(readCpio(bytes.subarray(plain)).at(-1), { name: 'slipway/fs/core.sqfs', data: 'data' });
  let end = plain;
  while (bytes[end - 1] === 0) end--;
  t.match(readCpio(zstdDecompressSync(bytes.subarray(0, end))), [{ name: 'init' }]);
});
