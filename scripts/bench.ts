/**
 * `npm run bench`: one table of what Slipway promises, each figure with its peer or floor from the same run.
 * docs/benchmarks.md explains every row.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { storeRoot } from '../src/build/store/store.ts';
import { type Arch, hostArch } from '../src/shared/arch.ts';
import { measureAtRest } from './bench/at-rest.ts';
import { measureBootTime } from './bench/boot-time.ts';
import { measureBuildTime, measureColdBuild, measureCommandStart } from './bench/build-time.ts';
import { buildExample } from './bench/built-image.ts';
import { measureImageSize } from './bench/image-size.ts';
import { openLab } from './bench/lab.ts';
import { measureEngine } from './bench/engine.ts';
import { type Measurement, reachesAim } from './bench/measurement.ts';
import { findSmallestMachine } from './bench/smallest-machine.ts';
import { formatTable } from './bench/table.ts';
import { type Workshop, openWorkshop } from './bench/workshop.ts';

const ROOT = dirname(import.meta.dirname);
const USAGE = `usage: npm run bench -- [--only build,boot,rest,engine] [--runs N] [--containers N] [--accel auto|kvm|tcg]
       [--cold] [--memory-search] [--json]
  --only GROUPS     build (P1, P8), boot (P3), rest (P4, P5, P7), engine (P5, P6, P7, P10); all by default
  --runs N          boots of each kind and medium, 3 by default; the engine's timings are three times as many
  --containers N    the most that the engine's memory is measured with, 200 by default
  --accel HOW       as "slipway run" takes it
  --cold            also build with an empty store; needs the network
  --memory-search   also look for the smallest machine
  --json            print JSON
`;
const GROUPS = ['build', 'boot', 'rest', 'engine'] as const;
const ACCELERATIONS = ['auto', 'kvm', 'tcg'] as const;
type Group = (typeof GROUPS)[number];
const MAX_RUNS = 100;
const MIN_CONTAINERS = 21;
const MAX_CONTAINERS = 1000;
const TIMINGS_PER_RUN = 3;

interface Wishes {
  readonly groups: ReadonlySet<Group>;
  readonly runs: number;
  readonly containers: number;
  readonly accel: (typeof ACCELERATIONS)[number];
  readonly cold: boolean;
  readonly memorySearch: boolean;
  readonly json: boolean;
}

/** What the command line asks for; undefined where it cannot be understood. */
function parseWishes(args: string[]): Wishes | undefined {
  try {
    const { values } = parseArgs({
      args,
      options: {
        only: { type: 'string' },
        runs: { type: 'string', default: '3' },
        containers: { type: 'string', default: '200' },
        accel: { type: 'string', default: 'auto' },
        cold: { type: 'boolean', default: false },
        'memory-search': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const names = values.only?.split(',') ?? GROUPS;
    const groups = GROUPS.filter(group => names.includes(group));
    const runs = Number(values.runs);
    const accel = ACCELERATIONS.find(how => how === values.accel);
    const containers = Number(values.containers);
    const isWhole = (figure: number, least: number, most: number): boolean =>
      Number.isInteger(figure) && figure >= least && figure <= most;
    if (groups.length !== names.length || !accel) return undefined;
    if (!isWhole(runs, 1, MAX_RUNS) || !isWhole(containers, MIN_CONTAINERS, MAX_CONTAINERS)) return undefined;
    return {
      groups: new Set(groups),
      runs,
      containers,
      accel,
      cold: values.cold,
      memorySearch: values['memory-search'],
      json: values.json,
    };
  } catch {
    return undefined;
  }
}

async function* measure(workshop: Workshop, wishes: Wishes): AsyncGenerator<Measurement[]> {
  const { groups } = wishes;
  const arch = hostArch(process.arch);
  if (!arch) throw new Error(`there are no build tools for ${process.arch}`);
  if (groups.has('build') || groups.has('boot') || groups.has('rest') || wishes.memorySearch) {
    yield* measureExamples(workshop, arch, wishes);
  }
  if (groups.has('engine')) {
    yield await measureEngine(workshop, ROOT, arch, {
      accel: wishes.accel,
      containers: wishes.containers,
      repeats: wishes.runs * TIMINGS_PER_RUN,
    });
  }
}

/** What is measured of the examples as they are. */
async function* measureExamples(
  workshop: Workshop,
  arch: Arch,
  wishes: Wishes,
): AsyncGenerator<Measurement[]> {
  const { groups } = wishes;
  workshop.note('building minimal.yml');
  // Before a recipe is changed, so that the machine measured is the one that is shipped.
  const minimal = await buildExample(workshop, 'minimal');
  if (groups.has('build')) {
    yield [await measureCommandStart(workshop)];
    yield measureImageSize('minimal', minimal, 45);
    workshop.note('building default.yml');
    const { image, rows } = await measureBuildTime(workshop, 'default');
    yield measureImageSize('default', image, 70);
    yield rows;
    if (wishes.cold) yield [await measureColdBuild(workshop, 'default')];
  }
  if (!groups.has('boot') && !groups.has('rest') && !wishes.memorySearch) return;
  const lab = await openLab(workshop, minimal, arch, wishes.accel);
  if (groups.has('boot')) {
    for (const medium of ['cd', 'memory'] as const)
      yield await measureBootTime(workshop, lab, medium, wishes.runs);
  }
  if (groups.has('rest')) yield await measureAtRest(lab);
  if (wishes.memorySearch) yield [await findSmallestMachine(workshop, lab)];
}

async function main(): Promise<number> {
  const wishes = parseWishes(process.argv.slice(2));
  if (!wishes) {
    process.stderr.write(USAGE);
    return 64;
  }
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => abort.abort());
  const scratch = await mkdtemp(join(tmpdir(), 'slipway-bench-'));
  const rows: Measurement[] = [];
  let isWhole = true;
  try {
    const workshop = await openWorkshop(ROOT, storeRoot(process.env), {
      ...{ scratch, signal: abort.signal },
      note: line => process.stderr.write(`bench: ${line}\n`),
    });
    for await (const more of measure(workshop, wishes)) rows.push(...more);
  } catch (error) {
    // What was measured before took minutes; it is printed all the same.
    isWhole = false;
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const order = (id: string): number => Number(/\d+/.exec(id)?.[0] ?? Infinity);
  rows.sort((a, b) => (order(a.id) === order(b.id) ? 0 : order(a.id) - order(b.id)));
  const withVerdict = rows.map(row => ({ ...row, reachesAim: reachesAim(row) }));
  process.stdout.write(wishes.json ? `${JSON.stringify(withVerdict, null, 2)}\n` : formatTable(rows));
  return isWhole ? 0 : 1;
}

process.exitCode = await main();
