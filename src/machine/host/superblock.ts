import { open } from 'node:fs/promises';

/** What a file system's superblock says about itself. */
export interface Superblock {
  readonly type: 'ext4' | 'vfat' | 'iso9660' | 'xfs' | 'btrfs';
  readonly label: string;
  /** Of ext4, in lower case. */
  readonly uuid?: string;
}

/** A root folder is looked at no further. */
const MAX_FOLDER = 32 * 1024;
/** As much as the superblocks below span. */
const READ_BYTES = 65 * 1024;

/**
 * Recognises ext2 to ext4, FAT, ISO 9660, XFS and btrfs by their superblocks; undefined for anything else. Labels are bytes from
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
    return {
      type: 'ext4',
      label: cleanLabel(data.subarray(1024 + 0x78, 1024 + 0x88)),
      uuid: formatUuid(data.subarray(1024 + 0x68, 1024 + 0x78)),
    };
  }
  if (data.length >= 120 && data.toString('latin1', 0, 4) === 'XFSB')
    return { type: 'xfs', label: cleanLabel(data.subarray(108, 120)) };
  // btrfs: superblock at 64 KiB, magic at 0x40, label at 0x12b.
  if (data.length >= 0x1022b && data.toString('latin1', 0x10040, 0x10048) === '_BHRfS_M')
    return { type: 'btrfs', label: cleanLabel(data.subarray(0x1012b, 0x1022b)) };
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
  const bytes = await readBytes(device, 0, READ_BYTES);
  const superblock = bytes === undefined ? undefined : parseSuperblock(bytes);
  if (bytes === undefined || superblock?.type !== 'vfat') return superblock;
  const root = fatRootFolder(bytes);
  const entries = root === undefined ? undefined : await readBytes(device, root.offset, root.sizeBytes);
  const label = entries === undefined ? undefined : parseFatLabel(entries);
  return label === undefined ? superblock : { ...superblock, label };
}

/** True when the first MiB of a device is there and all zeros: nothing has been written to it. */
export async function isBlank(device: string): Promise<boolean> {
  const bytes = await readBytes(device, 0, 1024 * 1024);
  return bytes?.length === 1024 * 1024 && bytes.every(byte => byte === 0);
}

/**
 * Where a FAT file system keeps the first part of its root folder, in bytes: systems that rename a volume write
 * its label there and leave the one in the boot sector. Undefined where the boot sector makes no sense.
 */
export function fatRootFolder(
  boot: Buffer,
): { readonly offset: number; readonly sizeBytes: number } | undefined {
  const sectorBytes = boot.readUInt16LE(11);
  const clusterSectors = boot.readUInt8(13);
  const reserved = boot.readUInt16LE(14);
  const entries = boot.readUInt16LE(17);
  if (![512, 1024, 2048, 4096].includes(sectorBytes) || clusterSectors === 0) return undefined;
  const fatSectors = boot.readUInt16LE(22) || boot.readUInt32LE(36);
  const behindFats = reserved + boot.readUInt8(16) * fatSectors;
  if (entries > 0) return { offset: behindFats * sectorBytes, sizeBytes: Math.min(entries * 32, MAX_FOLDER) };
  const cluster = boot.readUInt32LE(44);
  if (cluster < 2) return undefined;
  const sector = behindFats + (cluster - 2) * clusterSectors;
  return {
    offset: sector * sectorBytes,
    sizeBytes: Math.min(clusterSectors * sectorBytes, MAX_FOLDER),
  };
}

/** The volume's label among the entries of a FAT root folder. */
export function parseFatLabel(folder: Buffer): string | undefined {
  for (let at = 0; at + 32 <= folder.length && folder[at] !== 0; at += 32) {
    const isDeleted = folder[at] === 0xe5;
    // Attribute 8 alone; with the ones below it is a part of a long name.
    if (!isDeleted && ((folder[at + 11] ?? 0) & 0x3f & ~0x20) === 8)
      return cleanLabel(folder.subarray(at, at + 11));
  }
  return undefined;
}

function formatUuid(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

async function readBytes(device: string, from: number, length: number): Promise<Buffer | undefined> {
  try {
    await using file = await open(device, 'r');
    const bytes = Buffer.alloc(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await file.read(bytes, done, length - done, from + done);
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
