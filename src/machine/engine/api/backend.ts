import type { EngineContext } from '../context.ts';
import type { Backend } from '../http/backend.ts';
import { onDemand } from '../on-demand.ts';
import { attachBackend } from './attach.ts';
import { containerBackend } from './containers.ts';
import { execBackend } from './execs.ts';
import { lifecycleBackend } from './lifecycle.ts';
import { systemBackend } from './system.ts';

/** The engine as its HTTP server sees it. */
export function createBackend(context: EngineContext): Backend {
  return {
    system: systemBackend(context),
    containers: containerBackend(context),
    lifecycle: lifecycleBackend(context),
    attach: attachBackend(context),
    execs: execBackend(context),
    files: onDemand(async () => (await import('./files.ts')).fileBackend(context)),
    images: onDemand(async () => (await import('./images.ts')).imageBackend(context)),
    transfers: onDemand(async () => (await import('./transfers.ts')).transferBackend(context)),
    volumes: onDemand(async () => (await import('./volumes.ts')).volumeBackend(context)),
    networks: onDemand(async () => (await import('./networks.ts')).networkBackend(context)),
  };
}
