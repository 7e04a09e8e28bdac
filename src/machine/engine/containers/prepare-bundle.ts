import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { hostArch } from '../../../shared/arch.ts';
import { isSystemError, messageOf } from '../../../shared/errors.ts';
import { makeFolders } from '../../../shared/fs/make-folders.ts';
import type { OciHooks } from '../../../shared/oci-hooks/hook.ts';
import { existsBelow } from '../../host/place.ts';
import { isRunning, readOpenFilesLimit } from '../../host/processes.ts';
import type { EngineContext } from '../context.ts';
import { conflict, invalidParameter, noBindSource, noSuchImage, notSupported } from '../docker-errors.ts';
import { readAccountsBelow } from '../files/account-files.ts';
import type { Image } from '../images/image-catalog.ts';
import { namespaceOf } from '../networks/attach.ts';
import { namesOf } from '../networks/names.ts';
import { planBlockIo } from '../runtime/oci-block-io.ts';
import { formatOciJson } from '../runtime/oci-json.ts';
import { planDevices } from '../runtime/oci-devices.ts';
import { type PlannedMount, planMounts } from '../runtime/oci-mounts.ts';
import { NAMESPACE_WORDS, type NamespaceKind, planNamespaces } from '../runtime/oci-namespaces.ts';
import { formatOciSpec, INIT_PATH, usesInit } from '../runtime/oci-spec.ts';
import type { OciSpec } from '../runtime/oci-types.ts';
import { withSourceFlags } from '../runtime/source-flags.ts';
import { resolveUser } from '../runtime/user-lookup.ts';
import { type ContainerRecord, isLive } from '../store/container-record.ts';
import { prepareVolumes } from '../volumes/container-mounts.ts';
import { cgroupPathOf } from './cgroup-path.ts';
import { forgetExit } from './forget-exit.ts';
import { mountContainerRoot } from './root-mount.ts';
import { writeNetworkFiles } from './network-files.ts';
import { prepareSharedMemory } from './shared-memory.ts';
import { nonEmpty } from '../non-empty.ts';
import { matchHooks } from '../hooks/match-hooks.ts';

const CONFIG = 'config.json';

/**
 * Takes away what an earlier life of a container left in its folders, most of which are in memory, and makes them.
 * Without a config.json nobody can make the container before `prepareBundle` is through.
 */
export async function forgetLastLife(context: EngineContext, id: string): Promise<void> {
  const paths = context.table.paths(id);
  forgetExit(context, id);
  for (const file of [paths.pidFile, paths.monitorPidFile, join(paths.bundle, CONFIG)])
    rmSync(file, { force: true });
  for (const folder of [paths.bundle, paths.persist]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  await mkdir(paths.logs, { recursive: true, mode: 0o700 });
}

/** Makes what the runtime needs to create a container: the mounted root file system and config.json. */
export async function prepareBundle(context: EngineContext, record: ContainerRecord): Promise<void> {
  const { request } = record;
  const host = request.HostConfig ?? {};
  const paths = context.table.paths(record.id);
  const image = context.images.byId(record.imageId);
  if (image === undefined) throw noSuchImage(request.Image);

  const namespaces = planNamespaces(
    request.NetworkDisabled === true ? { ...host, NetworkMode: 'none' } : host,
    (nameOrId, kind) => pidOf(context, nameOrId, kind),
    namespaceOf(context, record.id),
  );
  const shm = await prepareSharedMemory(context, record);
  const volumes = await prepareVolumes(context, record);
  const planned = planMounts(
    host,
    request.Slipway,
    {
      hostIpc: namespaces.hostIpc,
      hostPid: namespaces.hostPid,
      hasCgroup: context.config.cgroups !== undefined,
      ...(shm === undefined ? {} : { shm }),
    },
    volumes,
    [
      ...writeNetworkFiles(context, record, namesOf(context, record)),
      ...(usesInit(request, namespaces) ? [initMount(context)] : []),
    ],
  );
  await checkSources(planned);
  const mounts = planned.map(mount => withSourceFlags(mount));
  context.step('start: mount the root');
  const rootPath = await mountRoot(context, record, image, mounts);
  const user = resolveUser(
    nonEmpty(request.User) ?? image.run.User ?? '',
    host.GroupAdd ?? [],
    await readAccountsBelow(rootPath),
  );
  const cgroupPath = cgroupPathOf(context.config, record);
  const blockIo = await planBlockIo(host);
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
    ...(blockIo === undefined ? {} : { blockIo }),
    arch: hostArch(process.arch) ?? process.arch,
    machineName: hostname(),
  });
  const hooks = await hooksFor(context, spec, record);
  context.step('start: configuration');
  const whole = hooks === undefined ? spec : { ...spec, hooks };
  writeFileSync(join(paths.bundle, CONFIG), formatOciJson(whole), { mode: 0o600 });
}

