import { open, rename, rm, stat, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { canonicalJson, digestOf, hexOf } from '../../shared/digest.ts';
import { ToolError, invariant, isSystemError } from '../../shared/errors.ts';
import { BlobFolder } from './blob-folder.ts';
import { type Session, openSession } from './session.ts';
import { ignoreReadOnly, stampOf } from './stamp.ts';
import { storeError } from './store-error.ts';
import { type PruneOptions, type PruneResult, type StoreUsage, measureStore, pruneStore } from './prune.ts';

export interface ResultEntry {
  readonly path: string;
  /** It was there already. */
  readonly cached: boolean;
}

/**
 * The folder of the store: `SLIPWAY_STORE`, else `slipway` in the user's cache folder
 * (`XDG_CACHE_HOME`, `~/.cache`). Throws STORE_NO_HOME when none of them is set.
 */
export function storeRoot(env: Readonly<Record<string, string | undefined>>): string {
  const cacheHome = env.XDG_CACHE_HOME;
  if (env.SLIPWAY_STORE) return resolve(env.SLIPWAY_STORE);
  // The XDG specification has relative values ignored.
  if (cacheHome?.startsWith('/')) return join(cacheHome, 'slipway');
  if (env.HOME) return join(env.HOME, '.cache', 'slipway');
  throw new ToolError('finding the store: neither SLIPWAY_STORE, XDG_CACHE_HOME nor HOME is set', {
    code: 'STORE_NO_HOME',
    kind: 'environment',
    hint: 'set SLIPWAY_STORE to a folder',
  });
}

/** The name of a result: what sort it is, and the hash of everything that it was made from. */
export function resultKey(kind: string, inputs: unknown): string {
  invariant(/^[a-z][a-z0-9-]*$/.test(kind), `"${kind}" is a result's kind`);
  return `${kind}-${hexOf(digestOf(canonicalJson(inputs)))}`;
}

/** Opens the store, making its folders. Throws STORE_NOT_WRITABLE, STORE_FULL. */
export async function openStore(root: string): Promise<Store> {
  const session = await openSession(root);
  return new Store(root, session);
}

/**
 * Verified blobs by sha256, and results by the hash of their inputs, shared by all projects of a user.
 *
 * INVARIANTS
 * - A file or folder below `blobs/`, `images/` and `results/` is complete: it was written in this process's own
 *   folder below `tmp/`, flushed, and renamed. Two builds that make the same thing both rename it.
 * - A published file's modification time is derived from its name. Whoever changes the file changes
 *   that time, so one `stat` tells that a blob is as it was published; otherwise it is hashed again,
 *   and removed if it is not what its name says. Damage of the disk below files is not looked for here.
 * - Using a thing sets its time again and so renews its inode change time, which is what `prune` goes by.
 *   Nothing that was used since the oldest live session began is pruned.
 */
export class Store implements AsyncDisposable {
  readonly root: string;
  /** Packages, indexes and Node: what mirrors and the registry of npm deliver. */
  readonly blobs: BlobFolder;
  /** Documents and layers of OCI images, which are a stranger's bytes: none of them ever passes for a package. */
  readonly images: BlobFolder;
  readonly #session: Session;
  readonly #making = new Map<string, Promise<ResultEntry>>();

  constructor(root: string, session: Session) {
    this.root = root;
    this.#session = session;
    this.blobs = new BlobFolder(root, 'blobs', session);
    this.images = new BlobFolder(root, 'images', session);
  }

  /** The path of a result that is there; undefined otherwise. */
  async findResult(key: string): Promise<string | undefined> {
    const path = this.#resultPath(key);
    try {
      const found = await stat(path);
      if (found.isFile() && found.mtimeMs !== stampOf(key) * 1000) {
        await rm(path, { force: true });
        return undefined;
      }
      await utimes(path, stampOf(key), stampOf(key)).catch(ignoreReadOnly);
      return path;
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /**
   * The result with this key (see `resultKey`), made by `make` if it is not there. `make` gets a path
   * that does not exist yet and leaves one file or folder there; it is published only when `make`
   * returns. Calls for the same key at the same time share one run.
   */
  result(key: string, make: (path: string) => Promise<void>): Promise<ResultEntry> {
    const running = this.#making.get(key);
    if (running) return running;
    const run = this.#makeResult(key, make).finally(() => this.#making.delete(key));
    this.#making.set(key, run);
    return run;
  }

  /** An empty folder or file name in the session's own place; removed when the store is closed. */
  temporaryPath(): string {
    return this.#session.temporaryPath();
  }

  /** How much is stored. */
  usage(): Promise<StoreUsage> {
    return measureStore(this.root);
  }

  /** Removes what is not needed; see `pruneStore`. */
  prune(options: PruneOptions): Promise<PruneResult> {
    this.blobs.forget();
    this.images.forget();
    return pruneStore(this.root, this.#session, options);
  }

  /** Removes what this process left unfinished. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }

  async #makeResult(key: string, make: (path: string) => Promise<void>): Promise<ResultEntry> {
    const found = await this.findResult(key);
    if (found !== undefined) return { path: found, cached: true };
    const temporary = this.#session.temporaryPath();
    const path = this.#resultPath(key);
    try {
      await make(temporary);
      const made = await open(temporary, 'r');
      try {
        await made.sync();
      } finally {
        await made.close();
      }
      await utimes(temporary, stampOf(key), stampOf(key));
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      // Another build published its folder first: it is the same, by the key.
      if (isSystemError(error, 'ENOTEMPTY', 'EEXIST') && (await this.findResult(key)) !== undefined) {
        return { path, cached: true };
      }
      throw storeError(this.root, error);
    }
    return { path, cached: false };
  }

  #resultPath(key: string): string {
    invariant(/^[a-z][a-z0-9-]*-[0-9a-f]{64}$/.test(key), `"${key}" is a result's key`);
    return join(this.root, 'results', key);
  }
}
