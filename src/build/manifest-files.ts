import { lstat, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { isSystemError } from '../shared/errors.ts';
import type { Manifest } from '../shared/manifest/manifest.ts';
import { manifestImages } from '../shared/manifest/manifest.ts';
import { type Fault, InputError } from '../shared/yaml/faults.ts';
import type { Place } from '../shared/yaml/place.ts';

export interface ManifestFilesOptions {
  /** Folder that the names of the manifest files are relative to. */
  readonly workingDirectory: string;
  /** The user allows files from anywhere on the build host (`--allow-host-files`). */
  readonly allowHostFiles: boolean;
}

/**
 * The manifest with `~/` of a file's source written out, as LinuxKit reads it; for who allows files from
 * anywhere on the build host.
 *
 * @param home the user's home folder; without one everything stays as it is
 */
export function expandHome(manifest: Manifest, home: string | undefined): Manifest {
  if (home === undefined) return manifest;
  const files = manifest.files.map(file =>
    file.kind === 'source' && file.source.startsWith('~/')
      ? { ...file, source: join(home, file.source.slice(2)) }
      : file,
  );
  return { ...manifest, files };
}

/**
 * Checks what a manifest takes from the build host: `source` of files, recipe folders, OCI layouts and
 * archives must exist and, links followed, lie inside the folder of the manifest that names them, so that
 * a stranger's manifest cannot carry a private key into an image. Throws InputError HOST_FILE_REFUSED
 * with every fault.
 */
export async function checkManifestFiles(manifest: Manifest, options: ManifestFilesOptions): Promise<void> {
  const wanted: { path: string; place: Place; optional: boolean; what: string }[] = [];
  for (const file of manifest.files) {
    if (file.kind !== 'source') continue;
    wanted.push({ path: file.source, place: file.place, optional: file.optional, what: 'source' });
  }
  for (const { source, place } of manifestImages(manifest)) {
    if ('path' in source) wanted.push({ path: source.path, place, optional: false, what: 'image' });
  }
  const faults: Fault[] = [];
  for (const { path, place, optional, what } of wanted) {
    const folder = resolve(options.workingDirectory, dirname(place.file));
    const fault = await hostFileFault(path, folder, options.allowHostFiles, optional);
    if (fault) faults.push({ ...fault, message: `${what} ${JSON.stringify(path)} ${fault.message}`, place });
  }
  if (faults.length > 0) throw new InputError('HOST_FILE_REFUSED', 'manifest', faults);
}

/**
 * The file or folder that a path written in a manifest means, absolute and with links resolved. Throws
 * InputError HOST_FILE_REFUSED. A caller that opens it later opens this path, not the written one.
 *
 * @param folder absolute folder that `path` is relative to and, unless allowed, must not leave
 */
export async function resolveHostFile(
  path: string,
  folder: string,
  allowHostFiles: boolean,
): Promise<string> {
  const fault = await hostFileFault(path, folder, allowHostFiles, false);
  if (fault) {
    throw new InputError('HOST_FILE_REFUSED', 'manifest', [
      { ...fault, message: `${JSON.stringify(path)} ${fault.message}` },
    ]);
  }
  return realpath(resolve(folder, path));
}

const ALLOW = 'move it there, or use --allow-host-files if you trust this manifest';

async function hostFileFault(
  path: string,
  folder: string,
  allowHostFiles: boolean,
  optional: boolean,
): Promise<{ message: string; hint: string } | undefined> {
  if (path.startsWith('~') && !path.startsWith('~/'))
    return { message: 'begins with "~", which is not expanded', hint: 'write the path out' };
  if (path.startsWith('~/')) {
    return allowHostFiles
      ? { message: 'begins with "~", and HOME is not set', hint: 'set it, or write the path out' }
      : { message: "is outside the manifest's folder", hint: ALLOW };
  }
  const written = resolve(folder, path);
  // Before the disk is asked, so that the answer does not tell what exists elsewhere.
  if (!allowHostFiles && isOutside(folder, written)) {
    return { message: "is outside the manifest's folder", hint: ALLOW };
  }
  try {
    const real = await realpath(written);
    if (!allowHostFiles && isOutside(await realpath(folder), real)) {
      return { message: "leads through a link to outside the manifest's folder", hint: ALLOW };
    }
    const kind = await lstat(real);
    if (kind.isFile() || kind.isDirectory()) return undefined;
    return { message: 'is no file or folder', hint: 'devices, sockets and pipes cannot be copied' };
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) {
      if (optional) return undefined;
      const hint =
        'paths are relative to the folder of the manifest; "optional: true" allows a missing source';
      return { message: 'does not exist', hint };
    }
    if (isSystemError(error, 'ELOOP')) return { message: 'is a loop of links', hint: 'point it at a file' };
    if (isSystemError(error, 'EACCES')) return { message: 'cannot be read', hint: 'check its permissions' };
    throw error;
  }
}

function isOutside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
}
