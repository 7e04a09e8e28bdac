import type { EngineContext } from '../context.ts';
import type { Backend } from '../http/backend.ts';
import { containerBackend } from './containers.ts';
import { execBackend } from './execs.ts';
import { systemBackend } from './system.ts';

/** The engine as its HTTP server sees it. */
export function createBackend(context: EngineContext): Backend {
  return {
    system: systemBackend(context),
    containers: containerBackend(context),
    execs: execBackend(context),
  };
}
