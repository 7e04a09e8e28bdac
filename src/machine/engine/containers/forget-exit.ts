import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import type { EngineContext } from '../context.ts';

/** Removes what conmon left of a life, once what it says is in the record: the next life's has the same name. */
export function forgetExit(context: EngineContext, id: string): void {
  try {
    context.step('exit: forget');
    rmSync(join(context.paths.exits, id), { force: true });
    rmSync(context.table.paths(id).persist, { recursive: true, force: true });
  } catch (error) {
    // The next start removes it first; a restart that is due must not be lost over it.
    context.log.warning('an exit file could not be removed', { container: id, reason: messageOf(error) });
  }
}
