import { spawn } from 'node:child_process';
import { ToolError } from '../../shared/errors.ts';

/**
 * `spawn`, for programs whose streams are wanted: without file descriptors left Node answers a process that has none, and
 * ends this one with an error that nobody could have listened for. That throws PROGRAM_NOT_STARTED (kind environment)
 * here instead; every other fault comes as the event `error`.
 */
export const startProgram: typeof spawn = (...call: readonly unknown[]) => {
  const child = Reflect.apply(spawn, undefined, call) as ReturnType<typeof spawn>;
  // Node's types promise what is missing then.
  if ((child.stdio as unknown) !== undefined) return child as never;
  child.on('error', () => undefined);
  throw new ToolError(`starting ${String(call[0])}: too many open files`, {
    code: 'PROGRAM_NOT_STARTED',
    kind: 'environment',
  });
};
