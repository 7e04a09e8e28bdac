import { diffLocks } from '../lock/diff-locks.ts';
import { summarizeLock } from '../lock/summarize-lock.ts';
import { loadProject } from '../project.ts';
import { type BuildHostArguments, openBuildHost } from './build-host.ts';
import type { CommandContext } from './context.ts';

export interface LockArguments extends BuildHostArguments {
  readonly manifests: readonly string[];
  /** true: everything; names: these packages and images. */
  readonly update?: true | readonly string[];
}

/** `slipway lock`: resolves, writes the lock, prints what changed, or what a new lock holds. */
export async function lockCommand(context: CommandContext, args: LockArguments): Promise<number> {
  const project = await loadProject({
    ...context,
    manifests: args.manifests,
    allowHostFiles: args.allowHostFiles ?? false,
  });
  await using host = await openBuildHost(context, args);
  const update = args.update === true ? 'all' : args.update ? new Set(args.update) : undefined;
  const { lock, previous, save } = await host.resolve(project, {
    ...(update === undefined ? {} : { update }),
    replaceDamaged: true,
  });
  context.endReport();
  const isWritten = await save();
  const lines = previous ? diffLocks(previous, lock) : summarizeLock(lock);
  const none = isWritten ? 'no version changed' : 'nothing changed';
  context.stdout.write(`${lines.length === 0 ? none : lines.join('\n')}\n`);
  return 0;
}
