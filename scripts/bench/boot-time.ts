import { READY_PATTERN, parseReadyLine } from '../../src/build/vm/console.ts';
import type { Lab, Medium } from './lab.ts';
import { type Measurement, median } from './measurement.ts';
import type { Workshop } from './workshop.ts';

const MEMORY_MB = 512;
const TIMEOUT_MS = 300_000;

interface Boots {
  readonly floor: number[];
  readonly nodeFloor: number[];
  readonly listening: number[];
  readonly ready: number[];
  /** Services that were not up in time, of all boots. */
  readonly failed: string[];
}

/** P3: the machine and its two floors in turn, `runs` times; seconds since the kernel's start. */
export async function measureBootTime(
  { note }: Workshop,
  lab: Lab,
  medium: Medium,
  runs: number,
): Promise<Measurement[]> {
  const boots: Boots = { floor: [], nodeFloor: [], listening: [], ready: [], failed: [] };
  for (let run = 1; run <= runs; run++) {
    note(`boot from ${medium}, ${run} of ${runs}`);
    boots.floor.push(await uptimeAt(lab, 'floor', medium, /\[floor\] uptime=([\d.]+)s/));
    boots.nodeFloor.push(await uptimeAt(lab, 'node-floor', medium, /\[node-floor\] uptime=([\d.]+)s/));
    const boot = { subject: 'machine', medium, memoryMb: MEMORY_MB } as const;
    await lab.boot(boot, async vm => {
      const listening = await vm.waitForLine(/\[listening\] uptime=([\d.]+)s/, { timeoutMs: TIMEOUT_MS });
      const ready = parseReadyLine(await vm.waitForLine(READY_PATTERN, { timeoutMs: TIMEOUT_MS }));
      boots.failed.push(...ready.failed);
      boots.listening.push(Number(listening[1]));
      boots.ready.push(ready.uptimeSeconds);
    });
  }
  const nodeFloor = { name: 'node floor', value: median(boots.nodeFloor) };
  const where = medium === 'cd' ? 'from CD' : 'from memory';
  const remark = `${runs} of each, ${lab.acceleration}`;
  const failed = [...new Set(boots.failed)].join(', ');
  return [
    {
      ...{
        id: 'P3',
        what: `kernel to system-docker's socket, ${where}`,
        value: median(boots.listening),
        unit: 's',
      },
      ...{ peer: nodeFloor, aim: { of: 'ratio', limit: 1.25 }, note: remark },
    },
    {
      ...{ id: 'P3', what: `kernel to [ready], ${where}`, value: median(boots.ready), unit: 's' },
      ...{ peer: nodeFloor, note: failed === '' ? remark : `INVALID, services failed: ${failed}` },
    },
    {
      ...{ id: 'P3', what: `node floor, ${where}`, value: nodeFloor.value, unit: 's' },
      peer: { name: 'floor', value: median(boots.floor) },
    },
  ];
}

async function uptimeAt(
  lab: Lab,
  subject: 'floor' | 'node-floor',
  medium: Medium,
  pattern: RegExp,
): Promise<number> {
  return lab.boot({ subject, medium, memoryMb: MEMORY_MB }, async vm =>
    Number((await vm.waitForLine(pattern, { timeoutMs: TIMEOUT_MS }))[1]),
  );
}
