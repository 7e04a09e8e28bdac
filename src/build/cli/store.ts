import { ArtifactCache } from '../artifact-cache.ts';
import { formatBytes } from '../report/format.ts';
import { openStore, storeRoot } from '../store/store.ts';
import type { CommandContext } from './context.ts';

export interface StoreArguments {
  readonly action: 'path' | 'size' | 'prune';
  /** Days; by default KEPT_DAYS. */
  readonly olderThan?: number;
  /** Prune everything. */
  readonly all?: boolean;
}

/** What was used in this time is likely to be used again: the inputs and results of a project at hand. */
const KEPT_DAYS = 30;

/** `slipway store path|size|prune` */
export async function storeCommand(
  { environment, stdout }: CommandContext,
  args: StoreArguments,
): Promise<number> {
  const root = storeRoot(environment);
  if (args.action === 'path') {
    stdout.write(`${root}\n`);
    return 0;
  }
  await using store = await openStore(root);
  if (args.action === 'size') {
    const usage = await store.usage();
    stdout.write(
      `blobs    ${formatBytes(usage.blobs.sizeBytes)} in ${usage.blobs.count}\n` +
        `results  ${formatBytes(usage.results.sizeBytes)} in ${usage.results.count}\n` +
        `total    ${formatBytes(usage.sizeBytes)}\n`,
    );
  } else {
    if (args.all) await new ArtifactCache(root).clear();
    const maxAgeDays = args.olderThan ?? KEPT_DAYS;
    const pruned = await store.prune(args.all ? { all: true } : { maxAgeDays });
    const what = args.all ? '' : ` that was not used for ${maxAgeDays} day${maxAgeDays === 1 ? '' : 's'}`;
    stdout.write(`removed ${formatBytes(pruned.removedBytes)}${what}\n`);
  }
  return 0;
}
