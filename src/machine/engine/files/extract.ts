import { unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { type ToolError, isSystemError } from '../../../shared/errors.ts';
import type { Entry, FileEntry } from '../../../shared/archive/entry.ts';
import { streamTar, type StreamedEntry } from '../../../shared/archive/tar.ts';
import type { Place } from '../../host/place.ts';
import { removeBelow } from '../../host/remove-tree.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { filesFailed, invalidParameter, noSuchFile } from '../docker-errors.ts';
import { resolveUser } from '../runtime/user-lookup.ts';
import { readAccounts } from './account-files.ts';
import { type ContainerFiles, openContainerFiles } from './container-files.ts';
import { type Found, namesOf } from './file-view.ts';
import { absolutePath } from './path-stat.ts';
import {
  finishFolder,
  makeFile,
  makeFolder,
  makeHardlink,
  makeSpecial,
  makeSymlink,
  type NodeMeta,
} from './make-node.ts';

export interface ExtractOptions {
  /** A folder is never replaced by something else, nor something else by a folder. */
  readonly keepKinds: boolean;
  /** Everything belongs to the container's user instead of the archive's owners. */
  readonly ownedByUser: boolean;
}

type PlainEntry = Exclude<Entry, FileEntry> | Omit<FileEntry, 'content'>;

const MAX_ENTRIES = 100_000_000;

/**
 * Unpacks a tar archive into a folder of a container. Files are replaced, folders are merged; links that
 * the container has on the way mean what they mean inside. Throws CONTAINER_NOT_FOUND,
 * CONTAINER_FILE_NOT_FOUND, ENGINE_INVALID_PARAMETER with Docker's sentences, what streamTar throws, and
 * I/O errors; what was unpacked before stays. One at a time for a container, since two may bring the same files.
 */
export async function extractToContainer(
  context: EngineContext,
  nameOrId: string,
  path: string,
  options: ExtractOptions,
  archive: AsyncIterable<Uint8Array>,
): Promise<void> {
  const { id } = context.table.resolve(nameOrId);
  await context.queue.run(`extract ${id}`, () => extractNow(context, nameOrId, path, options, archive));
}

async function extractNow(
  context: EngineContext,
  nameOrId: string,
  path: string,
  options: ExtractOptions,
  archive: AsyncIterable<Uint8Array>,
): Promise<void> {
  await using files = await openContainerFiles(context, nameOrId);
  await using target = await files.view.find(absolutePath(path), true);
  if (target === undefined) throw noSuchFile(path, nameOrId);
  if (!target.place.stat.isDirectory()) throw invalidParameter('extraction point is not a directory');
  checkWritable(files, target.names);
  const owner = options.ownedByUser ? await ownerOf(context, files) : undefined;
  await using extraction = new Extraction(context.config.programs.busybox, files, target, options, owner);
  const tar = streamTar(archive, {
    name: 'the archive',
    absolute: 'relative',
    limits: {
      maxEntries: MAX_ENTRIES,
      maxTotalBytes: Number.MAX_SAFE_INTEGER,
      maxFileBytes: Number.MAX_SAFE_INTEGER,
    },
  });
  try {
    for await (const entry of tar) {
      files.signal.throwIfAborted();
      await extraction.put(entry);
    }
    await extraction.finish();
  } catch (error) {
    // What is wrong with its files then is that they are gone.
    files.signal.throwIfAborted();
    throw error;
  }
  publish(context, 'extract-to-dir', summaryOf(context, files.record.id));
}

class Extraction implements AsyncDisposable {
  readonly #busybox: string;
  readonly #files: ContainerFiles;
  readonly #target: Found;
  readonly #options: ExtractOptions;
  readonly #owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Times of folders, which change with everything that is made in them; bounded, the oldest first. */
  readonly #folders = new Map<string, NodeMeta>();
  #parent: { readonly path: string; readonly found: Found } | undefined;

  constructor(
    busybox: string,
    files: ContainerFiles,
    target: Found,
    options: ExtractOptions,
    owner: { readonly uid: number; readonly gid: number } | undefined,
  ) {
    this.#busybox = busybox;
    this.#files = files;
    this.#target = target;
    this.#options = options;
    this.#owner = owner;
  }

  /** Makes one entry. Throws CONTAINER_FILES_FAILED where the file system refuses. */
  async put(streamed: StreamedEntry): Promise<void> {
    try {
      await this.#put(streamed);
    } catch (error) {
      if (!(error instanceof Error && 'errno' in error)) throw error;
      throw filesFailed(`extracting ${this.#pathOf(streamed.entry.path)}`, error);
    }
  }

  async #put({ entry, content }: StreamedEntry): Promise<void> {
    const meta = this.#metaOf(entry);
    if (entry.path === '') {
      this.#remember('', meta);
      return;
    }
    const slash = entry.path.lastIndexOf('/');
    const { place: parent, names } = await this.#folder(slash < 0 ? '' : entry.path.slice(0, slash));
    const name = Buffer.from(entry.path.slice(slash + 1));
    checkWritable(this.#files, [...names, name]);
    const mounted = await this.#files.view.mounted([...names, name]);
    if (mounted !== undefined) {
      await using point = mounted;
      if (entry.kind !== 'directory' || !point.stat.isDirectory()) {
        throw busy(this.#pathOf(entry.path));
      }
      this.#remember(entry.path, meta);
      return;
    }
    await this.#makeRoom(parent, names, name, entry);
    switch (entry.kind) {
      case 'directory': {
        await using folder = await makeFolder(parent, name);
        await finishFolder(folder, meta);
        this.#remember(entry.path, meta);
        return;
      }
      case 'file':
        await makeFile(parent, name, meta, content ?? noContent());
        return;
      case 'symlink':
        await makeSymlink(parent, name, meta, Buffer.from(entry.target));
        return;
      case 'hardlink': {
        const target = this.#pathOf(entry.target);
        await using found = await this.#files.view.find(dirname(target), true);
        if (found === undefined) throw invalidParameter(`link ${target}: no such file or directory`);
        const { view } = this.#files;
        // On the machine both may lie in one file system, one of them read-only for the container.
        if (
          view.mountOf([...found.names, Buffer.from(basename(target))]) !== view.mountOf([...names, name])
        ) {
          throw invalidParameter(`link ${target}: invalid cross-device link`);
        }
        await makeHardlink(parent, name, found.place, Buffer.from(basename(target)));
        return;
      }
      default: {
        const { kind } = entry;
        const { major, minor } = kind === 'fifo' ? { major: 0, minor: 0 } : entry;
        await makeSpecial(this.#busybox, parent, name, meta, { kind, major, minor });
      }
    }
  }

  /** Gives folders their times, now that nothing changes in them any more. */
  async finish(): Promise<void> {
    for (const [path, meta] of [...this.#folders].reverse()) {
      // The container may have put a link in its place.
      await using found = await this.#files.view.find(this.#pathOf(path), path === '');
      if (found?.place.stat.isDirectory() !== true) continue;
      checkWritable(this.#files, found.names);
      await finishFolder(found.place, meta);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parent?.found[Symbol.asyncDispose]();
  }

  /** Takes away what is in the way of an entry. */
  async #makeRoom(parent: Place, names: readonly Buffer[], name: Buffer, entry: PlainEntry): Promise<void> {
    await using there = await parent.child(name);
    if (there === undefined) return;
    const isFolder = there.stat.isDirectory();
    const makesFolder = entry.kind === 'directory';
    if (isFolder && makesFolder) return;
    if (this.#options.keepKinds && isFolder !== makesFolder) {
      const [from, to] = isFolder ? ['directory', 'non-directory'] : ['non-directory', 'directory'];
      const shown = JSON.stringify(this.#pathOf(entry.path));
      throw invalidParameter(`cannot overwrite ${from} ${shown} with ${to} ${JSON.stringify(entry.path)}`);
    }
    if (isFolder && this.#files.view.hasMountsBelow([...names, name])) throw busy(this.#pathOf(entry.path));
    if (isFolder) await removeBelow(parent, name);
    else await unlink(parent.pathOf(name));
  }

  /** A folder of the archive in the container; made if the archive does not say it. */
  async #folder(path: string): Promise<Found> {
    if (this.#parent?.path === path) return this.#parent.found;
    const names = [...this.#target.names, ...namesOf(path)];
    let found: Found;
    try {
      found = await this.#files.view.makeFolders(names, made => checkWritable(this.#files, made));
    } catch (error) {
      if (isSystemError(error, 'ENOTDIR', 'EEXIST')) {
        throw invalidParameter(`mkdir ${this.#pathOf(path)}: not a directory`);
      }
      throw error;
    }
    await this.#parent?.found[Symbol.asyncDispose]();
    this.#parent = { path, found };
    return found;
  }

  #metaOf(entry: PlainEntry): NodeMeta {
    const { mode, mtime } = entry;
    const { uid, gid } = this.#owner ?? entry;
    return { mode, uid, gid, mtime };
  }

  #remember(path: string, meta: NodeMeta): void {
    this.#folders.delete(path);
    if (this.#folders.size < 100_000) this.#folders.set(path, meta);
  }

  #pathOf(path: string): string {
    return `/${Buffer.concat(this.#target.names.flatMap(name => [name, SLASH])).toString()}${path}`;
  }
}

const SLASH = Buffer.from('/');

async function* noContent(): AsyncGenerator<Uint8Array> {
  // An empty file.
}

/** What Linux says of a name on which something is mounted. */
function busy(path: string): ToolError {
  return filesFailed(`unlinkat ${path}`, new Error('device or resource busy'));
}

/** Throws ENGINE_INVALID_PARAMETER where the container itself could not write either. */
function checkWritable(files: ContainerFiles, names: readonly Buffer[]): void {
  const mount = files.view.mountOf(names);
  if (mount?.readOnly === true) throw invalidParameter('mounted volume is marked read-only');
  if (mount === undefined && files.record.request.HostConfig?.ReadonlyRootfs === true) {
    throw invalidParameter('container rootfs is marked read-only');
  }
}

/** Numbers of the container's user, by the container's own account files. Throws ENGINE_INVALID_PARAMETER. */
async function ownerOf(
  context: EngineContext,
  files: ContainerFiles,
): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  const { record } = files;
  const user = record.request.User ?? context.images.byId(record.imageId)?.run.User ?? '';
  if (user === '') return undefined;
  return resolveUser(user, [], await readAccounts(files.view));
}
