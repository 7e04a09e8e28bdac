import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Digest, digestOf, hexOf } from '../shared/digest.ts';

/** An artifact that was made, and how its file looked then. */
interface ArtifactRecord {
  readonly inputs: Digest;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly inode: number;
}

/**
 * Remembers which inputs the files in a user's output folders were made from, so that an unchanged
 * build is a few stat calls. A file that was touched since counts as unknown.
 */
export class ArtifactCache {
  readonly #folder: string;

  /** @param storeRoot folder of the store; records stand in `artifacts` below it */
  constructor(storeRoot: string) {
    this.#folder = join(storeRoot, 'artifacts');
  }

  /** Hash and size of the artifact at `path`, if it stands there as it was made from these inputs. */
  async find(path: string, inputs: Digest): Promise<{ sha256: string; sizeBytes: number } | undefined> {
    try {
      const record = JSON.parse(await readFile(this.#recordPath(path), 'utf8')) as ArtifactRecord;
      const { size, mtimeMs, ino } = await stat(path);
      const isSame =
        record.inputs === inputs &&
        record.sizeBytes === size &&
        record.mtimeMs === mtimeMs &&
        record.inode === ino;
      return isSame ? { sha256: record.sha256, sizeBytes: size } : undefined;
    } catch {
      return undefined; // no record, or no artifact: it is made again
    }
  }

  /** Remembers the artifact that stands at `path` now. */
  async save(path: string, inputs: Digest, sha256: string): Promise<void> {
    const { size, mtimeMs, ino } = await stat(path);
    const record: ArtifactRecord = { inputs, sha256, sizeBytes: size, mtimeMs, inode: ino };
    const target = this.#recordPath(path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(`${target}.${process.pid}`, JSON.stringify(record));
    await rename(`${target}.${process.pid}`, target);
  }

  /** Forgets everything: what is asked for next is made again. */
  async clear(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  #recordPath(path: string): string {
    return join(this.#folder, `${hexOf(digestOf(path))}.json`);
  }
}
