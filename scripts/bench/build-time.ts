import { appendFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuiltImage, buildExample } from './built-image.ts';
import { type Measurement, median } from './measurement.ts';
import { type Finished, type Workshop, forgetMade, runCommand, runSlipway } from './workshop.ts';

const STARTS = 11;

/**
 * P8 on one example: everything from cached packages, one file of one recipe changed, nothing changed. The
 * changed file stays changed in the copy; so does its lock.
 */
export async function measureBuildTime(
  workshop: Workshop,
  example: string,
): Promise<{ image: BuiltImage; rows: Measurement[] }> {
  // The first fetches what is missing; it is no measurement.
  if ((await blobsAddedBy(workshop, () => buildExample(workshop, example))) > 0) {
    workshop.note('the store lacked packages; they are there now');
  }
  await forgetMade(workshop.store);
  const image = await buildExample(workshop, example);

  const again: number[] = [];
  for (let time = 0; time < 3; time++) again.push((await buildExample(workshop, example)).build.seconds);

  await appendFile(join(workshop.packageRoot, 'system-images/syslog/rootfs/etc/rsyslog.conf'), '# changed\n');
  const changed = await buildExample(workshop, example);

  const packing = (build: Finished): Pick<Measurement, 'peer'> => {
    const value = compressionSeconds(build);
    return value === undefined ? {} : { peer: { name: 'compressing alone', value } };
  };
  return {
    image,
    rows: [
      {
        ...{ id: 'P8', what: `build ${example}.yml, packages cached`, value: image.build.seconds, unit: 's' },
        ...packing(image.build),
        aim: { of: 'value', limit: 20 },
      },
      {
        ...{ id: 'P8', what: `build ${example}.yml, a file of one recipe changed`, unit: 's' },
        value: changed.build.seconds,
        ...packing(changed.build),
        aim: { of: 'value', limit: 2 },
      },
      {
        ...{ id: 'P8', what: `build ${example}.yml, nothing changed`, value: median(again), unit: 's' },
        aim: { of: 'value', limit: 0.3 },
      },
    ],
  };
}

/** P8 with an empty store: what a new user waits for. The network is in it. */
export async function measureColdBuild(workshop: Workshop, example: string): Promise<Measurement> {
  const store = join(workshop.scratch, 'cold-store');
  const cold = { ...workshop, store, environment: { ...workshop.environment, SLIPWAY_STORE: store } };
  const { build } = await buildExample(cold, example);
  return {
    ...{ id: 'P8', what: `build ${example}.yml, empty store`, value: build.seconds, unit: 's' },
    note: 'network included',
  };
}

/** P8: `slipway --version` against Node printing a line. */
export async function measureCommandStart(workshop: Workshop): Promise<Measurement> {
  const own: number[] = [];
  const node: number[] = [];
  for (let time = 0; time < STARTS; time++) {
    own.push((await runSlipway(workshop, ['--version'])).seconds * 1000);
    node.push((await runCommand(workshop, process.execPath, ['-e', 'console.log(1)'])).seconds * 1000);
  }
  return {
    ...{ id: 'P8', what: 'slipway --version', value: median(own), unit: 'ms' },
    peer: { name: 'Node printing a line', value: median(node) },
    aim: { of: 'value', limit: 120 },
  };
}

/** Time of the one step that only runs a compressor, from the build's own report; undefined where it was not run. */
function compressionSeconds({ stderr }: Finished): number | undefined {
  const match = /^pack: core file system, (?:(?:(\d+) min )?([\d.]+) s|(\d+) ms)$/m.exec(stderr);
  if (!match) return undefined;
  const [, minutes, seconds, ms] = match;
  return Number(minutes ?? 0) * 60 + Number(seconds ?? 0) + Number(ms ?? 0) / 1000;
}

async function blobsAddedBy(workshop: Workshop, run: () => Promise<unknown>): Promise<number> {
  const count = async (): Promise<number> =>
    (await readdir(join(workshop.store, 'blobs'), { recursive: true }).catch(() => [])).length;
  const before = await count();
  await run();
  return (await count()) - before;
}
