import { type Entry, type FileEntry, contentSize } from '../../../shared/archive/entry.ts';
import { ToolError } from '../../../shared/errors.ts';
import { ContentReader } from '../../../shared/fs/content-reader.ts';
import type { Tree } from '../../tree/tree.ts';
import type { AssembledPackage, PackageInput } from '../inputs.ts';
import { isExcluded } from './exclude.ts';
import { skippedScripts } from './scripts.ts';

export interface PutPackagesOptions {
  /** Further paths that are left out, by path from the root without leading `/`. */
  readonly isLeftOut?: (path: string) => boolean;
}

/**
 * Puts the files of packages into a tree that has its merged-/usr links, in byte order of the packages'
 * names. Two packages may bring the same path when it is the same in both, or when one says that it
 * `Replaces` the other; folders are shared. Throws PACKAGE_FILE_CONFLICT.
 */
export function putPackages(
  tree: Tree,
  packages: readonly PackageInput[],
  options: PutPackagesOptions = {},
): AssembledPackage[] {
  using reader = new ContentReader();
  const owners = new Map<string, PackageInput>();
  const sorted = sortPackages(packages);
  for (const deb of sorted) {
    for (const entry of keptEntries(deb.entries, options)) {
      const path = tree.resolve(entry.path, false);
      const owner = owners.get(path);
      if (owner && owner !== deb && entry.kind !== 'directory') {
        const old = tree.get(path);
        if (old && isSame(old, entry, reader)) continue;
        if (replaces(owner, deb)) continue;
        if (!replaces(deb, owner)) throw conflict(path, owner, deb);
      }
      tree.put(entry);
      if (entry.kind !== 'directory') owners.set(path, deb);
    }
  }
  return describePackages(tree, sorted, owners);
}

/** What is not left out; where that is a file with further names, the first name that is kept gets its content. */
function keptEntries(entries: readonly Entry[], options: PutPackagesOptions): Entry[] {
  const isKept = ({ path }: Entry): boolean =>
    path !== '' && !isExcluded(path) && options.isLeftOut?.(path) !== true;
  const orphans = new Map<string, FileEntry>();
  const heirs = new Map<string, string>();
  for (const entry of entries) if (entry.kind === 'file' && !isKept(entry)) orphans.set(entry.path, entry);
  return entries.filter(isKept).map(entry => {
    const orphan = entry.kind === 'hardlink' ? orphans.get(entry.target) : undefined;
    if (entry.kind !== 'hardlink' || !orphan) return entry;
    const heir = heirs.get(orphan.path);
    if (heir !== undefined) return { ...entry, target: heir };
    heirs.set(orphan.path, entry.path);
    return { ...orphan, path: entry.path };
  });
}

/** Packages in byte order of their names, so that the order of a list never matters. */
export function sortPackages(packages: readonly PackageInput[]): PackageInput[] {
  return packages.toSorted((a, b) =>
    a.package.name < b.package.name ? -1 : a.package.name > b.package.name ? 1 : 0,
  );
}

function describePackages(
  tree: Tree,
  sorted: readonly PackageInput[],
  owners: ReadonlyMap<string, PackageInput>,
): AssembledPackage[] {
  const sizes = new Map<PackageInput, number>();
  for (const [path, deb] of owners) {
    const entry = tree.get(path);
    if (entry?.kind === 'file') sizes.set(deb, (sizes.get(deb) ?? 0) + contentSize(entry.content));
  }
  return sorted.map(deb => ({
    name: deb.package.name,
    version: deb.package.version,
    sizeBytes: sizes.get(deb) ?? 0,
    skippedScripts: skippedScripts(deb.package.name, deb.scripts),
  }));
}

function isSame(a: Entry, b: Entry, reader: ContentReader): boolean {
  if (a.kind !== b.kind || a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid) return false;
  if (a.kind === 'symlink') return b.kind === 'symlink' && a.target === b.target;
  if (a.kind !== 'file' || b.kind !== 'file' || contentSize(a.content) !== contentSize(b.content))
    return false;
  return Buffer.compare(reader.readAll(a.content), reader.readAll(b.content)) === 0;
}

/** Whether the control file of `deb` lets it take files over from `other` (Debian policy 7.6; versions aside). */
function replaces(deb: PackageInput, other: PackageInput): boolean {
  const names = (deb.control.get('replaces') ?? '')
    .split(',')
    .map(item => /^\s*([a-z0-9.+-]+)/.exec(item)?.[1]);
  return names.includes(other.package.name);
}

function conflict(path: string, a: PackageInput, b: PackageInput): ToolError {
  return new ToolError(
    `assembling packages: /${path} is in both ${a.package.name} ${a.package.version} and ${b.package.name} ${b.package.version}`,
    {
      code: 'PACKAGE_FILE_CONFLICT',
      kind: 'conflict',
      hint: 'leave one of the packages out, or name it under "omit"',
    },
  );
}
