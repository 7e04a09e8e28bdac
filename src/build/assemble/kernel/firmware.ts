import type { Entry } from '../../../shared/archive/entry.ts';
import { compileGlob } from '../glob.ts';
import type { PackageInput } from '../inputs.ts';
import type { ModuleInfo } from './modinfo.ts';

export interface ChosenFirmware {
  /** Files of the packages that modules name, with what symbolic links among them lead to. */
  readonly entries: readonly Entry[];
  /** Names (or patterns) that no package has, sorted. */
  readonly missing: readonly string[];
}

const FOLDERS = ['usr/lib/firmware/', 'lib/firmware/'];

/** The firmware that modules ask for, out of packages that hold firmware. */
export function chooseFirmware(
  infos: Iterable<ModuleInfo>,
  packages: readonly PackageInput[],
): ChosenFirmware {
  const files = new Map<string, Entry>();
  for (const entry of packages.flatMap(deb => deb.entries)) {
    const folder = FOLDERS.find(item => entry.path.startsWith(item));
    if (folder && entry.kind !== 'directory') files.set(entry.path.slice(folder.length), entry);
  }
  const chosen = new Map<string, Entry>();
  const missing = new Set<string>();
  const choose = (name: string): void => {
    const entry = files.get(name);
    if (!entry || chosen.has(name)) return;
    chosen.set(name, { ...entry, path: `usr/lib/firmware/${name}` });
    if (entry.kind === 'symlink') choose(joinPath(name, entry.target));
    if (entry.kind === 'hardlink') choose(entry.target.replace(/^(usr\/)?lib\/firmware\//, ''));
  };
  for (const name of new Set([...infos].flatMap(info => info.firmware))) {
    const isPattern = /[*?]/.test(name);
    const matches = isPattern
      ? [...files.keys()].filter(file => compileGlob(name).test(file))
      : [name, `${name}.xz`, `${name}.zst`].filter(file => files.has(file));
    if (matches.length === 0) missing.add(name);
    matches.forEach(choose);
  }
  return { entries: [...chosen.values()], missing: [...missing].sort() };
}

function joinPath(from: string, target: string): string {
  const parts = target.startsWith('/') ? [] : from.split('/').slice(0, -1);
  for (const part of target.replace(/^\/(usr\/)?lib\/firmware\//, '').split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}
