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
export function expandHome<T extends Pick<Manifest, 'files'>>(manifest: T, home: string | undefined): T {
  if (home === undefined) return manifest;
  const files = manifest.files.map(file =>
    file.kind === 'source' && file.source.startsWith('~/')
      ? { ...file, source: join(home, file.source.slice(2)) }
      : file,
  );
  return { ...manifest, files };
}

/** A path that may not be read, or is not there. */
export interface HostFileFault extends Fault {
  readonly isMissing: boolean;
}

/**
 * Everything that is wrong with what a manifest takes from the build host: `source` of files, recipe folders,
 * OCI layouts and archives must exist and, links followed, lie inside the folder of the manifest that names
 * them, so that a stranger's manifest cannot carry a private key into an image.
 */
export async function hostFileFaults(
  manifest: Pick<Manifest, 'init' | 'services' | 'files'>,
  options: ManifestFilesOptions,
): Promise<HostFileFault[]> {
  const wanted: { path: string; place: Place; optional: boolean; what: 'source' | 'image' }[] = [];
  for (const file of manifest.files) {
    if (file.kind !== 'source') continue;
    wanted.push({ path: file.source, place: file.sourcePlace, optional: file.optional, what: 'source' });
  }
  for (const { source, place } of manifestImages(manifest)) {
    if ('path' in source) wanted.push({ path: source.path, place, optional: false, what: 'image' });
  }
  const faults: HostFileFault[] = [];
  for (const { path, place, optional, what } of wanted) {
    const folder = resolve(options.workingDirectory, dirname(place.file));
    const fault = await hostFileFault(path, folder, options.allowHostFiles);
    if (fault === undefined || (fault.isMissing && optional)) continue;
    const hint = fault.isMissing ? MISSING_HINTS[what] : fault.hint;
    faults.push({ ...fault, hint, message: `${what} ${JSON.stringify(path)} ${fault.message}`, place });
  }
  return faults;
}

/** FILE_MISSING where nothing else is wrong, else HOST_FILE_REFUSED. */
export function hostFileError(faults: readonly HostFileFault[]): InputError {
  return faults.every(fault => fault.isMissing)
    ? new InputError('FILE_MISSING', 'manifest', faults, 'not-found')
    : new InputError('HOST_FILE_REFUSED', 'manifest', faults);
}

/** Throws `hostFileError` with everything that `hostFileFaults` finds. */
export async function checkManifestFiles(
  manifest: Pick<Manifest, 'init' | 'services' | 'files'>,
  options: ManifestFilesOptions,
): Promise<void> {
  const faults = await hostFileFaults(manifest, options);
  if (faults.length > 0) throw hostFileError(faults);
}

/**
 * The file or folder that a path written in a manifest means, absolute and with links resolved. Throws
 * InputError FILE_MISSING, HOST_FILE_REFUSED. A caller that opens it later opens this path, not the written one.
 *
 * @param folder absolute folder that `path` is relative to and, unless allowed, must not leave
 */
export async function resolveHostFile(
  path: string,
  folder: string,
  allowHostFiles: boolean,
): Promise<string> {
  const fault = await hostFileFault(path, folder, allowHostFiles);
  if (fault) throw hostFileError([{ ...fault, message: `${JSON.stringify(path)} ${fault.message}` }]);
  return realpath(resolve(folder, path));
}

const ALLOW = 'move it there, or use --allow-host-files if you trust this manifest';

const MISSING_HINTS = {
  source: 'paths are relative to the folder of the manifest; "optional: true" allows a missing source',
  image:
    'paths are relative to the folder of the manifest; an image is a recipe folder, oci:FOLDER or an archive',
} as const;

async function hostFileFault(
  path: string,
  folder: string,
  allowHostFiles: boolean,
): Promise<{ message: string; hint: string; isMissing: boolean } | undefined> {
  const refused = (message: string, hint: string) => ({ message, hint, isMissing: false });
  if (path.startsWith('~') && !path.startsWith('~/'))
    return refused('begins with "~", which is not expanded', 'write the path out');
  if (path.startsWith('~/')) {
    return allowHostFiles
      ? refused('begins with "~", and HOME is not set', 'set it, or write the path out')
      : refused("is outside the manifest's folder", ALLOW);
  }
  const written = resolve(folder, path);
  // Before the disk is asked, so that the answer does not tell what exists elsewhere.
  if (!allowHostFiles && isOutside(folder, written))
    return refused("is outside the manifest's folder", ALLOW);
  try {
    const real = await realpath(written);
    if (!allowHostFiles && isOutside(await realpath(folder), real))
      return refused("leads through a link to outside the manifest's folder", ALLOW);
    const kind = await lstat(real);
    if (kind.isFile() || kind.isDirectory()) return undefined;
    return refused('is no file or folder', 'devices, sockets and pipes cannot be copied');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR'))
      return { message: 'does not exist', hint: 'check the path', isMissing: true };
    if (isSystemError(error, 'ELOOP')) return refused('is a loop of links', 'point it at a file');
    if (isSystemError(error, 'EACCES')) return refused('cannot be read', 'check its permissions');
    throw error;
  }
}

function isOutside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
}
