import { readFile, readdir, readlink, realpath, stat, lstat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { type Entry, bytesContent } from '../../../shared/archive/entry.ts';
import { assertNever, ToolError, isSystemError } from '../../../shared/errors.ts';
import type { FileSpec } from '../../../shared/manifest/index.ts';
import type { FilesInput } from '../inputs.ts';

/**
 * Reads the files that a manifest or a recipe names, as entries in the order given. A folder as source
 * brings what is below it, links as they are, without `leaveOut`.
 *
 * Errors: FILE_MISSING, FILE_OUTSIDE_FOLDER (also through a symbolic link), FILE_UNSUPPORTED.
 */
export async function assembleFiles(input: FilesInput): Promise<Entry[]> {
  const entries: Entry[] = [];
  const leaveOut = input.leaveOut === undefined ? undefined : await realPathOf(input.leaveOut);
  for (const spec of input.files) entries.push(...(await assembleFile(spec, input, leaveOut)));
  return entries;
}

/** With links of the folder resolved, as a folder's files are read; the file itself need not be there. */
async function realPathOf(file: string): Promise<string> {
  return join(await realpath(dirname(file)), basename(file));
}

async function assembleFile(
  spec: FileSpec,
  input: FilesInput,
  leaveOut: string | undefined,
): Promise<Entry[]> {
  const { path, mode, uid, gid } = spec;
  const base = { path, mode, uid, gid, mtime: input.epoch };
  switch (spec.kind) {
    case 'directory':
      return [{ ...base, kind: 'directory' }];
    case 'symlink':
      return [{ ...base, kind: 'symlink', target: spec.target }];
    case 'contents':
      return [{ ...base, kind: 'file', content: bytesContent(spec.contents) }];
    case 'source': {
      const source = await findSource(spec, input);
      return source === undefined ? [] : readSource(source, base, leaveOut);
    }
    default:
      return assertNever(spec);
  }
}

async function findSource(
  spec: Extract<FileSpec, { kind: 'source' }>,
  input: FilesInput,
): Promise<string | undefined> {
  const name = spec.source;
  const wanted = isAbsolute(name) ? name : resolve(input.folder, name);
  let real: string;
  try {
    real = await realpath(wanted);
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error;
    if (spec.optional) return undefined;
    throw new ToolError(`reading ${name} for ${spec.path}: there is no such file`, {
      code: 'FILE_MISSING',
      kind: 'not-found',
      hint: `sources are relative to ${input.folder}; "optional: true" leaves a missing one out`,
      cause: error,
    });
  }
  const folder = await realpath(input.folder);
  if (!input.allowOutside && real !== folder && !real.startsWith(folder === sep ? sep : folder + sep)) {
    throw new ToolError(`reading ${name} for ${spec.path}: it is outside of ${input.folder}`, {
      code: 'FILE_OUTSIDE_FOLDER',
      kind: 'forbidden',
      hint: 'move it into the folder; for a manifest that you trust, "--allow-host-files" permits it',
    });
  }
  return real;
}

interface FileBase {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
}

async function readSource(source: string, base: FileBase, leaveOut: string | undefined): Promise<Entry[]> {
  const info = await stat(source);
  if (info.isFile()) return [{ ...base, kind: 'file', content: bytesContent(await readFile(source)) }];
  if (!info.isDirectory()) throw unsupported(source);
  // Search permission goes with read permission, so that "0640" for the files means "0750" for folders.
  const mode = base.mode | ((base.mode & 0o444) >> 2);
  const entries: Entry[] = [{ ...base, kind: 'directory', mode }];
  const names = (await readdir(source)).sort((a, b) => (a < b ? -1 : 1));
  for (const name of names) {
    const path = join(source, name);
    if (path === leaveOut) continue;
    const child = { ...base, path: `${base.path}/${name}` };
    const what = await lstat(path);
    if (what.isSymbolicLink()) {
      entries.push({ ...child, kind: 'symlink', mode: 0o777, target: await readlink(path) });
    } else if (what.isFile() || what.isDirectory()) {
      entries.push(...(await readSource(path, child, leaveOut)));
    } else throw unsupported(path);
  }
  return entries;
}

function unsupported(path: string): ToolError {
  return new ToolError(`reading ${path}: it is neither a file nor a folder`, {
    code: 'FILE_UNSUPPORTED',
    kind: 'unsupported',
  });
}
