import { listBlockDevices } from '../host/block-devices.ts';
import { isBlank, readSuperblock } from '../host/superblock.ts';
import type { ProbedDevice } from './choose-state.ts';

/** Looks at every disk and partition. @param lookForBlank also find disks on which there is nothing */
export async function probeDevices(lookForBlank: boolean): Promise<ProbedDevice[]> {
  const probed: ProbedDevice[] = [];
  for (const device of listBlockDevices()) {
    const superblock = await readSuperblock(device.path);
    const blank = lookForBlank && superblock === undefined && !device.inUse && (await isBlank(device.path));
    probed.push({ ...device, ...(superblock === undefined ? {} : { superblock }), blank });
  }
  return probed;
}
