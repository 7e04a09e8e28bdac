import { createHash } from 'node:crypto';
import { open, readFile, rename, rm, stat, unlink, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Digest, canonicalJson, digestOf, hexOf } from '../../shared/digest.ts';
import { ToolError, invariant, isSystemError } from '../../shared/errors.ts';
import { type Session, openSession } from './session.ts';
import { storeError } from './store-error.ts';
import { type PruneOptions, type PruneResult, type StoreUsage, measureStore, pruneStore } from './prune.ts';

/** What a blob must turn out to be before it is published. */
export interface BlobExpectation {
  /** For messages: the package, image or file that the bytes belong to. */
  readonly name: string;
  readonly sizeBytes?: number;
  readonly digest?: Digest;
  /** Subresource integrity as npm records it, `sha512-` and base64. */
  readonly integrity?: string;
  readonly signal?: AbortSignal;
}

export interface Blob {
  readonly digest: Digest;
  readonly path: string;
  readonly sizeBytes: number;
}

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
 * - A file or folder below `blobs/` and `results/` is complete: it was written in this process's own
 *   folder below `tmp/`, flushed, and renamed. Two builds that make the same thing both rename it.
 * - A published file's modification time is derived from its name. Whoever changes the file changes
 *   that time, so one `stat` tells that a blob is as it was published; otherwise it is hashed again,
 *   and removed if it is not what its name says. Damage of the disk below files is not looked for here.
 * - Using a thing sets its time again and so renews its inode change time, which is what `prune` goes by.
 *   Nothing that was used since the oldest live session began is pruned.
 */
export class Store implements AsyncDisposable {
  readonly root: string;
  readonly #session: Session;
  readonly #verified = new Map<string, Promise<string | undefined>>();
  readonly #making = new Map<string, Promise<ResultEntry>>();

  constructor(root: string, session: Session) {
    this.root = root;
    this.#session = session;
  }

  /** Where a blob is or would be. Only `findBlob` says that it is there and sound. */
  blobPath(digest: Digest): string {
    return join(this.root, 'blobs', 'sha256', hexOf(digest));
  }

