import { open, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ToolError, isSystemError, messageOf } from '../../shared/errors.ts';
import type { VmDisk } from './hardware.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1024 ** 2, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };
const MAX_BYTES = 16 * 1024 ** 4;
/** No file system of use fits in less; whoever asks for less has forgotten the unit. */
const MIN_BYTES = 16 * 1024 ** 2;
const QCOW2_MAGIC = Buffer.from('QFI\xfb', 'latin1');
const QCOW2_HEADER_BYTES = 104;
/** In the lower half of the incompatible features: the contents are in another file. */
const QCOW2_DATA_FILE = 4;

/** Bytes of a size such as `512M` or `2G` (a number alone is in MB); undefined if it is no size. */
export function parseDiskSize(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,7})([MGT]?)(?:i?B)?$/i.exec(text) ?? [];
  const factor = UNITS[(unit ?? '').toUpperCase()];
  if (number === undefined || factor === undefined) return undefined;
  const bytes = Number(number) * factor;
  return bytes > 0 && bytes <= MAX_BYTES ? bytes : undefined;
}

/**
 * Disks for `--disk`: a file that exists is attached as it is (what the machine writes stays), a size
 * makes a blank sparse file in `folder`. A file is raw unless its name ends in `.qcow2`: what stands in it
 * was perhaps written by a machine, which must not make QEMU open other files of this computer. For the
 * same reason a qcow2 file that names another one is refused. Throws DISK_NOT_FOUND, DISK_NOT_USABLE, INVALID_SIZE.
 */
export async function prepareDisks(
  specs: readonly string[],
  options: { readonly folder: string; readonly workingDirectory: string },
): Promise<VmDisk[]> {
  const disks: VmDisk[] = [];
  for (const [index, spec] of specs.entries()) {
    const file = resolve(options.workingDirectory, spec);
    const sizeBytes = parseDiskSize(spec);
    if (sizeBytes !== undefined && !(await isFile(file))) {
      checkBlankSize(spec, sizeBytes);
      const blank = join(options.folder, `disk${index}.img`);
      await makeBlankDisk(blank, sizeBytes);
      disks.push({ file: blank, format: 'raw' });
    } else {
      disks.push({ file, format: await diskFormat(file, spec) });
    }
  }
  return disks;
}

/** Finds what `prepareDisks` would refuse, and makes nothing. Throws as it. */
export async function checkDisks(specs: readonly string[], workingDirectory: string): Promise<void> {
  for (const spec of specs) {
    const file = resolve(workingDirectory, spec);
    const sizeBytes = parseDiskSize(spec);
    if (sizeBytes === undefined || (await isFile(file))) await diskFormat(file, spec);
    else checkBlankSize(spec, sizeBytes);
  }
}

function checkBlankSize(spec: string, sizeBytes: number): void {
  if (sizeBytes >= MIN_BYTES) return;
  throw new ToolError(`attaching the disk "${spec}": ${sizeBytes / 1024 ** 2} MB are too small for a disk`, {
    code: 'INVALID_SIZE',
    kind: 'invalid-input',
    hint: 'write a unit, such as 2G',
  });
}

/** Makes a sparse file of zeros; it must not exist. */
export async function makeBlankDisk(file: string, sizeBytes: number): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.truncate(sizeBytes);
  } finally {
    await handle.close();
  }
}

async function diskFormat(file: string, spec: string): Promise<'raw' | 'qcow2'> {
  try {
    const handle = await open(file, 'r+');
    try {
      if (!file.endsWith('.qcow2')) return 'raw';
      const { buffer } = await handle.read(Buffer.alloc(QCOW2_HEADER_BYTES), 0, QCOW2_HEADER_BYTES, 0);
      if (!buffer.subarray(0, 4).equals(QCOW2_MAGIC)) throw new Error('it is not in the format qcow2');
      const hasDataFile = buffer.readUInt32BE(4) >= 3 && (buffer.readUInt32BE(76) & QCOW2_DATA_FILE) !== 0;
      if (buffer.readBigUInt64BE(8) !== 0n || hasDataFile)
        throw new Error('it refers to another file; convert it to one that stands alone');
      return 'qcow2';
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) {
      throw new ToolError(`attaching the disk "${spec}": there is no such file, and it is not a size`, {
        code: 'DISK_NOT_FOUND',
        kind: 'not-found',
        hint: 'name a disk image, or a size such as 2G for a blank disk',
        cause: error,
      });
    }
    throw new ToolError(`attaching the disk "${spec}": ${messageOf(error)}`, {
      code: 'DISK_NOT_USABLE',
      kind: 'io',
      hint: 'it must be a file that you may read and write',
      cause: error,
    });
  }
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
