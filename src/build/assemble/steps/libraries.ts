import { posix } from 'node:path';
import { ToolError } from '../../../shared/errors.ts';
import { ContentReader } from '../../../shared/fs/content-reader.ts';
import type { Tree } from '../../tree/tree.ts';
import { isElf, neededLibraries, parseElf } from '../elf.ts';

/**
 * Paths of programs and of every shared library that they need (DT_NEEDED, through all levels), with the
 * symbolic links that lead there and the dynamic loader. Libraries are looked for in the folders that
 * Debian's loader has compiled in. Programs that are not ELF files need nothing.
 *
 * Errors: PROGRAM_MISSING, LIBRARY_MISSING, ELF_MALFORMED.
 *
 * @param programs paths without leading `/`
 */
export function closeOverLibraries(tree: Tree, programs: readonly string[], multiarch: string): Set<string> {
  using reader = new ContentReader();
  const kept = new Set<string>();
  const read = new Set<string>();
  const keep = (path: string, neededBy: string | undefined): void => {
    const real = followLinks(tree, path, kept);
    const entry = real === undefined ? undefined : tree.get(real);
    if (real === undefined || entry?.kind !== 'file') throw missing(path, neededBy);
    kept.add(real);
    if (read.has(real)) return;
    read.add(real);
    const bytes = reader.readAll(entry.content);
    if (!isElf(bytes)) return;
    const elf = parseElf(bytes, `/${real}`);
    const interpreter = elf.segments.find(segment => segment.type === 3);
    if (interpreter) {
      const end = interpreter.offset + interpreter.fileSize - 1;
      keep(Buffer.from(bytes.subarray(interpreter.offset, end)).toString('latin1'), real);
    }
    for (const name of neededLibraries(bytes, elf)) keep(findLibrary(tree, name, multiarch, real), real);
  };
  for (const program of programs) keep(program, undefined);
  return kept;
}

/** The path of a library by its soname. */
function findLibrary(tree: Tree, name: string, multiarch: string, neededBy: string): string {
  const folders = [`usr/lib/${multiarch}`, 'usr/lib', 'usr/lib64', posix.dirname(neededBy)];
  const found = folders.map(folder => `${folder}/${name}`).find(path => tree.lookup(path) !== undefined);
  if (found === undefined) throw missing(name, neededBy);
  return found;
}

/** The file behind symbolic links; the links are added to `kept`. */
function followLinks(tree: Tree, path: string, kept: Set<string>): string | undefined {
  let here = tree.resolve(path, false);
  for (let hops = 0; hops < 16; hops++) {
    const entry = tree.get(here);
    if (entry?.kind === 'hardlink') here = entry.target;
    else if (entry?.kind === 'symlink') {
      kept.add(here);
      here = tree.resolve(
        entry.target.startsWith('/') ? entry.target : `${posix.dirname(here)}/${entry.target}`,
        false,
      );
    } else return entry ? here : undefined;
  }
  return undefined;
}

function missing(path: string, neededBy: string | undefined): ToolError {
  return neededBy === undefined
    ? new ToolError(`assembling programs: none of the packages holds /${path}`, {
        code: 'PROGRAM_MISSING',
        kind: 'not-found',
        hint: "this version of Debian's packages is laid out differently: update Slipway, or lock an older version",
      })
    : new ToolError(`assembling programs: /${neededBy} needs ${path}, which none of the packages holds`, {
        code: 'LIBRARY_MISSING',
        kind: 'not-found',
        hint: 'the package with it was left out by "omit"',
      });
}
