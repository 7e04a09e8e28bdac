import { attachContainer } from '../containers/attach.ts';
import { resizeContainer } from '../containers/resize.ts';
import type { EngineContext } from '../context.ts';
import type { AttachBackend } from '../http/attach-handlers.ts';

/** Attaching to containers, in Docker's words. */
export function attachBackend(context: EngineContext): AttachBackend {
  return {
    attach: (nameOrId, options) => attachContainer(context, nameOrId, options),
    resize: (nameOrId, rows, columns) => resizeContainer(context, nameOrId, rows, columns),
  };
}
