import type { Entry } from '../../shared/archive/entry.ts';
import { OPAQUE_XATTR, isWhiteout } from '../../shared/oci/layer.ts';
import { Tree } from '../tree/tree.ts';

type Inode = Exclude<Entry, { kind: 'hardlink' }>;

interface Node {
  inode: Inode;
  children: Map<string, Node>;
}

/**
 * The tree that a container of these layers would see (lowest first), hard links included.
 * @param layers entries as `readLayer` gives them
 * @param epoch seconds since 1970, for a root that no layer has
 */
export function mergeLayers(layers: readonly { readonly entries: readonly Entry[] }[], epoch: number): Tree {
  const tree = new Tree(epoch);
  const folder = { kind: 'directory', path: '', mode: 0o755, uid: 0, gid: 0, mtime: epoch } as const;
  const root: Node = { inode: folder, children: new Map() };
  for (const layer of layers) applyLayer(root, layer.entries);
  const owners = new Map<Inode, string>();
  const put = (node: Node, path: string): void => {
    const owner = owners.get(node.inode);
    const { mode, uid, gid, mtime, xattrs } = node.inode;
    const attributes = { mode, uid, gid, mtime, ...(xattrs ? { xattrs } : {}) };
    if (owner === undefined) tree.put({ ...node.inode, path });
    else tree.put({ kind: 'hardlink', path, ...attributes, target: owner });
    if (node.inode.kind === 'file') owners.set(node.inode, path);
    for (const name of [...node.children.keys()].sort(compareBytes)) {
      const child = node.children.get(name);
      if (child) put(child, path === '' ? name : `${path}/${name}`);
    }
  };
  put(root, '');
  return tree;
}

function applyLayer(root: Node, entries: readonly Entry[]): void {
  const inodes = new Map<string, Inode>();
  for (const entry of entries) {
    const inode = entry.kind === 'hardlink' ? inodes.get(entry.target) : entry;
    if (inode === undefined) continue;
    inodes.set(entry.path, inode);
    if (entry.path === '') {
      setFolder(root, inode);
      continue;
    }
    const names = entry.path.split('/');
    const name = names.pop() ?? '';
    const parent = names.reduce<Node | undefined>((node, part) => node?.children.get(part), root);
    if (parent === undefined) continue;
    const old = parent.children.get(name);
    if (isWhiteout(entry)) parent.children.delete(name);
    else if (inode.kind === 'directory' && old?.inode.kind === 'directory') setFolder(old, inode);
    else parent.children.set(name, { inode: withoutOpaque(inode), children: new Map() });
  }
}

function setFolder(node: Node, inode: Inode): void {
  if (inode.xattrs?.has(OPAQUE_XATTR)) node.children = new Map();
  node.inode = withoutOpaque(inode);
}

function withoutOpaque(inode: Inode): Inode {
  if (!inode.xattrs?.has(OPAQUE_XATTR)) return inode;
  const { xattrs, ...rest } = inode;
  const others = new Map([...xattrs].filter(([name]) => name !== OPAQUE_XATTR));
  return others.size === 0 ? rest : { ...rest, xattrs: others };
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
