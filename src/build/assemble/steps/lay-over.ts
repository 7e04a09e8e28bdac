import type { Tree } from '../../tree/tree.ts';

/**
 * Puts a layer over a tree as overlayfs would show it: a character device 0/0 removes what stands at its
 * path, a folder marked opaque hides what was in it.
 */
export function layOver(tree: Tree, layer: Tree): void {
  for (const entry of layer.entries()) {
    if (entry.path === '') continue;
    if (entry.kind === 'char-device' && entry.major === 0 && entry.minor === 0) {
      tree.remove(entry.path);
      continue;
    }
    const isOpaque = Buffer.from(entry.xattrs?.get('trusted.overlay.opaque') ?? '').toString() === 'y';
    if (!isOpaque) {
      tree.put(entry);
      continue;
    }
    tree.remove(entry.path);
    const { xattrs, ...plain } = entry;
    const others = new Map([...(xattrs ?? [])].filter(([name]) => name !== 'trusted.overlay.opaque'));
    tree.put(others.size > 0 ? { ...plain, xattrs: others } : plain);
  }
}
