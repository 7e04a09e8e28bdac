import { type FileHandle, open, stat } from 'node:fs/promises';
import { ToolError, isSystemError } from '../../shared/errors.ts';

const SECTOR = 2048;
const MAX_DIRECTORY_BYTES = 1 << 20;
/** A directory record without its name (ECMA-119 9.1). */
const RECORD_BYTES = 33;

interface IsoEntry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * Reads single files out of an ISO 9660 image (ECMA-119) by their plain names, without regard to case
 * and version suffix; extensions such as Rock Ridge are not needed for the names that Slipway writes.
 * An image may be anybody's: nothing is read or allocated beyond what the file really holds.
 */
export class IsoReader implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #sizeBytes: number;
  readonly #root: IsoEntry;

  private constructor(file: FileHandle, sizeBytes: number, root: IsoEntry) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.#root = root;
  }

  /**
   * Opens an image; throws ISO_NOT_FOUND, NOT_AN_ISO where there is no primary volume descriptor, ISO_CUT_OFF where
   * the file is shorter than the volume that this describes.
   */
  static async open(path: string): Promise<IsoReader> {
    const file = await openFile(path);
    try {
      const sizeBytes = (await file.stat()).size;
      const descriptor = await readExactly(file, sizeBytes, 16 * SECTOR, SECTOR);
      if (descriptor[0] !== 1 || descriptor.toString('latin1', 1, 6) !== 'CD001')
        throw new Error('no volume descriptor');
      const [root] = parseRecords(descriptor.subarray(156, 156 + 34));
      if (!root) throw new Error('no root folder');
      const volumeBytes = descriptor.readUInt32LE(80) * SECTOR;
      if (sizeBytes < volumeBytes) throw cutOff(path, sizeBytes, volumeBytes);
      return new IsoReader(file, sizeBytes, root);
    } catch (error) {
      await file.close();
      if (error instanceof ToolError && error.code === 'ISO_CUT_OFF') throw error;
      throw new ToolError(`reading ${path}: it is not an ISO 9660 image`, {
        code: 'NOT_AN_ISO',
        kind: 'invalid-input',
        hint: 'name an ISO that "slipway build" made',
        cause: error,
      });
    }
  }

  /** Names in a folder; undefined where there is none. */
  async list(path: string): Promise<string[] | undefined> {
    const folder = await this.#find(path);
    return folder?.isDirectory ? (await this.#records(folder)).map(entry => entry.name) : undefined;
  }

  /** A whole file of at most `limitBytes`; undefined where there is none. Throws NOT_AN_ISO where it is cut off. */
  async read(path: string, limitBytes: number): Promise<Buffer | undefined> {
    const entry = await this.#find(path);
    if (!entry || entry.isDirectory || entry.sizeBytes > limitBytes) return undefined;
    return readExactly(this.#file, this.#sizeBytes, entry.offset, entry.sizeBytes);
  }

  /** Length of a file in bytes; undefined where there is none. */
  async size(path: string): Promise<number | undefined> {
    const entry = await this.#find(path);
    return entry && !entry.isDirectory ? entry.sizeBytes : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #find(path: string): Promise<IsoEntry | undefined> {
    let entry: IsoEntry | undefined = this.#root;
    for (const name of path.split('/').filter(Boolean)) {
      if (!entry?.isDirectory) return undefined;
      entry = (await this.#records(entry)).find(record => record.name === name.toLowerCase());
    }
    return entry;
  }

  async #records(folder: IsoEntry): Promise<IsoEntry[]> {
    if (folder.sizeBytes > MAX_DIRECTORY_BYTES)
      throw damaged('a folder is larger than any that Slipway writes');
    const bytes = await readExactly(this.#file, this.#sizeBytes, folder.offset, folder.sizeBytes);
    return parseRecords(bytes).slice(2); // the first two are the folder itself and its parent
  }
}

/** Directory records (ECMA-119 9.1); a zero length means that the next one begins at the next sector. */
function parseRecords(bytes: Buffer): IsoEntry[] {
  const records: IsoEntry[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = bytes[at] ?? 0;
    if (length === 0) {
      at = (Math.floor(at / SECTOR) + 1) * SECTOR;
      continue;
    }
    const nameLength = bytes[at + 32] ?? 0;
    const sectorEnd = Math.min(bytes.length, (Math.floor(at / SECTOR) + 1) * SECTOR);
    if (at + length > sectorEnd || nameLength === 0 || RECORD_BYTES + nameLength > length)
      throw damaged('a record of a folder is malformed');
    const name = bytes.toString('latin1', at + RECORD_BYTES, at + RECORD_BYTES + nameLength);
    records.push({
      name: name.replace(/;\d+$/, '').replace(/\.$/, '').toLowerCase(),
      isDirectory: ((bytes[at + 25] ?? 0) & 2) !== 0,
      offset: bytes.readUInt32LE(at + 2) * SECTOR,
      sizeBytes: bytes.readUInt32LE(at + 10),
    });
    at += length;
  }
  return records;
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const found = await stat(path);
    // Opening a pipe would wait for its writer.
    if (!found.isFile()) throw damaged('it is not a regular file', `reading ${path}`);
    return await open(path, 'r');
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new ToolError(`reading ${path}: there is no such file`, {
      code: 'ISO_NOT_FOUND',
      kind: 'not-found',
      hint: 'check the path; "slipway build" prints where it put the ISO',
    });
  }
}

/** Bytes of a file; the length is checked against the file before memory is taken for it. */
async function readExactly(
  file: FileHandle,
  sizeBytes: number,
  offset: number,
  length: number,
): Promise<Buffer> {
  if (offset + length > sizeBytes) throw damaged('it ends in the middle of a file');
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, offset);
  if (bytesRead !== length) throw damaged('it ends in the middle of a file');
  return buffer;
}

function cutOff(path: string, sizeBytes: number, volumeBytes: number): ToolError {
  return new ToolError(`reading ${path}: it ends after ${sizeBytes} of ${volumeBytes} bytes`, {
    code: 'ISO_CUT_OFF',
    kind: 'integrity',
    hint: 'copy or build it again',
  });
}

function damaged(fault: string, doing = 'reading an ISO 9660 image'): ToolError {
  return new ToolError(`${doing}: ${fault}`, {
    code: 'NOT_AN_ISO',
    kind: 'invalid-input',
    hint: 'name an ISO that "slipway build" made',
  });
}
