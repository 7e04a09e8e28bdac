import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram, type ProgramResult } from '../../host/run-program.ts';
import { runtimeFailure } from './conmon.ts';
import { formatOciJson } from './oci-json.ts';
import type { OciResources } from './oci-types.ts';

/** How crun or runc is called: its path and what the options before the command depend on. */
export interface Runtime {
  readonly name: 'crun' | 'runc';
  readonly program: string;
  readonly root: string;
  readonly useCgroups: boolean;
  /** How much longer than usual it may take: it waits for OCI hooks. */
  readonly patienceMs?: number;
}

const TIMEOUT_MS = 30_000;

/** The options that stand before every command. */
export function runtimeArguments(runtime: Runtime): string[] {
  if (runtime.name === 'runc') return [`--root=${runtime.root}`];
  return [`--root=${runtime.root}`, `--cgroup-manager=${runtime.useCgroups ? 'cgroupfs' : 'disabled'}`];
}

function call(runtime: Runtime, ...words: readonly string[]): Promise<ProgramResult> {
  return runProgram([runtime.program, ...runtimeArguments(runtime), ...words], {
    timeoutMs: TIMEOUT_MS + (runtime.patienceMs ?? 0),
    quiet: true,
  });
}

/** Starts the program of a container that conmon has made. Throws CONTAINER_START_FAILED. */
export async function startInRuntime(runtime: Runtime, id: string): Promise<void> {
  const result = await call(runtime, 'start', id);
  if (result.exitCode !== 0)
    throw runtimeFailure(result.stderr || `crun start: exit code ${result.exitCode}`);
}

/** Forgets a container in crun and kills what is left of it; no error when crun does not know it. */
export async function deleteFromRuntime(runtime: Runtime, id: string): Promise<void> {
  await call(runtime, 'delete', '--force', id);
}

/**
 * Sets limits of a running container; what `resources` leaves out stays. Throws CONTAINER_START_FAILED with
 * the runtime's words.
 * @param bundle the container's folder, where the runtime reads them
 */
export async function updateInRuntime(
  runtime: Runtime,
  id: string,
  resources: OciResources,
  bundle: string,
): Promise<void> {
  const file = join(bundle, 'resources.json');
  await writeFile(file, formatOciJson(resources), { mode: 0o600 });
  const result = await call(runtime, 'update', '--resources', file, id);
  if (result.exitCode !== 0) throw runtimeFailure(result.stderr || `exit code ${result.exitCode}`);
}

/** Freezes or thaws a container. Throws CONTAINER_START_FAILED with crun's words. */
export async function freezeInRuntime(runtime: Runtime, id: string, frozen: boolean): Promise<void> {
  const result = await call(runtime, frozen ? 'pause' : 'resume', id);
  if (result.exitCode !== 0) throw runtimeFailure(result.stderr);
}
