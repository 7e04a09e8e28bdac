import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { type Digest, hexOf, isDigest } from '../../../shared/digest.ts';
import { ToolError } from '../../../shared/errors.ts';
import type { ImageIndex, StoredImage, StoredLayer } from '../../../shared/machine-image.ts';
import { parseImageConfig } from '../../../shared/oci/image.ts';
import { CORE } from '../../../shared/paths.ts';
import { noSuchImage } from '../docker-errors.ts';
import { loadJson } from '../store/json-file.ts';
import { type Image, type ImageHome, type ImageLayer, sizeOf } from './image.ts';
import { normaliseName } from './image-names.ts';

/**
 * The images of one mounted file system; one without an index has none. Throws IMAGE_INDEX_MALFORMED (kind
 * integrity).
 */
export async function loadReadOnlyImages(folder: string): Promise<Image[]> {
  const { images } = await loadIndex(folder);
  const home = readOnlyHome(folder);
  return images.map(stored => imageOf(stored, home, folder));
}

async function loadIndex(folder: string): Promise<ImageIndex> {
  const file = join(folder, CORE.imageIndex);
  const value = await loadJson(file);
  return value === undefined ? { schema: 1, images: [] } : parseImageIndex(value, file);
}

function readOnlyHome(folder: string): ImageHome {
  const layerPath = (diffId: Digest): string => join(folder, CORE.layers, hexOf(diffId));
  return {
    isReadOnly: true,
    // Read when somebody asks: it is larger than everything else that is known of an image.
    async readConfig(id) {
      const stored = (await loadIndex(folder)).images.find(image => image.id === id);
      if (stored === undefined) throw noSuchImage(id);
      return Buffer.from(stored.config);
    },
    readManifest: () => Promise.resolve(undefined),
    openLayers: layers => Promise.resolve(layers.map(({ diffId }) => layerPath(diffId))),
    releaseLayers: () => undefined,
    readHeaders: diffId => createReadStream(`${layerPath(diffId)}.headers`),
  };
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
        isLayerList(image.layers),
    );
  if (!isWhole) {
    throw new ToolError(`reading ${file}: not an image index of schema 1`, {
      code: 'IMAGE_INDEX_MALFORMED',
      kind: 'integrity',
    });
  }
  return index as ImageIndex;
}

/** Whether a value from disk is a list of layers; an image that is only a configuration has none. */
export function isLayerList(value: unknown): value is readonly ImageLayer[] {
  return (
    Array.isArray(value) &&
    value.every(
      (layer: Partial<StoredLayer> | null) =>
        layer !== null && isDigest(layer.diffId) && Number.isSafeInteger(layer.sizeBytes),
    )
  );
}

function imageOf(stored: StoredImage, home: ImageHome, folder: string): Image {
  const subject = stored.names[0] ?? stored.id;
  const { run, platform } = parseImageConfig(stored.config, `${subject} in ${folder}`);
  const layers = stored.layers as readonly ImageLayer[];
  return {
    id: stored.id as Digest,
    names: stored.names.map(normaliseName),
    repoDigests: stored.repoDigests,
    layers,
    run,
    platform,
    createdAtMs: createdAtOf(stored.config),
    sizeBytes: sizeOf(layers),
    isReadOnly: true,
    home,
  };
}

/** `created` of a configuration, in milliseconds since 1970; 0 where it says nothing. */
export function createdAtOf(config: string | Uint8Array): number {
  const json = JSON.parse(Buffer.from(config).toString()) as { created?: unknown };
  const time = typeof json.created === 'string' ? Date.parse(json.created) : Number.NaN;
  return Number.isFinite(time) ? time : 0;
}
