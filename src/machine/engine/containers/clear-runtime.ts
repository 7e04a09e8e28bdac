import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import { killCgroup, removeCgroup } from '../../host/cgroups.ts';
import type { EngineContext } from '../context.ts';
import { releaseNetworks } from '../networks/release.ts';
import { deleteFromRuntime } from '../runtime/crun.ts';
import { releaseVolumes } from '../volumes/mount.ts';
import { cgroupFolderOf } from './cgroup-path.ts';
import { releaseRoot } from './root-mount.ts';
import { releaseSharedMemory } from './shared-memory.ts';
import { findRuntime } from './runtime-of.ts';

/**
 * Takes away what a life of a container used: processes left in its cgroup, crun's state, the cgroup,
 * its networks, the mounted root, volumes that nobody else uses. Can be called any number of times.
 */
export async function clearRuntime(context: EngineContext, id: string): Promise<void> {
  const cgroup = cgroupFolderOf(context.config, context.table.get(id));
  if (cgroup !== undefined) await killCgroup(cgroup);
  // A runtime that this machine does not have keeps nothing on it either.
  context.step('clear: runtime');
  const runtime = findRuntime(context, context.table.get(id));
  // What it does not know it need not be asked for, and every container is cleared away twice: at its end and its removal.
  if (runtime !== undefined && existsSync(join(runtime.root, id))) await deleteFromRuntime(runtime, id);
  if (cgroup !== undefined && !(await removeCgroup(cgroup))) {
    context.log.warning('a cgroup could not be removed, it still has processes', { cgroup });
  }
  context.step('clear: networks');
  await releaseNetworks(context, id);
  context.step('clear: root');
  await releaseSharedMemory(context, context.table.get(id));
  await releaseRoot(context, id);
  context.step('clear: volumes');
  await releaseVolumes(context, context.table.get(id));
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
