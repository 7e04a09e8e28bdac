import { randomBytes } from 'node:crypto';
import { type Digest, isDigest } from '../../../shared/digest.ts';
import { formatReference, repositoryName } from '../../../shared/oci/reference.ts';
import { imageStoreMissing, invalidParameter } from '../docker-errors.ts';
import { ImageDraft } from './image-draft.ts';
import { imageNotFound, parseImageName } from './image-names.ts';
import type { ImageStore } from './image-store.ts';
import type { Image, ImageFacts, ImageLayer } from './image.ts';
import { loadReadOnlyImages } from './read-only-store.ts';

export type { Image } from './image.ts';

/** Layers of an image as folders, until it is disposed of. */
export interface OpenLayers extends Disposable {
  /** Lowest first. */
  readonly folders: readonly string[];
}

/**
 * The images of all stores as one: read-only ones of mounted file systems, the writable one in memory, and the
 * one on state once there is state. New images go to the writable store that was attached last.
 */
export class ImageCatalog {
  readonly #readOnly: Image[] = [];
  readonly #stores: ImageStore[] = [];
  readonly #holds = new Map<Digest, number>();

  /**
   * Adds the images of one read-only file system; one without an index has none. Throws IMAGE_INDEX_MALFORMED
   * (kind integrity).
   */
  async addStore(folder: string): Promise<void> {
    for (const image of await loadReadOnlyImages(folder)) {
      const isKnown = this.#readOnly.some(
        known => known.id === image.id && known.names.join(' ') === image.names.join(' '),
      );
      if (!isKnown) this.#readOnly.push(image);
    }
  }

  /** Adds a writable store that has been loaded; from now on it gets new images. */
  attach(store: ImageStore): void {
    this.#stores.push(store);
  }

  /** Where new images go. Throws IMAGE_STORE_MISSING. */
  get writable(): ImageStore {
    const store = this.#stores.at(-1);
    if (store === undefined) throw imageStoreMissing();
    return store;
  }

  /** Writable stores, the oldest first. */
  get stores(): readonly ImageStore[] {
    return this.#stores;
  }

  /** Every image once, with all its names. */
  all(): Image[] {
    const facts = new Map<Digest, ImageFacts>();
    for (const image of this.#readOnly) if (!facts.has(image.id)) facts.set(image.id, image);
    for (const store of this.#stores) {
      for (const image of store.images()) if (!facts.has(image.id)) facts.set(image.id, image);
    }
    const owners = [...this.#names(facts)];
    return [...facts.values()].map(image => this.#withNames(image, owners));
  }

  /**
   * Finds an image by its id or a start of it, by a name as stored, or by a reference as Docker reads it. Throws
   * IMAGE_NOT_FOUND, ENGINE_INVALID_PARAMETER for a start of several ids.
   */
  resolve(name: string): Image {
    return this.#resolve(name, this.all());
  }

  /** The same among the read-only images first: for services, whose images nobody must replace by a pull. */
  resolveBuiltIn(name: string): Image {
    const image = this.#readOnly.find(
      image => image.names.includes(name) || parseImageName(name).some(parsed => matches(image, parsed)),
    );
    return image === undefined ? this.resolve(name) : (this.byId(image.id) ?? image);
  }

  /** The image with exactly this id, if it is still there; also one that was removed while it was used. */
  byId(id: string): Image | undefined {
    const shown = this.all().find(image => image.id === id);
    if (shown !== undefined || !isDigest(id)) return shown;
    const facts = this.#stores.map(store => store.get(id)).find(found => found !== undefined);
    return facts === undefined ? undefined : { ...facts, names: [], repoDigests: [] };
  }

  /** The id of the image that a whole name means; undefined when none has it. */
  nameOwner(name: string): Digest | undefined {
    return this.all().find(image => image.names.includes(name))?.id;
  }

  /** An image that has a layer, from whichever store. */
  findLayer(diffId: Digest): { readonly image: Image; readonly layer: ImageLayer } | undefined {
    for (const image of this.all()) {
      const layer = image.layers.find(layer => layer.diffId === diffId);
      if (layer !== undefined) return { image, layer };
    }
    return undefined;
  }

  /** Whether a name is one of a read-only image, which cannot be taken from it. */
  isBuiltIn(name: string): boolean {
    return this.#readOnly.some(image => image.names.includes(name) || image.repoDigests.includes(name));
  }

  /** Keeps an image from being removed until the answer is disposed of: for what is being made of it. */
  hold(id: Digest): Disposable {
    this.#holds.set(id, (this.#holds.get(id) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        const count = (this.#holds.get(id) ?? 1) - 1;
        if (count <= 0) this.#holds.delete(id);
        else this.#holds.set(id, count);
      },
    };
  }

  isHeld(id: Digest): boolean {
    return this.#holds.has(id);
  }

  /**
   * Begins a new image in the writable store; layers that are added to it last only if it is published before it
   * is disposed of. Throws IMAGE_STORE_MISSING.
   */
  draft(): ImageDraft {
    return new ImageDraft(this.writable);
  }

  /** An image's layers as folders, for a moment. Throws PROGRAM_FAILED. */
  async openLayers(image: Image): Promise<OpenLayers> {
    const holder = `moment-${randomBytes(8).toString('hex')}`;
    const release = (): void => image.home.releaseLayers(holder);
    try {
      return { folders: await image.home.openLayers(image.layers, holder), [Symbol.dispose]: release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * An image's layers as folders, lowest first, until `releaseLayers` is called for the same container, by this
   * engine or the next one. Throws PROGRAM_FAILED.
   */
  mountLayers(image: Image, containerId: string): Promise<string[]> {
    return image.home.openLayers(image.layers, containerId);
  }

  /** Gives back what `mountLayers` gave to a container; no error when that was nothing. */
  releaseLayers(containerId: string): void {
    for (const store of this.#stores) store.releaseLayers(containerId);
  }

  /** Unmounts every layer that nobody has. */
  async sweepMounts(): Promise<void> {
    await Promise.all(this.#stores.map(store => store.sweepMounts()));
  }

  #resolve(name: string, images: readonly Image[]): Image {
    const stored = images.find(image => image.names.includes(name));
    if (stored !== undefined) return stored;
    for (const parsed of parseImageName(name)) {
      const found = images.filter(image => matches(image, parsed));
      if (found.length > 1) throw invalidParameter(`multiple IDs found with provided prefix: ${name}`);
      if (found[0] !== undefined) return found[0];
    }
    throw imageNotFound(name);
  }

  /** Which image each name means: what was attached later goes before what was there, and all before read-only. */
  #names(images: ReadonlyMap<Digest, unknown>): Map<string, Digest> {
    const names = new Map<string, Digest>();
    for (const image of this.#readOnly) {
      for (const name of image.names) if (!names.has(name)) names.set(name, image.id);
    }
    for (const { references } of this.#stores) {
      for (const [name, id] of references.tags) if (images.has(id)) names.set(name, id);
    }
    return names;
  }

  #withNames(image: ImageFacts, owners: readonly (readonly [string, Digest])[]): Image {
    const builtIn = this.#readOnly
      .filter(({ id }) => id === image.id)
      .flatMap(({ repoDigests }) => repoDigests);
    const pulled = this.#stores.flatMap(({ references }) =>
      [...references.digests].filter(([, id]) => id === image.id).map(([name]) => name),
    );
    return {
      ...image,
      names: owners.filter(([, id]) => id === image.id).map(([name]) => name),
      repoDigests: [...new Set([...builtIn, ...pulled])],
    };
  }
}

function matches(image: Image, name: ReturnType<typeof parseImageName>[number]): boolean {
  if (name.kind === 'id') return image.id.startsWith(`sha256:${name.hex}`);
  const { reference } = name;
  if (reference.digest === undefined) return image.names.includes(formatReference(reference));
  return image.repoDigests.includes(`${repositoryName(reference)}@${reference.digest}`);
}
