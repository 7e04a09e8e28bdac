import { createHash } from 'node:crypto';
import { mkdir, rmdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../../shared/errors.ts';
import { listMountPoints, unmountAll } from '../../host/mounts.ts';
import { runProgramOrThrow } from '../../host/run-program.ts';
import type { EngineContext } from '../context.ts';
import { invalidParameter } from '../docker-errors.ts';
import { openSubpath } from '../files/subpath.ts';
import type { ContainerRecord } from '../store/container-record.ts';

const TIMEOUT_MS = 30_000;

/**
 * Mounts a folder or file of a volume at a path of the engine's own, from where the runtime takes it: whatever
 * other containers put in its place meanwhile, it is what was found inside the volume. Answers the path.
 * Throws ENGINE_INVALID_PARAMETER when it is not there.
 */
export async function bindSubpath(
  context: EngineContext,
  containerId: string,
  destination: string,
  folder: string,
  subpath: string,
): Promise<string> {
  const { busybox } = context.config.programs;
  const home = subpathsOf(context, containerId);
  const target = join(home, createHash('sha256').update(destination).digest('hex').slice(0, 16));
  await unmountAll(busybox, target);
  await using place = await openSubpath(folder, subpath);
  if (place === undefined) {
    throw invalidParameter(`cannot access path ${join(folder, subpath)}: no such file or directory`);
  }
  await mkdir(home, { recursive: true, mode: 0o700 });
  await removeEmpty(target);
  if (place.stat.isDirectory()) await mkdir(target);
  else await writeFile(target, '');
  await runProgramOrThrow(
    [busybox, 'mount', '-o', 'rbind', place.pathForOthers, target],
    `mounting ${subpath} of a volume`,
    { timeoutMs: TIMEOUT_MS },
  );
  return target;
}

/** Never takes apart what may be mounted there after all. */
async function removeEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (isSystemError(error, 'ENOTDIR')) await unlink(path);
    else if (!isSystemError(error, 'ENOENT')) throw error;
  }
}

/** Unmounts what `bindSubpath` mounted for a container. */
export async function releaseSubpaths(context: EngineContext, record: ContainerRecord): Promise<void> {
  const has = (record.mounts ?? []).some(mount => mount.kind === 'volume' && mount.subpath !== undefined);
  if (!has) return;
  const home = `${subpathsOf(context, record.id)}/`;
  for (const point of listMountPoints().reverse()) {
    if (point.startsWith(home)) await unmountAll(context.config.programs.busybox, point);
  }
}

function subpathsOf(context: EngineContext, containerId: string): string {
  return join(context.table.paths(containerId).bundle, 'subpaths');
}
