import { join } from 'node:path';
import { isDigest, hexOf, type Digest } from '../../../shared/digest.ts';
import { ToolError } from '../../../shared/errors.ts';
import type { ImageIndex, StoredImage, StoredLayer } from '../../../shared/machine-image.ts';
import { type ImageRunConfig, parseImageConfig } from '../../../shared/oci/image.ts';
import { formatReference, parseReference } from '../../../shared/oci/reference.ts';
import { CORE } from '../../../shared/paths.ts';
import { noSuchImage } from '../docker-errors.ts';
import { loadJson } from '../store/json-file.ts';

/** An image of a read-only store, ready to be run. */
export interface Image {
  /** `sha256:…` of its configuration. */
  readonly id: Digest;
  readonly names: readonly string[];
  readonly repoDigests: readonly string[];
  /** Folders of its layers, lowest first. */
  readonly layerFolders: readonly string[];
  readonly run: ImageRunConfig;
  readonly sizeBytes: number;
}

/** The images of every mounted file system. */
export class ImageCatalog {
  readonly #images: Image[] = [];

  /**
   * Adds the images of one file system; one without an index has none. Throws IMAGE_INDEX_MALFORMED
   * (kind integrity).
   */
  async addStore(folder: string): Promise<void> {
    const file = join(folder, CORE.imageIndex);
    const value = await loadJson(file);
    if (value === undefined) return;
    for (const stored of parseImageIndex(value, file).images) {
      const image = imageOf(stored, folder, file);
      if (!this.#images.some(known => known.id === image.id && sameNames(known, image)))
        this.#images.push(image);
    }
  }

  all(): readonly Image[] {
    return this.#images;
  }

  /** Finds an image by its name as stored, by a reference as Docker reads it, or by its id or a start of it. */
  resolve(name: string): Image {
    const image =
      this.#images.find(image => image.names.includes(name)) ??
      this.#byReference(name) ??
      this.#byId(name.startsWith('sha256:') ? name.slice('sha256:'.length) : name);
    if (image === undefined) throw noSuchImage(name);
    return image;
  }

  /** The image with exactly this id, if its file system is still there. */
  byId(id: string): Image | undefined {
    return this.#images.find(image => image.id === id);
  }

  #byReference(name: string): Image | undefined {
    let wanted: string;
    try {
      wanted = formatReference(parseReference(name));
    } catch (error) {
      if (error instanceof ToolError && error.code === 'OCI_REFERENCE_INVALID') return undefined;
      throw error;
    }
    return this.#images.find(image =>
      [...image.names, ...image.repoDigests].some(own => normalise(own) === wanted),
    );
  }

  #byId(hex: string): Image | undefined {
    if (!/^[0-9a-f]{4,64}$/.test(hex)) return undefined;
    const matches = new Set(
      this.#images.filter(image => hexOf(image.id).startsWith(hex)).map(image => image.id),
    );
    return matches.size === 1 ? this.#images.find(image => matches.has(image.id)) : undefined;
  }
}

/** Reads images/index.json. Throws IMAGE_INDEX_MALFORMED (kind integrity). */
export function parseImageIndex(value: unknown, file: string): ImageIndex {
  const index = value as Partial<ImageIndex> | null;
  const isWhole =
    index?.schema === 1 &&
    Array.isArray(index.images) &&
    index.images.every(
      (image: Partial<StoredImage> | null) =>
        image !== null &&
        isDigest(image.id) &&
        Array.isArray(image.names) &&
        Array.isArray(image.repoDigests) &&
        typeof image.config === 'string' &&
        Array.isArray(image.layers) &&
        image.layers.length > 0 &&
        image.layers.every(
          (layer: Partial<StoredLayer>) => isDigest(layer.diffId) && Number.isSafeInteger(layer.sizeBytes),
        ),
    );
  if (!isWhole) {
    throw new ToolError(`reading ${file}: not an image index of schema 1`, {
      code: 'IMAGE_INDEX_MALFORMED',
      kind: 'integrity',
    });
  }
  return index as ImageIndex;
}

function imageOf(stored: StoredImage, folder: string, file: string): Image {
  const subject = stored.names[0] ?? stored.id;
  return {
    id: stored.id as Digest,
    names: stored.names,
    repoDigests: stored.repoDigests,
    layerFolders: stored.layers.map(layer => join(folder, CORE.layers, hexOf(layer.diffId as Digest))),
    run: parseImageConfig(stored.config, `${subject} in ${file}`).run,
    sizeBytes: stored.layers.reduce((sum, layer) => sum + layer.sizeBytes, 0),
  };
}

function normalise(name: string): string {
  try {
    return formatReference(parseReference(name));
  } catch {
    // A recipe's name need not be a reference.
    return name;
  }
}

function sameNames(a: Image, b: Image): boolean {
  return a.names.join(' ') === b.names.join(' ');
}
