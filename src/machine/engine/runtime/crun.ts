import { runProgram, type ProgramResult } from '../../host/run-program.ts';
import { runtimeFailure } from './conmon.ts';

/** How crun is called: its path and the options before the command. */
export interface Runtime {
  readonly program: string;
  readonly root: string;
  readonly useCgroups: boolean;
}

const TIMEOUT_MS = 30_000;

/** crun's options that stand before every command. */
export function runtimeArguments(runtime: Runtime): string[] {
  return [`--root=${runtime.root}`, `--cgroup-manager=${runtime.useCgroups ? 'cgroupfs' : 'disabled'}`];
}

function call(runtime: Runtime, ...words: readonly string[]): Promise<ProgramResult> {
  return runProgram([runtime.program, ...runtimeArguments(runtime), ...words], { timeoutMs: TIMEOUT_MS });
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

/** Freezes or thaws a container. Throws CONTAINER_START_FAILED with crun's words. */
export async function freezeInRuntime(runtime: Runtime, id: string, frozen: boolean): Promise<void> {
  const result = await call(runtime, frozen ? 'pause' : 'resume', id);
  if (result.exitCode !== 0) throw runtimeFailure(result.stderr);
}
