import { loadProject } from '../project.ts';
import type { CommandContext } from './context.ts';

export interface CheckArguments {
  readonly manifests: readonly string[];
  readonly allowHostFiles?: boolean;
}

/** `slipway check`: prints what the manifest is when it is sound; faults of its form are thrown together. */
export async function checkCommand(context: CommandContext, args: CheckArguments): Promise<number> {
  const { manifest } = await loadProject({
    ...context,
    manifests: args.manifests,
    allowHostFiles: args.allowHostFiles ?? false,
  });
  context.endReport();
  const { name, services } = manifest;
  context.stdout.write(`${name}: sound, ${services.length} service${services.length === 1 ? '' : 's'}\n`);
  return 0;
}
