import { messageOf } from '../../../shared/errors.ts';
import { killCgroup, removeCgroup } from '../../host/cgroups.ts';
import type { EngineContext } from '../context.ts';
import { deleteFromRuntime } from '../runtime/crun.ts';
import { cgroupFolderOf } from './cgroup-path.ts';
import { releaseRoot } from './prepare-bundle.ts';

/**
 * Takes away what a life of a container used: processes left in its cgroup, crun's state, the cgroup,
 * the mounted root. Can be called any number of times.
 */
export async function clearRuntime(context: EngineContext, id: string): Promise<void> {
  const cgroup = cgroupFolderOf(context.config, context.table.get(id));
  if (cgroup !== undefined) await killCgroup(cgroup);
  await deleteFromRuntime(context.runtime, id);
  if (cgroup !== undefined && !(await removeCgroup(cgroup))) {
    context.log.warning('a cgroup could not be removed, it still has processes', { cgroup });
  }
  await releaseRoot(context, id);
}

/**
 * The same for a life that is over whatever happens: a fault is logged, and what is left is cleared away
 * before the container is started again or removed.
 */
export async function tryClearRuntime(context: EngineContext, id: string): Promise<void> {
  try {
    await clearRuntime(context, id);
  } catch (error) {
    context.log.warning('a container could not be cleared away', {
      container: context.table.get(id).name,
      reason: messageOf(error),
    });
  }
}
