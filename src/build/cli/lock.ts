import { diffLocks } from '../lock/diff-locks.ts';
import { loadLock } from '../lock/lock-file.ts';
import { loadProject } from '../project.ts';
import { type BuildHostArguments, openBuildHost } from './build-host.ts';
import type { CommandContext } from './context.ts';

export interface LockArguments extends BuildHostArguments {
  readonly manifests: readonly string[];
  /** true: everything; names: these packages and images. */
  readonly update?: true | readonly string[];
}

/** `slipway lock`: resolves, writes the lock, prints what changed. */
export async function lockCommand(context: CommandContext, args: LockArguments): Promise<number> {
  const project = await loadProject({
    ...context,
    manifests: args.manifests,
    allowHostFiles: args.allowHostFiles ?? false,
  });
  await using host = await openBuildHost(context, args);
  const before = await loadLock(project.lockPath);
  const update = args.update === true ? 'all' : args.update ? new Set(args.update) : undefined;
  const lock = await host.resolve(project, update === undefined ? {} : { update });
  context.endReport();
  const changes = diffLocks(before, lock);
  context.stdout.write(changes.length === 0 ? 'nothing changed\n' : `${changes.join('\n')}\n`);
  return 0;
}
