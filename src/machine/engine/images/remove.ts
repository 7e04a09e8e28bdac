import { createHash } from 'node:crypto';
import type { Digest } from '../../../shared/digest.ts';
import { formatReference, repositoryName } from '../../../shared/oci/reference.ts';
import type { EngineContext } from '../context.ts';
import { imageConflict } from '../docker-errors.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import { isImageUsed } from './forgotten.ts';
import { publishImageEvent } from './image-events.ts';
import { showName, showRepository, tryParseReference } from './image-names.ts';
import type { Image, ImageLayer } from './image.ts';
import { shortId } from './progress.ts';

/** What became of a name or an image, as Docker tells it. */
export type RemovalItem = { readonly Untagged: string } | { readonly Deleted: string };

export interface RemoveOptions {
  readonly force: boolean;
  /** Images that it was made from stay, though they have no name. */
  readonly keepParents: boolean;
}

const OF_THE_MACHINE = "it is part of the machine's own image";

/**
 * Takes a name from an image, or everything when it is asked for by its id; an image without names is removed with
 * the layers that no other has, unless a container uses it. One call at a time. Throws IMAGE_NOT_FOUND,
 * IMAGE_IN_USE in Docker's sentences.
 */
export async function removeImage(
  context: EngineContext,
  nameOrId: string,
  options: RemoveOptions,
): Promise<RemovalItem[]> {
  return context.queue.run('images', () => new Removal(context, options).run(nameOrId));
}

/** A removal inside its place in the queue. */
export class Removal {
  readonly #context: EngineContext;
  readonly #options: RemoveOptions;
  readonly items: RemovalItem[] = [];
  freedBytes = 0;

  constructor(context: EngineContext, options: RemoveOptions) {
    this.#context = context;
    this.#options = options;
  }

  async run(nameOrId: string): Promise<RemovalItem[]> {
    const { force } = this.#options;
    const image = this.#context.images.resolve(nameOrId);
    if (isIdOf(image, nameOrId)) {
      this.#checkConflict(image, true);
      await this.delete(image);
      return this.items;
    }
    const reference = this.#referenceOf(image, nameOrId);
    if (this.#context.images.isBuiltIn(reference) && !this.#isOwn(reference)) {
      throw imageConflict(
        `conflict: unable to remove repository reference ${JSON.stringify(nameOrId)} (cannot be forced) - ${OF_THE_MACHINE}`,
      );
    }
    const others = [...image.names, ...image.repoDigests].filter(name => name !== reference);
    const hasOtherTag = others.some(name => image.names.includes(name) && sameRepository(name, reference));
    // The last tag of a repository takes the digests of that repository along.
    const rest = hasOtherTag ? others : others.filter(name => !sameRepository(name, reference));
    const user = this.#containersOf(image)[0];
    if (!force && user !== undefined && rest.length === 0) {
      throw imageConflict(
        `conflict: unable to remove repository reference ${JSON.stringify(nameOrId)} (must force) - container ${shortId(user.id)} is using its referenced image ${shortId(image.id)}`,
      );
    }
    // Names go together with the image, so that nobody ever sees it without.
    const conflict = this.#conflictOf(image, false);
    const isFree = conflict === undefined || (force && !conflict.isHard);
    if (rest.length === 0 && isFree) await this.delete(image);
    else await this.#untag(image, [reference, ...others.filter(name => !rest.includes(name))]);
    return this.items;
  }

