import type { Tree } from '../../tree/tree.ts';

/** Names that scripts register as alternatives, with the programs that may stand for them, best first. */
const ALTERNATIVES: Readonly<Record<string, readonly string[]>> = {
  'usr/bin/awk': ['usr/bin/gawk', 'usr/bin/mawk', 'usr/bin/original-awk'],
  'usr/bin/editor': ['bin/nano', 'usr/bin/vim.basic', 'usr/bin/vim.tiny'],
  'usr/bin/nc': ['bin/nc.openbsd', 'bin/nc.traditional'],
  'usr/bin/pager': ['usr/bin/less', 'bin/more'],
  'usr/bin/vi': ['usr/bin/vim.basic', 'usr/bin/vim.tiny', 'bin/nano'],
  'usr/bin/vim': ['usr/bin/vim.basic'],
  'usr/sbin/arptables': ['usr/sbin/arptables-nft', 'usr/sbin/arptables-legacy'],
  'usr/sbin/ebtables': ['usr/sbin/ebtables-nft', 'usr/sbin/ebtables-legacy'],
  'usr/sbin/ip6tables': ['usr/sbin/ip6tables-nft', 'usr/sbin/ip6tables-legacy'],
  'usr/sbin/iptables': ['usr/sbin/iptables-nft', 'usr/sbin/iptables-legacy'],
};

/** Links the usual names to the programs that are in the tree, as `update-alternatives` does by priority. */
export function putAlternatives(tree: Tree): void {
  for (const [name, programs] of Object.entries(ALTERNATIVES)) {
    if (tree.has(name)) continue;
    const program = programs.find(path => tree.lookup(path) !== undefined);
    if (program) tree.symlink(name, `/${program}`);
  }
}
