/**
 * kmod's binary module indexes (`modules.dep.bin` and others), which libkmod, and so udev, reads instead
 * of the text files. Numbers are big-endian 32-bit:
 *
 * file  = magic, version 2.1, offset of the root node
 * node  = prefix (text ended by NUL, if flag PREFIX), children (first and last character, then an offset
 *         for each character between, 0 for none; if flag CHILDREN), values (count, then for each a
 *         priority and a text ended by NUL; if flag VALUES)
 *
 * The flags of a node stand in the highest bits of the offset that leads to it. A node comes before its
 * children, as `depmod` writes them.
 */
const MAGIC = 0xb007f457;
const VERSION = 0x0002_0001;
const PREFIX = 0x8000_0000;
const VALUES = 0x4000_0000;
const CHILDREN = 0x2000_0000;

interface Value {
  readonly text: string;
  readonly priority: number;
}

interface Node {
  prefix: string;
  readonly values: Value[];
  children: Map<number, Node>;
}

export interface IndexItem {
  readonly key: string;
  readonly value: string;
  /** Smaller comes first where one key, or several patterns that match, have more than one value. */
  readonly priority: number;
}

/** The bytes of an index. Keys and values are ASCII; the order of the items does not matter. */
export function formatIndex(items: readonly IndexItem[]): Uint8Array {
  const root: Node = { prefix: '', values: [], children: new Map() };
  for (const item of items) insert(root, item);
  const parts: Uint8Array[] = [];
  let size = 0;
  const add = (part: Uint8Array): void => {
    parts.push(part);
    size += part.length;
  };
  const write = (node: Node): number => {
    const start = size;
    let flags = 0;
    if (node.prefix !== '') {
      flags |= PREFIX;
      add(Buffer.from(`${node.prefix}\0`, 'latin1'));
    }
    const children = [...node.children].sort(([a], [b]) => a - b);
    const first = children[0]?.[0] ?? 0;
    const last = children.at(-1)?.[0] ?? 0;
    const table = Buffer.alloc(children.length > 0 ? 2 + 4 * (last - first + 1) : 0);
    if (children.length > 0) {
      flags |= CHILDREN;
      table[0] = first;
      table[1] = last;
      add(table);
    }
    if (node.values.length > 0) {
      flags |= VALUES;
      add(uint32(node.values.length));
      for (const value of node.values) {
        add(uint32(value.priority));
        add(Buffer.from(`${value.text}\0`, 'latin1'));
      }
    }
    for (const [character, child] of children) {
      table.writeUInt32BE(write(child), 2 + 4 * (character - first));
    }
    return (start | flags) >>> 0;
  };
  const header = Buffer.alloc(12);
  add(header);
  header.writeUInt32BE(MAGIC, 0);
  header.writeUInt32BE(VERSION, 4);
  header.writeUInt32BE(write(root), 8);
  return Buffer.concat(parts, size);
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function insert(root: Node, item: IndexItem): void {
  let node = root;
  let key = item.key;
  for (;;) {
    let common = 0;
    while (common < node.prefix.length && node.prefix[common] === key[common]) common++;
    if (common < node.prefix.length) split(node, common);
    key = key.slice(common);
    if (key === '') break;
    const character = key.charCodeAt(0);
    const child = node.children.get(character);
    if (!child) {
      node.children.set(character, { prefix: key.slice(1), values: [toValue(item)], children: new Map() });
      return;
    }
    node = child;
    key = key.slice(1);
  }
  const at = node.values.findIndex(value => value.priority > item.priority);
  node.values.splice(at < 0 ? node.values.length : at, 0, toValue(item));
}

/** Makes a node's prefix end after `common` characters, the rest moving into a child. */
function split(node: Node, common: number): void {
  const rest: Node = {
    prefix: node.prefix.slice(common + 1),
    values: [...node.values],
    children: node.children,
  };
  node.children = new Map([[node.prefix.charCodeAt(common), rest]]);
  node.values.length = 0;
  node.prefix = node.prefix.slice(0, common);
}

function toValue(item: IndexItem): Value {
  return { text: item.value, priority: item.priority };
}
