import { createHash } from 'node:crypto';
import { open, readFile, rename, rm, stat, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, hexOf } from '../../shared/digest.ts';
import { ToolError, isSystemError } from '../../shared/errors.ts';
import type { Session } from './session.ts';
import { ignoreReadOnly, stampOf } from './stamp.ts';
import { storeError } from './store-error.ts';

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

/**
 * Verified blobs by sha256, below one folder of the store; the store's invariants hold here.
 */
export class BlobFolder {
  readonly #root: string;
  readonly #name: string;
  readonly #session: Session;
  readonly #verified = new Map<string, Promise<string | undefined>>();

  /** @param name the folder's, below `root` */
  constructor(root: string, name: string, session: Session) {
    this.#root = root;
    this.#name = name;
    this.#session = session;
  }

  /** Where a blob is or would be. Only `find` says that it is there and sound. */
  path(digest: Digest): string {
    return join(this.#root, this.#name, 'sha256', hexOf(digest));
  }

  /** The path of a sound blob; undefined when it is missing, or was damaged and has been removed. */
  find(digest: Digest): Promise<string | undefined> {
    const known = this.#verified.get(digest);
    if (known) return known;
    const found = this.#check(digest).then(path => {
      if (path === undefined) this.#verified.delete(digest);
      return path;
    });
    this.#verified.set(digest, found);
    return found;
  }

  /** The bytes of a blob that must be there; meant for what fits in memory. Throws BLOB_MISSING. */
  async read(digest: Digest): Promise<Uint8Array> {
    return readFile(await this.require(digest));
  }

  /** The path of a sound blob. Throws BLOB_MISSING. */
  async require(digest: Digest, name: string = digest): Promise<string> {
    const path = await this.find(digest);
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
    const path = await this.find(digest);
    return path === undefined ? undefined : { digest, path, sizeBytes: (await stat(path)).size };
  }

  /**
   * Writes a stream into the store and publishes it when size and hashes are what was expected.
   * On any fault, or when the signal fires, nothing is left. The stream is stopped at one byte too many.
   *
   * Errors: BLOB_SIZE_MISMATCH, BLOB_HASH_MISMATCH, STORE_FULL, STORE_NOT_WRITABLE, and the stream's own.
   */
  async write(
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
        throw storeError(this.#root, error);
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
              throw storeError(this.#root, error);
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
          throw storeError(this.#root, error);
        });
        const path = this.path(digest);
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

  /** Makes the next look at each blob ask the disk again. */
  forget(): void {
    this.#verified.clear();
  }

  async #check(digest: Digest): Promise<string | undefined> {
    const path = this.path(digest);
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
    return join(this.#root, this.#name, 'sha512', Buffer.from(base64, 'base64').toString('hex'));
  }
}

/** The sha256 of a file's bytes. */
async function hashFile(path: string): Promise<Digest> {
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

function mismatch(name: string, what: 'SIZE' | 'HASH', fault: string): ToolError {
  return new ToolError(`receiving ${name}: ${fault}`, { code: `BLOB_${what}_MISMATCH`, kind: 'integrity' });
}
