import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How init/run-node starts Node on a machine. */
export interface MachineRuntime {
  readonly flags: readonly string[];
  readonly env: { readonly GLIBC_TUNABLES: string };
}

/** Reads init/run-node. Throws where it is not as expected. */
export function machineRuntime(): MachineRuntime {
  const script = readFileSync(join(import.meta.dirname, '../../init/run-node'), 'utf8');
  const call = script.slice(script.indexOf('runtime/node"'));
  const flags = call.match(/--[a-z][\w-]*(?:=\w+)?/g) ?? [];
  const tunables = /GLIBC_TUNABLES=(\S+)/.exec(script)?.[1];
  if (flags.length < 5 || tunables === undefined) throw new Error('init/run-node starts Node in another way');
  return { flags, env: { GLIBC_TUNABLES: tunables } };
}