  /**
   * Removes an image and, where asked for, the nameless ones it was made from. The caller has looked for conflicts; what
   * came to use the image since keeps its layers.
   */
  async delete(image: Image): Promise<void> {
    const { images } = this.#context;
    const removed: ImageLayer[] = [];
    const isUsed = (): boolean => isImageUsed(this.#context, image.id);
    for (const store of images.stores) removed.push(...(await store.remove(image.id, isUsed)));
    this.#tellUntagged(image, [...image.names, ...image.repoDigests]);
    this.items.push({ Deleted: image.id });
    publishImageEvent(this.#context, 'delete', image.id, { name: image.id });
    const gone = new Set(removed.map(layer => layer.diffId));
    const chains = chainIds(image.layers);
    image.layers.forEach(({ diffId }, index) => {
      if (gone.has(diffId)) this.items.push({ Deleted: chains[index] ?? diffId });
    });
    this.freedBytes += removed.reduce((sum, layer) => sum + layer.sizeBytes, 0);
    const parent = image.parent === undefined ? undefined : images.byId(image.parent);
    if (parent === undefined || this.#options.keepParents || parent.isReadOnly) return;
    const isNameless = parent.names.length === 0 && parent.repoDigests.length === 0;
    if (isNameless && this.#conflictOf(parent, false) === undefined) await this.delete(parent);
  }

  /** Why an image must stay; undefined when it need not. Names count where asked for. */
  #conflictOf(
    image: Image,
    withNames: boolean,
  ): { readonly reason: string; readonly isHard: boolean } | undefined {
    const { images } = this.#context;
    const hard = (reason: string) => ({ reason, isHard: true });
    if (image.isReadOnly) return hard(OF_THE_MACHINE);
    if (images.all().some(other => other.parent === image.id))
      return hard('image has dependent child images');
    const users = this.#containersOf(image);
    const running = users.find(({ state }) => state.status !== 'created' && state.status !== 'exited');
    if (running !== undefined) return hard(`image is being used by running container ${shortId(running.id)}`);
    if (images.isHeld(image.id)) return { reason: 'image is being used', isHard: false };
    if (withNames) {
      const repositories = new Set([...image.names, ...image.repoDigests].map(showRepository));
      if (image.names.length > 1 || repositories.size > 1) {
        return { reason: 'image is referenced in multiple repositories', isHard: false };
      }
    }
    const stopped = users[0];
    return stopped === undefined
      ? undefined
      : { reason: `image is being used by stopped container ${shortId(stopped.id)}`, isHard: false };
  }

  #checkConflict(image: Image, withNames: boolean): void {
    const { force } = this.#options;
    const conflict = this.#conflictOf(image, withNames && !force);
    if (conflict === undefined || (force && !conflict.isHard)) return;
    throw imageConflict(
      `conflict: unable to delete ${shortId(image.id)} (${conflict.isHard ? 'cannot be forced' : 'must be forced'}) - ${conflict.reason}`,
    );
  }

  async #untag(image: Image, names: readonly string[]): Promise<void> {
    for (const store of this.#context.images.stores) {
      await store.rename(({ tags, digests }) => {
        for (const name of names) {
          if (tags.get(name) === image.id) tags.delete(name);
          if (digests.get(name) === image.id) digests.delete(name);
        }
      });
    }
    this.#tellUntagged(image, names);
  }

  #tellUntagged(image: Image, names: readonly string[]): void {
    for (const name of names) {
      this.items.push({ Untagged: showName(name) });
      publishImageEvent(this.#context, 'untag', image.id, { name: image.id });
    }
  }

  /** The name that is meant, whole. */
  #referenceOf(image: Image, text: string): string {
    if (image.names.includes(text)) return text;
    const reference = tryParseReference(text);
    if (reference === undefined) return text;
    return reference.digest === undefined
      ? formatReference(reference)
      : `${repositoryName(reference)}@${reference.digest}`;
  }

  #isOwn(name: string): boolean {
    return this.#context.images.stores.some(
      ({ references }) => references.tags.has(name) || references.digests.has(name),
    );
  }

  #containersOf(image: Image): ContainerRecord[] {
    return this.#context.table.all().filter(record => record.imageId === image.id);
  }
}

/** Docker's ids of layers with everything below them. */
export function chainIds(layers: readonly { readonly diffId: Digest }[]): Digest[] {
  const chains: Digest[] = [];
  for (const { diffId } of layers) {
    const below = chains.at(-1);
    chains.push(
      below === undefined
        ? diffId
        : `sha256:${createHash('sha256').update(`${below} ${diffId}`).digest('hex')}`,
    );
  }
  return chains;
}

function isIdOf(image: Image, text: string): boolean {
  const isName = [...image.names, ...image.repoDigests].some(
    name => name === text || showName(name) === text,
  );
  return !isName && (image.id.startsWith(text) || image.id.startsWith(`sha256:${text}`));
}

function sameRepository(a: string, b: string): boolean {
  return showRepository(a) === showRepository(b);
}
