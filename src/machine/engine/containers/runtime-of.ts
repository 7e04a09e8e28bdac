import { join } from 'node:path';
import type { EngineContext } from '../context.ts';
import type { RuntimeName } from '../../../shared/engine-settings.ts';
import { invalidParameter } from '../docker-errors.ts';
import type { Runtime } from '../runtime/crun.ts';
import type { ContainerRecord } from '../store/container-record.ts';

/** What Docker's clients call the default. */
const DEFAULT_ALIAS = 'io.containerd.runc.v2';

/** Names that a request may give for its runtime. */
export function runtimeNames(context: EngineContext): string[] {
  return ['crun', ...(context.config.programs.runc === undefined ? [] : ['runc']), DEFAULT_ALIAS];
}

/** The runtime that a container was made for. Throws ENGINE_INVALID_PARAMETER when it is not there any more. */
export function runtimeOf(context: EngineContext, record: ContainerRecord): Runtime {
  const runtime = findRuntime(context, record);
  if (runtime !== undefined) return runtime;
  throw invalidParameter(`unknown or invalid runtime name: ${record.request.HostConfig?.Runtime ?? ''}`);
}

/** The same; undefined when this machine does not have it. */
export function findRuntime(context: EngineContext, record: ContainerRecord): Runtime | undefined {
  const { config, paths } = context;
  const asked = record.request.HostConfig?.Runtime ?? '';
  const name: RuntimeName =
    asked === 'crun' || asked === 'runc' ? asked : (config.settings?.defaultRuntime ?? 'crun');
  const program = name === 'crun' ? config.programs.crun : config.programs.runc;
  if (program === undefined) return undefined;
  return {
    name,
    program,
    root: name === 'crun' ? paths.crun : join(paths.root, 'runc'),
    useCgroups: config.cgroups !== undefined,
    patienceMs: context.hooks.patienceMs,
  };
}
