/** Our engine beside bare conmon and crun, Docker Engine and podman: one machine, one run. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { READY_PATTERN, parseReadyLine } from '../../src/build/vm/console.ts';
import type { Vm } from '../../src/build/vm/machine.ts';
import type { Acceleration } from '../../src/build/vm/hardware.ts';
import type { Arch } from '../../src/shared/arch.ts';
import { type BuiltImage, buildExample } from './built-image.ts';
import { type EngineFigures, PARTS, type PartName, formatEngineRows } from './engine-rows.ts';
import { openLab } from './lab.ts';
import type { Measurement } from './measurement.ts';
import type { Workshop } from './workshop.ts';

const EXAMPLE = 'engine-bench';
/** Docker Engine's 200 containers, and everybody's layers and logs in memory. */
const MEMORY_MB = 3072;
const READY_TIMEOUT_MS = 900_000;
/** Hundreds of containers, one after the other, on an emulated machine. */
const PART_TIMEOUT_MS = 7_200_000;

export interface EngineBenchOptions {
  readonly accel: 'auto' | Acceleration;
  /** The most containers that sleep at once; more than 20. */
  readonly containers: number;
  /** How often each way to run a container is timed. */
  readonly repeats: number;
}

/**
 * P5, P6, P7, P10 and the logs' throughput. `root` is the repository. What was measured comes back even when a part
 * has failed; that is said with `workshop.note`, and a row says it too.
 */
export async function measureEngine(
  workshop: Workshop,
  root: string,
  arch: Arch,
  { accel, containers, repeats }: EngineBenchOptions,
): Promise<Measurement[]> {
  workshop.note('building a system with system-docker, Docker Engine, podman and a registry');
  const image = await buildPeers(workshop, root);
  const lab = await openLab(workshop, image, arch, accel);
  const words = `bench.engine bench.containers=${containers} bench.repeats=${repeats}`;
  const boot = {
    ...({ subject: 'machine', medium: 'cd', memoryMb: MEMORY_MB, words } as const),
    onOutput: noteProgress(workshop.note),
  };
  return lab.boot(boot, async vm => {
    const { failed } = parseReadyLine(await vm.waitForLine(READY_PATTERN, { timeoutMs: READY_TIMEOUT_MS }));
    if (failed.length > 0) throw new Error(`services of the machine have failed: ${failed.join(', ')}`);
    const figures: EngineFigures = {};
    for (const part of PARTS) Object.assign(figures, await awaitPart(workshop, vm, part));
    return formatEngineRows(figures, lab.acceleration);
  });
}

/** The manifest and its recipes stand beside the examples of the workshop's copy. */
async function buildPeers(workshop: Workshop, root: string): Promise<BuiltImage> {
  const examples = join(workshop.packageRoot, 'examples');
  const ours = join(import.meta.dirname, 'peers');
  await cp(join(ours, `${EXAMPLE}.yml`), join(examples, `${EXAMPLE}.yml`));
  await cp(join(ours, 'registry'), join(examples, 'registry'), { recursive: true });
  await cp(join(root, 'test/support/peers'), join(examples, 'peers'), { recursive: true });
  return buildExample(workshop, EXAMPLE);
}

/** Hands on what the machine says of how far it is: all of it takes the better part of an hour without KVM. */
function noteProgress(note: (line: string) => void): (bytes: Uint8Array) => void {
  let open = '';
  return bytes => {
    const lines = `${open}${Buffer.from(bytes).toString('latin1')}`.split('\n');
    open = lines.pop() ?? '';
    for (const line of lines) {
      const said = /\[engine\] (.*)/.exec(line)?.[1];
      if (said !== undefined) note(`engine: ${said.trim()}`);
    }
  };
}

async function awaitPart({ note }: Workshop, vm: Vm, part: PartName): Promise<EngineFigures> {
  // "whole" comes last, and comes alone where everything has failed.
  const pattern = new RegExp(`\\[engine-result\\] (\\{"name":"(?:${part}|whole)".*\\}) end`);
  const [, text = ''] = await vm.waitForLine(pattern, { timeoutMs: PART_TIMEOUT_MS });
  const { name, result, error } = JSON.parse(text) as { name: string; result?: unknown; error?: string };
  if (name !== part || error !== undefined) {
    note(`engine, ${part}: ${error ?? 'not measured'}`);
    return {};
  }
  note(`engine, ${part}: measured`);
  return { [part]: result };
}
