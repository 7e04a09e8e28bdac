import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ToolError, isSystemError } from '../../shared/errors.ts';
import { type ProcessIdentity, identifyProcess, isRunning, readBootId } from '../host/processes.ts';
import { saveFile } from '../host/save-file.ts';

/** Names the process that works in an engine's folder. */
const FILE = 'engine.json';

/**
 * Makes this process the one that works in an engine's folder: two would take each other's containers away. What a
 * process that has ended left is taken over. Throws ENGINE_ALREADY_RUNNING, and I/O errors.
 */
export function claimRoot(root: string): void {
  const file = join(root, FILE);
  const bootId = readBootId();
  const holder = readHolder(file);
  if (holder !== undefined && holder.pid !== process.pid && isRunning(holder, bootId)) {
    throw new ToolError(`another engine works in ${root}: process with PID ${holder.pid} is still running`, {
      code: 'ENGINE_ALREADY_RUNNING',
      kind: 'conflict',
      hint: `stop that process first; the engine is reached by its socket`,
    });
  }
  try {
    saveFile(file, `${JSON.stringify(identifyProcess(process.pid, bootId))}\n`);
  } catch (error) {
    // A folder that is full must not keep the engine from making room in it.
    if (!isSystemError(error, 'ENOSPC', 'EDQUOT')) throw error;
  }
}

function readHolder(file: string): ProcessIdentity | undefined {
  try {
    const holder = JSON.parse(readFileSync(file, 'utf8')) as Partial<ProcessIdentity> | null;
    const isWhole =
      Number.isSafeInteger(holder?.pid) &&
      typeof holder?.startTime === 'string' &&
      typeof holder.bootId === 'string';
    return isWhole ? (holder as ProcessIdentity) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
