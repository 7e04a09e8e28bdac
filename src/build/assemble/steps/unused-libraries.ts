import { ContentReader } from '../../../shared/fs/content-reader.ts';
import type { Tree } from '../../tree/tree.ts';
import { isElf, neededLibraries, parseElf } from '../elf.ts';

/** Large libraries that come with packages others depend on, and that programs only link, never open by name. */
const ONLY_LINKED: readonly string[] = [
  'libanl.so.1',
  'libmvec.so.1',
  'libnsl.so.1',
  'libssl.so.3',
  'libtic.so.6',
];

/**
 * Removes libraries of a short list that no program or library of the tree needs. A library that is only
 * needed by another one of the list goes with it.
 */
export function removeUnusedLibraries(tree: Tree, multiarch: string): void {
  const folder = `usr/lib/${multiarch}`;
  const candidates = ONLY_LINKED.filter(name => tree.has(`${folder}/${name}`));
  if (candidates.length === 0) return;
  using reader = new ContentReader();
  const users = new Map<string, string[]>();
  for (const entry of tree.entries()) {
    if (entry.kind !== 'file' || !isProgram(entry.path, entry.mode)) continue;
    const bytes = reader.readAll(entry.content);
    if (!isElf(bytes)) continue;
    for (const name of neededLibraries(bytes, parseElf(bytes, `/${entry.path}`))) {
      users.set(name, [...(users.get(name) ?? []), entry.path]);
    }
  }
  for (let before = -1; before !== candidates.length;) {
    before = candidates.length;
    for (const name of [...candidates]) {
      if ((users.get(name) ?? []).some(user => tree.has(user))) continue;
      const real = tree.resolve(`${folder}/${name}`);
      tree.remove(`${folder}/${name}`);
      tree.remove(real);
      candidates.splice(candidates.indexOf(name), 1);
    }
  }
}

function isProgram(path: string, mode: number): boolean {
  return (mode & 0o111) !== 0 || /\.so(\.|$)/.test(path);
}
