import type { EngineContext } from '../context.ts';
import type { Backend } from '../http/backend.ts';
import { attachBackend } from './attach.ts';
import { containerBackend } from './containers.ts';
import { execBackend } from './execs.ts';
import { lifecycleBackend } from './lifecycle.ts';
import { systemBackend } from './system.ts';
import { fileBackend } from './files.ts';
import { imageBackend } from './images.ts';
import { transferBackend } from './transfers.ts';
import { networkBackend } from './networks.ts';
import { volumeBackend } from './volumes.ts';

/** The engine as its HTTP server sees it. */
export function createBackend(context: EngineContext): Backend {
  return {
    system: systemBackend(context),
    containers: containerBackend(context),
    lifecycle: lifecycleBackend(context),
    attach: attachBackend(context),
    execs: execBackend(context),
    files: fileBackend(context),
    images: imageBackend(context),
    transfers: transferBackend(context),
    volumes: volumeBackend(context),
    networks: networkBackend(context),
  };
}
