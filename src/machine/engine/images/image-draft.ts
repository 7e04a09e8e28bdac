import type { Digest } from '../../../shared/digest.ts';
import { ToolError } from '../../../shared/errors.ts';
import type { NewImage } from './image-folder.ts';
import type { ImageStore } from './image-store.ts';
import type { Image, ImageLayer } from './image.ts';
import type { SpooledLayer } from './layer-folder.ts';

export interface DraftLayerOptions {
  /** For messages. */
  readonly name: string;
  /** What the tar's digest has to be. */
  readonly expected?: Digest | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told how many bytes have been packed. */
  readonly onProgress?: (bytes: number) => void;
}

/** Names of a new image, whole: `docker.io/library/alpine:3.22`, `docker.io/library/alpine@sha256:…`. */
export interface NewNames {
  readonly tags: readonly string[];
  readonly repoDigests?: readonly string[];
}

/**
 * An image in the making. Layers that are added stay for as long as it does; what no image has by then is
 * removed when it is disposed of.
 *
 *     await using draft = context.images.draft();
 *     const below = await draft.adoptLayers(parent);
 *     const top = await draft.addLayer(tar, { name: 'the container web' });
 *     const id = await draft.publish({ config, layers: [...below, top] }, { tags: ['docker.io/library/x:1'] });
 */
export class ImageDraft implements AsyncDisposable {
  readonly store: ImageStore;
  readonly #pins = new Map<Digest, Disposable>();

  constructor(store: ImageStore) {
    this.store = store;
  }

  /** Keeps a layer if the store has it; undefined if it has to be added. */
  pinLayer(diffId: Digest): ImageLayer | undefined {
    if (!this.#pins.has(diffId)) this.#pins.set(diffId, this.store.layers.pin(diffId));
    return this.store.layers.get(diffId);
  }

  /** Writes an uncompressed tar to the store's disk, for `packLayer`. */
  spoolLayer(tar: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<SpooledLayer> {
    return this.store.layers.spool(tar, signal);
  }

  /** Makes a spooled tar a layer of the store. Throws OCI_DIFF_ID_MISMATCH, and as `packLayer` of layer-file.ts. */
  async packLayer(spooled: SpooledLayer, options: DraftLayerOptions): Promise<ImageLayer> {
    const { diffId } = spooled;
    if (options.expected !== undefined && options.expected !== diffId) {
      throw new ToolError(`${options.name}: it unpacks to ${diffId}, not ${options.expected}`, {
        code: 'OCI_DIFF_ID_MISMATCH',
        kind: 'integrity',
      });
    }
    return this.pinLayer(diffId) ?? (await this.store.layers.add(spooled, options));
  }

  /** Adds the layer that an uncompressed tar is. Throws as `spoolLayer` and `packLayer`. */
  async addLayer(tar: AsyncIterable<Uint8Array>, options: DraftLayerOptions): Promise<ImageLayer> {
    await using spooled = await this.spoolLayer(tar, options.signal);
    return await this.packLayer(spooled, options);
  }

  /** Adds one layer of an image that is there, from whichever store. */
  async adoptLayer(
    image: Image,
    layer: ImageLayer,
    options: Omit<DraftLayerOptions, 'name'> = {},
  ): Promise<ImageLayer> {
    const known = this.pinLayer(layer.diffId);
    if (known !== undefined) return known;
    const name = `layer ${layer.diffId}`;
    const { readLayerTar } = await import('./layer-tar.ts');
    return await this.addLayer(readLayerTar(image, layer), { ...options, name, expected: layer.diffId });
  }

  /** Adds all layers of an image that is there, from whichever store. */
  async adoptLayers(image: Image, signal?: AbortSignal): Promise<ImageLayer[]> {
    const layers: ImageLayer[] = [];
    for (const layer of image.layers) layers.push(await this.adoptLayer(image, layer, { signal }));
    return layers;
  }

  /**
   * Keeps the image and gives it its names, which are taken from the images that had them; all or nothing. Answers
   * its id. Throws I/O errors.
   */
  publish(image: NewImage, names: NewNames): Promise<Digest> {
    return this.store.publish(image, (references, id) => {
      for (const name of names.tags) references.tags.set(name, id);
      for (const name of names.repoDigests ?? []) references.digests.set(name, id);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pin of this.#pins.values()) pin[Symbol.dispose]();
    this.#pins.clear();
    await this.store.removeUnusedLayers();
  }
}