  /** The path of a sound blob; undefined when it is missing, or was damaged and has been removed. */
  findBlob(digest: Digest): Promise<string | undefined> {
    const known = this.#verified.get(digest);
    if (known) return known;
    const found = this.#checkBlob(digest).then(path => {
      if (path === undefined) this.#verified.delete(digest);
      return path;
    });
    this.#verified.set(digest, found);
    return found;
  }

  /** The bytes of a blob that must be there; meant for what fits in memory. Throws BLOB_MISSING. */
  async readBlob(digest: Digest): Promise<Uint8Array> {
    return readFile(await this.requireBlob(digest));
  }

  /** The path of a sound blob. Throws BLOB_MISSING. */
  async requireBlob(digest: Digest, name: string = digest): Promise<string> {
    const path = await this.findBlob(digest);
    if (path !== undefined) return path;
    throw new ToolError(`reading ${name}: it is not in the store`, {
      code: 'BLOB_MISSING',
      kind: 'not-found',
      hint: 'run "slipway build" without --offline to fetch it again',
    });
  }

  /** A blob known by its npm integrity, if it was stored under that before. */
  async findIntegrity(integrity: string): Promise<Blob | undefined> {
    let text: string;
    try {
      text = await readFile(this.#aliasPath(integrity), 'utf8');
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return undefined;
      throw error;
    }
    const hex = /^sha256:([0-9a-f]{64})\n$/.exec(text)?.[1];
    if (hex === undefined) return undefined;
    const digest: Digest = `sha256:${hex}`;
    const path = await this.findBlob(digest);
    return path === undefined ? undefined : { digest, path, sizeBytes: (await stat(path)).size };
  }

  /**
   * Writes a stream into the store and publishes it when size and hashes are what was expected.
   * On any fault, or when the signal fires, nothing is left. The stream is stopped at one byte too many.
   *
   * Errors: BLOB_SIZE_MISMATCH, BLOB_HASH_MISMATCH, STORE_FULL, STORE_NOT_WRITABLE, and the stream's own.
   */
  async writeBlob(
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    expected: BlobExpectation,
  ): Promise<Blob> {
    const temporary = this.#session.temporaryPath();
    const sha256 = createHash('sha256');
    const sha512 = expected.integrity === undefined ? undefined : createHash('sha512');
    let sizeBytes = 0;
    const limit = expected.sizeBytes ?? Number.POSITIVE_INFINITY;
    try {
      const file = await open(temporary, 'wx', 0o644).catch((error: unknown) => {
        throw storeError(this.root, error);
      });
      try {
        for await (const piece of source) {
          expected.signal?.throwIfAborted();
          sizeBytes += piece.length;
          if (sizeBytes > limit) {
            throw mismatch(expected.name, 'SIZE', `more than the ${limit} bytes expected`);
          }
          sha256.update(piece);
          sha512?.update(piece);
          for (let done = 0; done < piece.length;) {
            const { bytesWritten } = await file.write(piece, done).catch((error: unknown) => {
              throw storeError(this.root, error);
            });
            done += bytesWritten;
          }
        }
        expected.signal?.throwIfAborted();
        if (expected.sizeBytes !== undefined && sizeBytes !== expected.sizeBytes) {
          throw mismatch(expected.name, 'SIZE', `${sizeBytes} bytes instead of ${expected.sizeBytes}`);
        }
        const digest: Digest = `sha256:${sha256.digest('hex')}`;
        if (expected.digest !== undefined && digest !== expected.digest) {
          throw mismatch(expected.name, 'HASH', `${digest} instead of ${expected.digest}`);
        }
        const integrity = sha512 ? `sha512-${sha512.digest('base64')}` : undefined;
        if (integrity !== expected.integrity) {
          throw mismatch(expected.name, 'HASH', `${integrity} instead of ${expected.integrity}`);
        }
        await file.utimes(stampOf(digest), stampOf(digest));
        await file.sync().catch((error: unknown) => {
          throw storeError(this.root, error);
        });
        const path = this.blobPath(digest);
        await rename(temporary, path);
        if (integrity !== undefined) await this.#writeAlias(integrity, digest);
        this.#verified.set(digest, Promise.resolve(path));
        return { digest, path, sizeBytes };
      } finally {
        await file.close();
      }
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
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
    this.#verified.clear();
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

  async #checkBlob(digest: Digest): Promise<string | undefined> {
    const path = this.blobPath(digest);
    try {
      const found = await stat(path);
      if (!found.isFile()) return undefined;
      if (found.mtimeMs !== stampOf(digest) * 1000 && (await hashFile(path)) !== digest) {
        await unlink(path);
        return undefined;
      }
      await utimes(path, stampOf(digest), stampOf(digest)).catch(ignoreReadOnly);
      return path;
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  async #writeAlias(integrity: string, digest: Digest): Promise<void> {
    const temporary = this.#session.temporaryPath();
    const file = await open(temporary, 'wx', 0o644);
    try {
      await file.writeFile(`${digest}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#aliasPath(integrity));
  }

  #aliasPath(integrity: string): string {
    const base64 = /^sha512-([A-Za-z0-9+/]{86}==)$/.exec(integrity)?.[1];
    if (base64 === undefined) {
      throw new ToolError(`malformed integrity "${integrity.slice(0, 120)}"`, {
        code: 'INVALID_INTEGRITY',
        kind: 'invalid-input',
        hint: 'an integrity is "sha512-" followed by 88 characters of base64',
      });
    }
    return join(this.root, 'blobs', 'sha512', Buffer.from(base64, 'base64').toString('hex'));
  }

  #resultPath(key: string): string {
    invariant(/^[a-z][a-z0-9-]*-[0-9a-f]{64}$/.test(key), `"${key}" is a result's key`);
    return join(this.root, 'results', key);
  }
}

/** The sha256 of a file's bytes. */
export async function hashFile(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  try {
    for await (const piece of file.createReadStream({ highWaterMark: 1024 * 1024, autoClose: false })) {
      hash.update(piece as Buffer);
    }
  } finally {
    await file.close();
  }
  return `sha256:${hash.digest('hex')}`;
}

/** Whole seconds between 2001 and 2017, from the name: exact on every file system. */
function stampOf(name: string): number {
  return 1_000_000_000 + (Number.parseInt(name.slice(-12), 16) % 500_000_000);
}

/** A store that another user filled may be read-only; then it can't be marked as used. */
function ignoreReadOnly(error: unknown): void {
  if (!isSystemError(error, 'EROFS', 'EPERM', 'EACCES', 'ENOENT')) throw error;
}

function mismatch(name: string, what: 'SIZE' | 'HASH', fault: string): ToolError {
  return new ToolError(`receiving ${name}: ${fault}`, { code: `BLOB_${what}_MISMATCH`, kind: 'integrity' });
}