/** The machine's hooks that are for this container. Throws OCI_HOOK_INVALID. */
async function hooksFor(
  context: EngineContext,
  spec: OciSpec,
  record: ContainerRecord,
): Promise<OciHooks | undefined> {
  const { HostConfig: host = {}, Slipway: slipway } = record.request;
  const files = await context.hooks.load();
  return matchHooks(files, {
    command: spec.process.args[0] ?? '',
    annotations: spec.annotations ?? {},
    hasBindMounts:
      (host.Binds ?? []).some(bind => bind.startsWith('/')) ||
      // Such as those of `--volumes-from`.
      (record.mounts ?? []).some(mount => mount.kind === 'bind') ||
      [
        ...(host.Mounts ?? []).map(mount => mount.Type),
        ...(slipway?.mounts ?? []).map(mount => mount.type),
      ].includes('bind'),
  });
}

/** The init process, which is started before the container's own program. Throws ENGINE_NOT_SUPPORTED. */
function initMount(context: EngineContext): PlannedMount {
  const source = context.config.programs.init;
  if (source === undefined) throw notSupported('an init process (HostConfig.Init)');
  return {
    type: 'bind',
    source,
    destination: INIT_PATH,
    options: ['bind', 'rprivate', 'ro'],
    makeSource: false,
  };
}

/** The root's folder on the host: one read-only layer as it is, anything else as an overlay. */
async function mountRoot(
  context: EngineContext,
  record: ContainerRecord,
  image: Image,
  mounts: readonly PlannedMount[],
): Promise<string> {
  const isReadonly = record.request.HostConfig?.ReadonlyRootfs === true;
  if (image.isReadOnly && image.layers.length === 1 && isReadonly) {
    const [onlyLayer = ''] = await context.images.mountLayers(image, record.id);
    const cwd = nonEmpty(record.request.WorkingDir) ?? nonEmpty(image.run.WorkingDir) ?? '/';
    if (await hasMountPoints(onlyLayer, mounts, cwd)) return onlyLayer;
  }
  return mountContainerRoot(context, record.id, image);
}

/** Whether crun finds a place for every mount without writing; what lies on another mount is made there. */
async function hasMountPoints(root: string, mounts: readonly PlannedMount[], cwd: string): Promise<boolean> {
  const covers = mounts.map(mount => `${mount.destination}/`);
  for (const [index, { destination }] of mounts.entries()) {
    if (covers.slice(0, index).some(cover => destination.startsWith(cover))) continue;
    if (!(await existsBelow(root, destination))) return false;
  }
  if (covers.some(cover => `${cwd}/`.startsWith(cover))) return true;
  return await existsBelow(root, cwd);
}

async function checkSources(mounts: readonly PlannedMount[]): Promise<void> {
  await Promise.all(mounts.filter(({ type }) => type === 'bind').map(checkSource));
}

async function checkSource({ source, makeSource }: PlannedMount): Promise<void> {
  if (source.includes('\0')) throw invalidParameter('a mount has a NUL byte in its source');
  try {
    await stat(source);
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
    if (!makeSource) throw noBindSource(source);
    await makeFolders(source).catch((cause: unknown) => {
      throw invalidParameter(
        `error while creating mount source path ${JSON.stringify(source)}: ${messageOf(cause)}`,
      );
    });
  }
}

function pidOf(context: EngineContext, nameOrId: string, kind: NamespaceKind): number {
  const { id, state } = context.table.resolve(nameOrId);
  if (!isLive(state) || !isRunning(state.process, context.bootId)) {
    throw conflict(`cannot join ${NAMESPACE_WORDS[kind]} of a non running container: ${id}`);
  }
  return state.process.pid;
}
