import type { PathStatBody } from '../../engine-api/bodies.ts';
import { type EngineContext, publish, summaryOf } from '../context.ts';
import { Place } from '../../host/place.ts';
import { noSuchFile } from '../docker-errors.ts';
import { type ContainerFiles, openContainerFiles } from './container-files.ts';
import { openContainerRoot } from './container-root.ts';
import { FileView, type Found } from './file-view.ts';
import { absolutePath, followsLast, statFound } from './path-stat.ts';
import { tarTree } from './tar-tree.ts';

/** A tar archive that is being read; disposing of it lets the container's files go. */
export interface OpenArchive extends AsyncDisposable {
  readonly stat: PathStatBody;
  readonly content: AsyncIterable<Buffer>;
  /** Aborted when the container is removed. */
  readonly signal: AbortSignal;
}

/** What lies at a path of a container. Throws CONTAINER_NOT_FOUND, CONTAINER_FILE_NOT_FOUND. */
export async function statContainerPath(
  context: EngineContext,
  nameOrId: string,
  path: string,
): Promise<PathStatBody> {
  await using files = await openContainerFiles(context, nameOrId);
  await using found = await findFile(files, nameOrId, path);
  return await statFound(files.view, path, found);
}

/**
 * Archives a file or folder of a container; entries are called after the path's last part. Throws
 * CONTAINER_NOT_FOUND, CONTAINER_FILE_NOT_FOUND.
 */
export async function openArchive(
  context: EngineContext,
  nameOrId: string,
  path: string,
): Promise<OpenArchive> {
  await using stack = new AsyncDisposableStack();
  const files = stack.use(await openContainerFiles(context, nameOrId));
  const found = stack.use(await findFile(files, nameOrId, path));
  const stat = await statFound(files.view, path, found);
  const link = await files.view.linkOf(found);
  const { place, names } = found;
  const content = tarTree(files.view, {
    place,
    names,
    tarName: tarNameOf(path),
    ...(link === undefined ? {} : { link }),
  });
  publish(context, 'archive-path', summaryOf(context, files.record.id));
  const kept = stack.move();
  return { stat, content, signal: files.signal, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Archives a container's own root file system; what is mounted in it is left out. Throws CONTAINER_NOT_FOUND, IMAGE_NOT_FOUND. */
export async function openExport(
  context: EngineContext,
  nameOrId: string,
): Promise<Omit<OpenArchive, 'stat'>> {
  const { id } = context.table.resolve(nameOrId);
  await using stack = new AsyncDisposableStack();
  const root = stack.use(await openContainerRoot(context, id));
  const view = stack.use(await FileView.open(root.folder, []));
  const place = stack.use(await Place.open(root.folder));
  const content = tarTree(view, { place, names: [], tarName: Buffer.alloc(0) });
  publish(context, 'export', summaryOf(context, id));
  const kept = stack.move();
  return { content, signal: root.signal, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function findFile(files: ContainerFiles, nameOrId: string, path: string): Promise<Found> {
  const found = await files.view.find(absolutePath(path), followsLast(path));
  if (found === undefined) throw noSuchFile(path, nameOrId);
  if (!/\/\.?$/.test(absolutePath(path)) || found.place.stat.isDirectory()) return found;
  await found[Symbol.asyncDispose]();
  throw noSuchFile(path, nameOrId);
}

/** What the first entry is called: clients replace it by the name that they were asked for. */
function tarNameOf(path: string): Buffer {
  const absolute = absolutePath(path);
  if (absolute === '/') return Buffer.from('/');
  if (absolute.endsWith('/.')) return Buffer.from('./');
  return Buffer.from(absolute.replace(/\/$/, '').split('/').at(-1) ?? '');
}
