import t from 'tap';
import { type IndexItem, formatIndex } from '../../../../../src/build/assemble/kernel/index-trie.ts';

/** Reads an index back as kmod does: down the trie from the root's offset. */
function readIndex(bytes: Uint8Array): IndexItem[] {
  const buffer = Buffer.from(bytes);
  const items: IndexItem[] = [];
  const text = (at: number): [string, number] => {
    const end = buffer.indexOf(0, at);
    return [buffer.toString('latin1', at, end), end + 1];
  };
  const visit = (offset: number, prefix: string): void => {
    let at = offset & 0x0fff_ffff;
    let key = prefix;
    if (offset & 0x8000_0000) {
      const [part, next] = text(at);
      key += part;
      at = next;
    }
    const children: [number, number][] = [];
    if (offset & 0x2000_0000) {
      const first = buffer.readUInt8(at);
      const last = buffer.readUInt8(at + 1);
      at += 2;
      for (let character = first; character <= last; character++, at += 4) {
        if (buffer.readUInt32BE(at) !== 0) children.push([character, buffer.readUInt32BE(at)]);
      }
    }
    if (offset & 0x4000_0000) {
      const count = buffer.readUInt32BE(at);
      at += 4;
      for (let index = 0; index < count; index++) {
        const [value, next] = text(at + 4);
        items.push({ key, value, priority: buffer.readUInt32BE(at) });
        at = next;
      }
    }
    for (const [character, child] of children) visit(child, key + String.fromCharCode(character));
  };
  visit(buffer.readUInt32BE(8), '');
  return items;
}

const item = (key: string, value = key, priority = 0): IndexItem => ({ key, value, priority });

t.test('what goes in comes out, sorted by key', async t => {
  const items = ['ext4', 'ext2', 'e', 'exfat', 'loop', 'ext4_extra', ''].map(key => item(key));
  t.same(
    readIndex(formatIndex(items)).map(({ key }) => key),
    ['', 'e', 'exfat', 'ext2', 'ext4', 'ext4_extra', 'loop'],
  );
});

t.test('values of one key by priority', async t => {
  const items = [item('pci:*', 'b', 5), item('pci:*', 'a', 2), item('pci:*', 'c', 9)];
  t.same(readIndex(formatIndex(items)), [items[1], items[0], items[2]]);
});

t.test('the order of items does not show', async t => {
  const items = Array.from({ length: 200 }, (_, index) =>
    item(`alias:${(index * 7919) % 1000}`, `m${index}`, index),
  );
  t.same(formatIndex(items.toReversed()), formatIndex(items));
  t.equal(readIndex(formatIndex(items)).length, 200);
});

t.test("the bytes are kmod's", async t => {
  // Header, then the root (children a to b, no prefix), then each child: prefix, number of values, priority, value.
  const expected = [
    'b007f457 00020001 2000000c',
    '61 62 00000000 00000000',
    '78 00 00000001 00000003 31 00',
    '00000001 00000004 32 00',
  ]
    .join(' ')
    .replaceAll(' ', '');
  const bytes = Buffer.from(expected, 'hex');
  bytes.writeUInt32BE((0x8000_0000 | 0x4000_0000 | 22) >>> 0, 14);
  bytes.writeUInt32BE((0x4000_0000 | 34) >>> 0, 18);
  t.same(
    Buffer.from(formatIndex([item('ax', '1', 3), item('b', '2', 4)])).toString('hex'),
    bytes.toString('hex'),
  );
});

t.test('an empty index is a header and nothing', async t => {
  t.equal(Buffer.from(formatIndex([])).toString('hex'), 'b007f457000200010000000c');
});
