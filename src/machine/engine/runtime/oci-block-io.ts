import type { ResourceConfig, ThrottleDevice } from '../../engine-api/wire.ts';
import { invalidParameter } from '../docker-errors.ts';
import { findDevice } from './oci-devices.ts';
import type { OciBlockIo } from './oci-types.ts';

/**
 * Limits of block devices, which are looked up on the machine; undefined for none.
 * Throws ENGINE_INVALID_PARAMETER for a device that is not there.
 */
export async function planBlockIo(asked: ResourceConfig): Promise<OciBlockIo | undefined> {
  const weight = asked.BlkioWeight ?? 0;
  const rates = async (devices: readonly ThrottleDevice[] | undefined) =>
    Promise.all((devices ?? []).map(async ({ Path, Rate }) => ({ ...(await numbersOf(Path)), rate: Rate })));
  const weightDevice = await Promise.all(
    (asked.BlkioWeightDevice ?? []).map(async ({ Path, Weight }) => ({
      ...(await numbersOf(Path)),
      weight: Weight,
    })),
  );
  const plan = {
    throttleReadBpsDevice: await rates(asked.BlkioDeviceReadBps),
    throttleWriteBpsDevice: await rates(asked.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: await rates(asked.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: await rates(asked.BlkioDeviceWriteIOps),
  };
  const lists = Object.fromEntries(
    Object.entries({ weightDevice, ...plan }).filter(([, list]) => list.length > 0),
  ) as Partial<OciBlockIo>;
  if (weight === 0 && Object.keys(lists).length === 0) return undefined;
  return { ...(weight === 0 ? {} : { weight }), ...lists };
}

async function numbersOf(path: string): Promise<{ major: number; minor: number }> {
  const found = await findDevice(path);
  if (found === undefined) throw invalidParameter(`stat ${path}: no such file or directory`);
  return { major: found.major, minor: found.minor };
}
