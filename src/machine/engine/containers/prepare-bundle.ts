import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../../shared/errors.ts';
import { mountOverlay, unmountAll } from '../../host/mounts.ts';
import { readOpenFilesLimit } from '../../host/processes.ts';
import type { EngineContext } from '../context.ts';
import { invalidParameter, noSuchImage, notRunning } from '../docker-errors.ts';
import type { Image } from '../images/image-catalog.ts';
import { formatOciJson } from '../runtime/oci-json.ts';
import { planDevices } from '../runtime/oci-devices.ts';
import { type PlannedMount, planMounts } from '../runtime/oci-mounts.ts';
import { planNamespaces } from '../runtime/oci-namespaces.ts';
import { formatOciSpec } from '../runtime/oci-spec.ts';
import type { OciSpec } from '../runtime/oci-types.ts';
import { readInRoot, resolveInRoot } from '../runtime/root-path.ts';
import { resolveUser } from '../runtime/user-lookup.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import { cgroupPathOf } from './cgroup-path.ts';
import { nonEmpty } from '../non-empty.ts';

/**
 * Makes everything that conmon needs to create the container: the mounted root file system and
 * config.json. What an earlier life left behind is taken away first.
 */
export async function prepareBundle(context: EngineContext, record: ContainerRecord): Promise<OciSpec> {
  const { request } = record;
  const host = request.HostConfig ?? {};
  const paths = context.table.paths(record.id);
  const image = context.images.byId(record.imageId);
  if (image === undefined) throw noSuchImage(request.Image);

  await mkdir(paths.persist, { recursive: true, mode: 0o700 });
  await mkdir(paths.logs, { recursive: true, mode: 0o700 });
  for (const file of [paths.pidFile, paths.monitorPidFile, join(paths.persist, 'oom')])
    await rm(file, { force: true });
  await rm(join(context.paths.exits, record.id), { force: true });

  const namespaces = planNamespaces(host, nameOrId => pidOf(context, nameOrId));
  const mounts = planMounts(host, request.Slipway, {
    hostIpc: namespaces.hostIpc,
    hostPid: namespaces.hostPid,
    hasCgroup: context.config.cgroups !== undefined,
  });
  await checkSources(mounts);
  const rootPath = await mountRoot(context, record, image, mounts);
  const user = resolveUser(nonEmpty(request.User) ?? image.run.User ?? '', host.GroupAdd ?? [], {
    passwd: await readInRoot(rootPath, '/etc/passwd'),
    group: await readInRoot(rootPath, '/etc/group'),
  });
  const cgroupPath = cgroupPathOf(context.config, record);
  const spec = formatOciSpec({
    id: record.id,
    request,
    image: image.run,
    rootPath,
    user,
    mounts,
    namespaces,
    devices: await planDevices(host, request.Slipway),
    ...(cgroupPath === undefined ? {} : { cgroupPath }),
    openFiles: readOpenFilesLimit(),
    limits: context.config.cgroups?.limits === true,
  });
  await writeFile(join(paths.bundle, 'config.json'), formatOciJson(spec), { mode: 0o600 });
  return spec;
}

/** Unmounts the container's root file system, if it has one of its own. */
export async function releaseRoot(context: EngineContext, id: string): Promise<void> {
  await unmountAll(context.config.programs.busybox, context.table.paths(id).rootfs);
}

/** The root's folder on the host: one read-only layer as it is, anything else as an overlay. */
async function mountRoot(
  context: EngineContext,
  record: ContainerRecord,
  image: Image,
  mounts: readonly PlannedMount[],
): Promise<string> {
  const [onlyLayer, ...more] = image.layerFolders;
  const isReadonly = record.request.HostConfig?.ReadonlyRootfs === true;
  if (onlyLayer !== undefined && more.length === 0 && isReadonly) {
    const cwd = nonEmpty(record.request.WorkingDir) ?? nonEmpty(image.run.WorkingDir) ?? '/';
    if (await hasMountPoints(onlyLayer, mounts, cwd)) return onlyLayer;
  }
  const paths = context.table.paths(record.id);
  await releaseRoot(context, record.id);
  for (const folder of [paths.rootfs, paths.upper]) await mkdir(folder, { recursive: true, mode: 0o755 });
  // The kernel wants an empty work folder of its own.
  await rm(paths.work, { recursive: true, force: true });
  await mkdir(paths.work, { mode: 0o700 });
  await mountOverlay(context.config.programs.busybox, {
    lower: image.layerFolders.toReversed(),
    upper: paths.upper,
    work: paths.work,
    target: paths.rootfs,
    links: paths.lowerLinks,
  });
  return paths.rootfs;
}

/** Whether crun finds a place for every mount without writing; what lies on another mount is made there. */
async function hasMountPoints(root: string, mounts: readonly PlannedMount[], cwd: string): Promise<boolean> {
  const covers = mounts.map(mount => `${mount.destination}/`);
  for (const [index, { destination }] of mounts.entries()) {
    if (covers.slice(0, index).some(cover => destination.startsWith(cover))) continue;
    if ((await resolveInRoot(root, destination)) === undefined) return false;
  }
  if (covers.some(cover => `${cwd}/`.startsWith(cover))) return true;
  return (await resolveInRoot(root, cwd)) !== undefined;
}

async function checkSources(mounts: readonly PlannedMount[]): Promise<void> {
  for (const mount of mounts.filter(mount => mount.type === 'bind')) {
    try {
      await stat(mount.source);
    } catch (error) {
      if (!isSystemError(error, 'ENOENT')) throw error;
      if (!mount.makeSource) {
        throw invalidParameter(
          `invalid mount config for type "bind": bind source path does not exist: ${mount.source}`,
        );
      }
      await mkdir(mount.source, { recursive: true });
    }
  }
}

function pidOf(context: EngineContext, nameOrId: string): number {
  const { id, state } = context.table.resolve(nameOrId);
  if (state.status !== 'running' && state.status !== 'paused') {
    throw notRunning(id, `cannot join network of a non running container`);
  }
  return state.process.pid;
}
