import { runDaemon } from './boot/daemon.ts';
import { createEngine } from './engine/engine.ts';

/** system-docker: the boot with its engine. Answers the exit code. */
export function runSystemDocker(): Promise<number> {
  return runDaemon(createEngine);
}
