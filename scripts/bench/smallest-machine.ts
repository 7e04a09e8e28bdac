import { READY_PATTERN, parseReadyLine } from '../../src/build/vm/console.ts';
import type { Lab } from './lab.ts';
import type { Measurement } from './measurement.ts';
import type { Workshop } from './workshop.ts';

const SIZES_MB = [96, 112, 128, 160, 192, 256];
/** Where memory is short a boot becomes slow before it fails. */
const TIMEOUT_MS = 240_000;

/** P4: the smallest of a few sizes with which the machine reaches [ready] from CD with no service failed. */
export async function findSmallestMachine({ note }: Workshop, lab: Lab): Promise<Measurement> {
  let [low, high] = [0, SIZES_MB.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const memoryMb = SIZES_MB[middle] ?? 0;
    const isEnough = await reachesReady(lab, memoryMb);
    note(`-m ${memoryMb}: ${isEnough ? 'ready' : 'not ready'}`);
    if (isEnough) high = middle;
    else low = middle + 1;
  }
  return {
    ...{ id: 'P4', what: 'smallest machine that reaches [ready]', unit: 'MB' },
    value: SIZES_MB[low] ?? Infinity,
    aim: { of: 'value', limit: 128 },
    note: `QEMU's -m, of ${SIZES_MB.join(', ')}`,
  };
}

async function reachesReady(lab: Lab, memoryMb: number): Promise<boolean> {
  const boot = { subject: 'machine', medium: 'cd', memoryMb } as const;
  return lab.boot(boot, async vm => {
    try {
      const match = await vm.waitForLine(READY_PATTERN, { timeoutMs: TIMEOUT_MS });
      return parseReadyLine(match).failed.length === 0;
    } catch {
      return false;
    }
  });
}
