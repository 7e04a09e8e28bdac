import { ArtifactCache } from '../artifact-cache.ts';
import { formatBytes } from '../report/format.ts';
import { openStore, storeRoot } from '../store/store.ts';
import type { CommandContext } from './context.ts';

export interface StoreArguments {
  readonly action: 'path' | 'size' | 'prune';
  /** Days; absent: everything. */
  readonly olderThan?: number;
}

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
    if (args.olderThan === undefined) await new ArtifactCache(root).clear();
    const pruned = await store.prune(
      args.olderThan === undefined ? { all: true } : { maxAgeDays: args.olderThan },
    );
    stdout.write(`removed ${formatBytes(pruned.removedBytes)}\n`);
  }
  return 0;
}
