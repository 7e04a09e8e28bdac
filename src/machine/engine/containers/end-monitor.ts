import { readFile } from 'node:fs/promises';
import { identifyProcess, signalProcess } from '../../host/processes.ts';
import type { EngineContext } from '../context.ts';
import { forgetExit } from './forget-exit.ts';

/** A conmon whose container is gone has a file to write and little else to do. */
const PATIENCE_MS = 5000;
const SIGKILL = 9;

/**
 * Waits for the end of the conmon of a start that failed, whose container has been cleared away, and takes away the exit
 * code that it leaves. One that does not end is killed.
 */
export async function endMonitor(context: EngineContext, id: string): Promise<void> {
  const { bundle, monitorPidFile } = context.table.paths(id);
  const isOver = await new Promise<boolean>(resolve => {
    const timer = setTimeout(() => resolve(false), PATIENCE_MS);
    const end = (isGone: boolean): void => {
      clearTimeout(timer);
      resolve(isGone);
    };
    try {
      context.monitors.watch(id, bundle, () => end(true));
    } catch {
      end(false);
    }
  });
  context.monitors.release(id);
  if (!isOver) {
    const pid = Number(await readFile(monitorPidFile, 'utf8').catch(() => ''));
    const monitor = identifyProcess(pid, context.bootId);
    if (monitor !== undefined) signalProcess(monitor, SIGKILL, context.bootId);
  }
  forgetExit(context, id);
}
