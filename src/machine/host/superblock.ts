import { open } from 'node:fs/promises';

/** What a file system's superblock says about itself. */
export interface Superblock {
  readonly type: 'ext4' | 'vfat' | 'iso9660';
  readonly label: string;
}

/** As much as the superblocks below span. */
const READ_BYTES = 34 * 1024;

/**
 * Recognises ext2 to ext4, FAT and ISO 9660 by their superblocks; undefined for anything else. Labels are bytes from
 * outside: only printable ASCII is kept. An image can hold ISO 9660 and another one at once (a hybrid ISO has a
 * FAT behind a partition table); then ISO 9660, which is whole, counts.
 */
export function parseSuperblock(bytes: Uint8Array): Superblock | undefined {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // ECMA-119 8.4: the primary volume descriptor in sector 16; the volume identifier at byte 40.
  if (data.length >= 32_768 + 72 && data.toString('latin1', 32_769, 32_774) === 'CD001') {
    return { type: 'iso9660', label: cleanLabel(data.subarray(32_808, 32_840)) };
  }
  // ext4: superblock at 1024, magic at 0x38, s_volume_name at 0x78.
  if (data.length >= 1024 + 136 && data.readUInt16LE(1024 + 0x38) === 0xef53) {
    return { type: 'ext4', label: cleanLabel(data.subarray(1024 + 0x78, 1024 + 0x88)) };
  }
  // FAT: boot signature, then the label behind an extended signature 0x29, at 71 in FAT32 and at 43 before it.
  if (data.length >= 512 && data.readUInt16LE(510) === 0xaa55) {
    if (data.toString('latin1', 82, 87) === 'FAT32')
      return { type: 'vfat', label: cleanLabel(data.subarray(71, 82)) };
    if (data.toString('latin1', 54, 57) === 'FAT')
      return { type: 'vfat', label: cleanLabel(data.subarray(43, 54)) };
  }
  return undefined;
}

/** Reads the superblock of a block device or file; undefined where there is none or it can't be read (no medium). */
export async function readSuperblock(device: string): Promise<Superblock | undefined> {
  const bytes = await readStart(device, READ_BYTES);
  return bytes === undefined ? undefined : parseSuperblock(bytes);
}

/** True when the first MiB of a device is there and all zeros: nothing has been written to it. */
export async function isBlank(device: string): Promise<boolean> {
  const bytes = await readStart(device, 1024 * 1024);
  return bytes?.length === 1024 * 1024 && bytes.every(byte => byte === 0);
}

async function readStart(device: string, length: number): Promise<Buffer | undefined> {
  try {
    await using file = await open(device, 'r');
    const bytes = Buffer.alloc(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await file.read(bytes, done, length - done, done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  } catch (error) {
    // Whatever the device answers (no medium is 123, which has no name in Node): nothing can be read from it.
    if (error instanceof Error && 'errno' in error) return undefined;
    throw error;
  }
}

function cleanLabel(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes
    .toString('latin1', 0, end < 0 ? bytes.length : end)
    .replace(/[^\x20-\x7e]/g, '?')
    .trimEnd();
}
