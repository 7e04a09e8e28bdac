import { readFileSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { isSystemError } from '../../shared/errors.ts';

/** A disk or partition as the kernel shows it in /sys/class/block. */
export interface BlockDevice {
  /** Kernel name, such as `vda1`. */
  readonly name: string;
  /** `/dev/NAME` */
  readonly path: string;
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  /**
   * Whether a passer-by could have plugged it in: marked removable, an optical drive, or anywhere behind USB
   * (USB disks do not call themselves removable).
   */
  readonly removable: boolean;
  /** Name of the whole disk, for a partition. */
  readonly disk?: string;
  /** A whole disk with partitions, or a device that another one (device-mapper, md) is built on. */
  readonly inUse: boolean;
}

const NOT_DISKS = /^(?:loop|ram|zram|dm-|md|nbd|fd)\d*/;

/** Disks and partitions, in the order of their names; devices of RAM, loop and device-mapper are left out. */
export function listBlockDevices(root = '/sys/class/block'): BlockDevice[] {
  const devices: BlockDevice[] = [];
  for (const name of readNames(root)
    .filter(name => !NOT_DISKS.test(name))
    .sort()) {
    let folder: string;
    try {
      folder = realpathSync(join(root, name));
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) continue;
      throw error;
    }
    const sectors = Number(readText(join(folder, 'size')) ?? 0);
    if (!(sectors > 0)) continue;
    const isPartition = readText(join(folder, 'partition')) !== undefined;
    const diskFolder = isPartition ? join(folder, '..') : folder;
    const disk = diskFolder.split('/').at(-1) ?? '';
    devices.push({
      name,
      path: `/dev/${name}`,
      // The kernel counts sectors of 512 bytes whatever the device's own are.
      sizeBytes: sectors * 512,
      readOnly: readText(join(folder, 'ro')) === '1',
      removable:
        readText(join(diskFolder, 'removable')) === '1' || /^sr\d/.test(disk) || /\/usb\d/.test(folder),
      ...(isPartition ? { disk } : {}),
      inUse:
        readNames(join(folder, 'holders')).length > 0 ||
        (!isPartition &&
          readNames(folder).some(child => readText(join(folder, child, 'partition')) !== undefined)),
    });
  }
  return devices;
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EISDIR', 'ENODEV', 'EINVAL', 'EACCES')) return undefined;
    throw error;
  }
}
