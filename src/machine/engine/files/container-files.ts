import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../../shared/errors.ts';
import { Place } from '../../host/place.ts';
import type { EngineContext } from '../context.ts';
import { parseAskedMounts } from '../runtime/oci-mounts.ts';
import type { OciMount, OciSpec } from '../runtime/oci-types.ts';
import { type ContainerMount, type ContainerRecord, isLive } from '../store/container-record.ts';
import { mountVolume, releaseVolume } from '../volumes/mount.ts';
import { openContainerRoot } from './container-root.ts';
import { FileView, type ViewMount } from './file-view.ts';
import { openSubpath } from './subpath.ts';

/** A container's files, open until they are disposed of. */
export interface ContainerFiles extends AsyncDisposable {
  readonly view: FileView;
  readonly record: ContainerRecord;
  /** Aborted when the container is removed. */
  readonly signal: AbortSignal;
}

/** Files that the engine makes for a container and mounts into it. */
const ENGINE_FILES = ['/etc/hosts', '/etc/hostname', '/etc/resolv.conf'];

/**
 * Opens the files of a container, running or not, with its volumes and binds. What it has mounted itself,
 * and its file systems in memory, are not seen. Throws CONTAINER_NOT_FOUND, IMAGE_NOT_FOUND, VOLUME_MOUNT_FAILED.
 */
export async function openContainerFiles(context: EngineContext, nameOrId: string): Promise<ContainerFiles> {
  const { id } = context.table.resolve(nameOrId);
  await using stack = new AsyncDisposableStack();
  const root = stack.use(await openContainerRoot(context, id));
  const record = context.table.get(id);
  const mounts = await findMounts(context, record, stack);
  const view = stack.use(await FileView.open(root.folder, mounts));
  if (!isLive(record.state)) await view.makeMountPoints();
  const kept = stack.move();
  return { view, record, signal: root.signal, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function findMounts(
  context: EngineContext,
  record: ContainerRecord,
  stack: AsyncDisposableStack,
): Promise<ViewMount[]> {
  const { HostConfig = {}, Slipway } = record.request;
  const binds = parseAskedMounts(HostConfig, Slipway).filter(mount => mount.type === 'bind');
  const mounts = [...(await readEngineFiles(context, record)), ...binds].map(viewBind);
  for (const mount of record.mounts ?? []) {
    if (mount.kind === 'bind') mounts.push(viewBind(mount));
    else mounts.push(await viewVolume(context, mount, stack));
  }
  return mounts;
}

async function viewVolume(
  context: EngineContext,
  mount: Extract<ContainerMount, { kind: 'volume' }>,
  stack: AsyncDisposableStack,
): Promise<ViewMount> {
  const { name, destination, readOnly, subpath } = mount;
  context.volumes.hold(name);
  stack.defer(async () => {
    context.volumes.release(name);
    await releaseVolume(context, name);
  });
  const folder = await mountVolume(context, name);
  return {
    destination,
    readOnly,
    open: () => (subpath === undefined ? openSource(folder) : openSubpath(folder, subpath)),
  };
}

function viewBind(mount: Pick<OciMount, 'destination' | 'source' | 'options'>): ViewMount {
  const { destination, source, options } = mount;
  return { destination, readOnly: options.includes('ro'), open: () => openSource(source) };
}

async function openSource(path: string): Promise<Place | undefined> {
  try {
    return await Place.open(path);
  } catch (error) {
    // A bind whose source is made when the container starts.
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** The engine's own files in a container that has been started in this boot. */
async function readEngineFiles(context: EngineContext, record: ContainerRecord): Promise<OciMount[]> {
  const file = join(context.table.paths(record.id).bundle, 'config.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  }
  const { mounts } = JSON.parse(text) as OciSpec;
  return mounts.filter(mount => mount.type === 'bind' && ENGINE_FILES.includes(mount.destination));
}
