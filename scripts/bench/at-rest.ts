import { READY_PATTERN, parseReadyLine } from '../../src/build/vm/console.ts';
import type { Vm } from '../../src/build/vm/machine.ts';
import type { Lab, Subject } from './lab.ts';
import { type Measurement, median } from './measurement.ts';

const MEMORY_MB = 256;
const TIMEOUT_MS = 600_000;

interface Recovery {
  readonly crashMs: readonly number[];
  readonly bareMs: readonly number[];
  readonly killMs: readonly number[];
  readonly nodeFloorMs: readonly number[];
}

/** P4, P5 and P7: one machine at rest, then with things killed in it, and the memory of the floors. */
export async function measureAtRest(lab: Lab): Promise<Measurement[]> {
  const floor = await memoryOf(lab, 'floor');
  const nodeFloor = await memoryOf(lab, 'node-floor');
  const machine = { subject: 'machine', medium: 'cd', memoryMb: MEMORY_MB, words: 'bench.measure' } as const;
  return lab.boot(machine, async vm => {
    const { failed } = parseReadyLine(await vm.waitForLine(READY_PATTERN, { timeoutMs: TIMEOUT_MS }));
    const memory = await readMemory(vm);
    const own = await vm.waitForLine(
      /\[supervisor\] anonKb=(\d+) wakeUps=(\d+) monitorsKb=(\d+) monitors=(\d+) end/,
      { timeoutMs: TIMEOUT_MS },
    );
    const [anonKb, wakeUps, monitorsKb, monitors] = own.slice(1).map(Number) as [
      number,
      number,
      number,
      number,
    ];
    const found = await vm.waitForLine(/\[recovery\] (.*) end$/, { timeoutMs: TIMEOUT_MS });
    if (!found[1]?.startsWith('{')) throw new Error(`in the machine: ${found[0]}`);
    const recovery = JSON.parse(found[1]) as Recovery;
    const note =
      failed.length === 0
        ? `five services, -m ${MEMORY_MB}`
        : `INVALID, services failed: ${failed.join(', ')}`;
    return [
      {
        ...{ id: 'P4', what: 'memory at rest, not reclaimable', value: memory.pinned, unit: 'MB', note },
        ...{ peer: { name: 'floor', value: floor.pinned }, aim: { of: 'difference', limit: 28 } },
      },
      {
        ...{
          id: 'P4',
          what: 'memory at rest, MemTotal - MemAvailable',
          value: memory.unavailable,
          unit: 'MB',
          note,
        },
        peer: { name: 'floor', value: floor.unavailable },
      },
      {
        ...{ id: 'P4', what: 'node floor, not reclaimable', value: nodeFloor.pinned, unit: 'MB' },
        peer: { name: 'floor', value: floor.pinned },
      },
      {
        ...{
          id: 'P5',
          what: "system-docker's anonymous memory",
          value: (anonKb * 1024) / 1e6,
          unit: 'MB',
          note,
        },
        aim: { of: 'value', limit: 10 },
      },
      {
        ...{ id: 'P5', what: "a container's conmon, anonymous memory", unit: 'MB' },
        value: (monitorsKb * 1024) / 1e6 / Math.max(1, monitors),
        aim: { of: 'value', limit: 0.5 },
      },
      {
        ...{ id: 'P5', what: "system-docker's wake-ups at rest", value: wakeUps, unit: 'per 10 s' },
        aim: { of: 'value', limit: 0 },
      },
      {
        ...{ id: 'P7', what: 'service killed to running again', value: median(recovery.crashMs), unit: 'ms' },
        ...{ peer: { name: 'conmon and crun alone', value: median(recovery.bareMs) } },
        aim: { of: 'ratio', limit: 1.6 },
      },
      {
        ...{
          id: 'P7',
          what: 'system-docker killed to answering',
          value: median(recovery.killMs),
          unit: 'ms',
        },
        ...{ peer: { name: 'start of the node floor', value: median(recovery.nodeFloorMs) } },
        aim: { of: 'ratio', limit: 1.3 },
      },
    ];
  });
}

interface Memory {
  /** Megabytes that no reclaim gives back: neither free, nor file pages, nor reclaimable slabs. */
  readonly pinned: number;
  /** MemTotal - MemAvailable: the kernel's own estimate, with its reserves. */
  readonly unavailable: number;
}

async function memoryOf(lab: Lab, subject: Subject): Promise<Memory> {
  return lab.boot({ subject, medium: 'cd', memoryMb: MEMORY_MB }, readMemory);
}

async function readMemory(vm: Vm): Promise<Memory> {
  const [, text = ''] = await vm.waitForLine(/\[memory\] (.*) end$/, { timeoutMs: TIMEOUT_MS });
  return parseMemory(text);
}

/** Reads /proc/meminfo with its lines joined. Throws where a figure is missing. */
function parseMemory(text: string): Memory {
  const kb = (name: string): number => {
    const [, figure] = new RegExp(`(?:^| )${name}: (\\d+) kB`).exec(text) ?? [];
    if (figure === undefined) throw new Error(`/proc/meminfo has no ${name}: ${text}`);
    return Number(figure);
  };
  const filePages = kb('Cached') - kb('Shmem') + kb('Buffers');
  return {
    pinned: ((kb('MemTotal') - kb('MemFree') - filePages - kb('SReclaimable')) * 1024) / 1e6,
    unavailable: ((kb('MemTotal') - kb('MemAvailable')) * 1024) / 1e6,
  };
}
