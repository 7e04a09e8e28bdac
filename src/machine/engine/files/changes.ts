import type { EngineContext } from '../context.ts';
import { noSuchImage } from '../docker-errors.ts';
import { isSystemError } from '../../../shared/errors.ts';
import { Place } from '../../host/place.ts';
import { MAX_DEPTH, tooDeep } from './copy-tree.ts';
import { GIVEN_PATHS } from './given-paths.ts';
import { openImageRoot } from './image-root.ts';
import { sortedNames } from './tar-tree.ts';
import { openContainerRoot } from './container-root.ts';

/** One difference between a container's files and its image's. */
export interface Change {
  readonly kind: 'modified' | 'added' | 'deleted';
  /** Absolute. */
  readonly path: string;
}

/** More than this is not told at once: a container can make any number of files. */
const MAX_CHANGES = 1_000_000;

/**
 * What a container has added, modified and deleted, sorted by path. A folder counts as modified when
 * something directly in it was added or deleted, or its owner, permissions or time differ.
 * Throws CONTAINER_NOT_FOUND, IMAGE_NOT_FOUND, TREE_TOO_DEEP.
 */
export async function listChanges(context: EngineContext, nameOrId: string): Promise<Change[]> {
  const { id, imageId, request } = context.table.resolve(nameOrId);
  const image = context.images.byId(imageId);
  if (image === undefined) throw noSuchImage(request.Image);
  // The whole is mounted as well, since what an opaque folder hides can only be seen from above.
  await using root = await openContainerRoot(context, id);
  await using upper = await openUpper(context.table.paths(id).upper);
  if (upper === undefined) return [];
  await using lower = await openImageRoot(context, image);
  await using lowerPlace = await Place.open(lower.folder);
  await using whole = await Place.open(root.folder);
  const changes: Change[] = [];
  await compare({ upper, lower: lowerPlace, whole }, '', changes, 0);
  return changes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

interface Layers {
  readonly upper: Place;
  /** The image's folder of the same path; undefined when it has none. */
  readonly lower: Place | undefined;
  readonly whole: Place;
}

/** How much of a folder is its own. */
interface Touched {
  /** Something directly in it was added or deleted. */
  readonly byContainer: boolean;
  /** The engine put something in it, which changed its time. */
  readonly byEngine: boolean;
}

async function compare(layers: Layers, path: string, changes: Change[], depth: number): Promise<Touched> {
  if (depth > MAX_DEPTH) throw tooDeep();
  let byContainer = false;
  let byEngine = false;
  const note = (kind: Change['kind'], name: string): void => {
    if (kind === 'added' && GIVEN_PATHS.includes(`${path}/${name}`)) {
      byEngine = true;
      return;
    }
    if (kind !== 'modified') byContainer = true;
    if (changes.length < MAX_CHANGES) changes.push({ kind, path: `${path}/${name}` });
  };
  for await (const name of layers.lower?.names() ?? []) {
    if ((await layers.whole.statChild(name)) === undefined) note('deleted', name.toString());
  }
  for await (const name of sortedNames(layers.upper)) {
    await using whole = await layers.whole.child(name);
    // What is there and cannot be seen stands for something of the image that was deleted.
    if (whole === undefined) continue;
    await using upper = await layers.upper.child(name);
    if (upper === undefined) continue;
    await using lower = await layers.lower?.child(name);
    const text = name.toString();
    if (!upper.stat.isDirectory()) {
      note(lower === undefined ? 'added' : 'modified', text);
      continue;
    }
    const lowerFolder = lower?.stat.isDirectory() === true ? lower : undefined;
    const touched = await compare(
      { upper, lower: lowerFolder, whole },
      `${path}/${text}`,
      changes,
      depth + 1,
    );
    if (lower === undefined) note('added', text);
    else if (lowerFolder === undefined || touched.byContainer || differs(upper, lower, touched.byEngine)) {
      note('modified', text);
    }
  }
  return { byContainer, byEngine };
}

function differs(upper: Place, lower: Place, ignoreTime: boolean): boolean {
  const [a, b] = [upper.stat, lower.stat];
  return a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid || (!ignoreTime && a.mtimeMs !== b.mtimeMs);
}

async function openUpper(folder: string): Promise<Place | undefined> {
  try {
    return await Place.open(folder);
  } catch (error) {
    // It never ran, or has no files of its own.
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
