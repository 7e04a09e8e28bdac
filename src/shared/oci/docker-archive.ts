import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { Content } from '../archive/entry.ts';
import { readTar } from '../archive/tar.ts';
import { type Digest, canonicalJson, hexOf } from '../digest.ts';
import { type ToolError, isSystemError } from '../errors.ts';
import { readContent } from '../fs/content-reader.ts';
import { openFileAccess } from '../fs/file-access.ts';
import { type Descriptor, parseImageConfig } from './image.ts';
import { type ImageSource, checkBlob, checkDocument, digestMismatch } from './image-source.ts';
import {
  type LayoutFiles,
  descriptorOf,
  malformed,
  matchesTag,
  openLayout,
  readSmall,
  tagMissing,
} from './layout.ts';
import { sniffCompression } from './layer-compression.ts';
import { MEDIA_TYPES } from './media-types.ts';

/** An archive of documents and layers has few files; one with many is not made by `docker save`. */
const MAX_FILES = 20_000;

/** Of an archive; few bytes can say that there is a lot. */
export const ARCHIVE_LIMITS = {
  images: 1000,
  names: 2000,
  'bytes of configurations': 64 * 1024 ** 2,
} as const;

const LAYER_TYPES = {
  none: MEDIA_TYPES.dockerLayer,
  gzip: MEDIA_TYPES.dockerLayerGzip,
  zstd: MEDIA_TYPES.dockerLayerZstd,
} as const;

/** One file of an archive that stands for another. */
interface Link {
  readonly kind: 'link';
  /** Path in the archive. */
  readonly target: string;
}

/** One image of manifest.json. */
export interface SavedImage {
  readonly config: string;
  readonly names: readonly string[];
  readonly layers: readonly string[];
}

/**
 * Opens an archive of `docker save`. Newer ones are OCI layouts in a tar and are read as such, so that
 * digests stay the publisher's; older ones have no manifest, and get one (Docker schema 2) made of
 * their parts, always the same for the same archive.
 * Throws OCI_LAYOUT_MALFORMED, OCI_TAG_MISSING, OCI_DIGEST_MISMATCH and what `readTar` throws.
 * @param tag which image, by name or tag; needed where the archive holds several
 */
export async function openDockerArchive(
  file: string,
  tag: string | undefined,
  name: string,
): Promise<ImageSource> {
  const files = await openArchive(file, name);
  if (await files.has('oci-layout')) return openLayout(files, tag, name);
  const image = chooseImage(parseSaved(await readSmall(files, 'manifest.json', name), name), tag, name);
  const config = await readSmall(files, image.config, name);
  const configDescriptor = descriptorOf(config, MEDIA_TYPES.dockerConfig);
  // Docker, crane, kaniko and ko name it by its digest, each in its own way; others need not.
  const claimed = /^(?:blobs\/sha256\/|sha256:)?([0-9a-f]{64})(?:\.json)?$/.exec(image.config)?.[1];
  if (claimed !== undefined && claimed !== hexOf(configDescriptor.digest)) {
    throw digestMismatch(`reading ${name}: ${show(image.config)}`, configDescriptor.digest, claimed);
  }
  if (parseImageConfig(config, name).diffIds.length !== image.layers.length) {
    throw malformed(name, 'its configuration names another number of layers than manifest.json');
  }
  const paths = new Map<Digest, string>([[configDescriptor.digest, image.config]]);
  const layers: Descriptor[] = [];
  for (const path of image.layers) {
    const layer = await describeLayer(files, path);
    layers.push(layer);
    paths.set(layer.digest, path);
  }
  const manifest = Buffer.from(formatManifest(configDescriptor, layers));
  const root = descriptorOf(manifest, MEDIA_TYPES.dockerManifest);
  return {
    name,
    root: () =>
      Promise.resolve({
        kind: 'document',
        document: { bytes: manifest, mediaType: root.mediaType, digest: root.digest },
      }),
    readManifest: async descriptor => {
      await Promise.resolve();
      return checkDocument(manifest, descriptor, `reading ${name}: blob ${descriptor.digest}`);
    },
    streamBlob: descriptor => {
      const path = paths.get(descriptor.digest);
      if (path === undefined) throw malformed(name, `it does not hold ${descriptor.digest}`);
      return checkBlob(files.stream(path), descriptor, `reading ${name}: ${path}`);
    },
    [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
  };
}

function chooseImage(images: readonly SavedImage[], tag: string | undefined, name: string): SavedImage {
  const found = tag === undefined ? images : images.filter(image => matchesTag(tag, image.names));
  const [only] = found;
  if (only !== undefined && found.every(image => image.config === only.config)) return only;
  throw tagMissing(
    name,
    tag,
    images.flatMap(image => image.names),
  );
}

/** Reads manifest.json of an archive. Throws OCI_LAYOUT_MALFORMED. */
export function parseSaved(bytes: Uint8Array, name: string): SavedImage[] {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    throw malformed(name, 'its manifest.json is not JSON');
  }
  if (!Array.isArray(json) || json.length === 0)
    throw malformed(name, 'its manifest.json is not a list of images');
  if (json.length > ARCHIVE_LIMITS.images) throw tooMany(name, 'images');
  const images = json.map((item: unknown) => {
    const fields: Record<string, unknown> = typeof item === 'object' && item !== null ? { ...item } : {};
    const config = fields.Config;
    const layers = fields.Layers;
    const names = fields.RepoTags ?? [];
    if (typeof config !== 'string' || !isTexts(layers) || !isTexts(names) || layers.length > 512) {
      throw malformed(name, 'an image of its manifest.json lacks Config or Layers');
    }
    return { config, names, layers };
  });
  const names = images.reduce((sum, image) => sum + image.names.length, 0);
  if (names > ARCHIVE_LIMITS.names) throw tooMany(name, 'names');
  return images;
}

/** OCI_LAYOUT_MALFORMED for an archive over its limits. */
export function tooMany(name: string, what: keyof typeof ARCHIVE_LIMITS): ToolError {
  return malformed(name, `it holds more than ${ARCHIVE_LIMITS[what]} ${what}`);
}

async function describeLayer(files: LayoutFiles, path: string): Promise<Descriptor> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let head: Uint8Array = new Uint8Array();
  for await (const piece of files.stream(path)) {
    if (head.length < 4) head = Buffer.concat([head, piece.subarray(0, 4)]);
    hash.update(piece);
    sizeBytes += piece.length;
  }
  const digest: Digest = `sha256:${hash.digest('hex')}`;
  return { mediaType: LAYER_TYPES[sniffCompression(head)], digest, sizeBytes, annotations: {} };
}

function formatManifest(config: Descriptor, layers: readonly Descriptor[]): string {
  const plain = (d: Descriptor) => ({ mediaType: d.mediaType, digest: d.digest, size: d.sizeBytes });
  return canonicalJson({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.dockerManifest,
    config: plain(config),
    layers: layers.map(plain),
  });
}

/** The archive's files by path. Links lead to files of the archive and nowhere else. */
export async function openArchive(file: string, name: string): Promise<LayoutFiles> {
  const entries = new Map<string, Content | Link>();
  const access = await openFileAccess(file).catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT', 'EACCES', 'EISDIR')) {
      throw malformed(name, `the file can not be opened (${error.code ?? ''})`);
    }
    throw error;
  });
  const head = await access.readAt(0, 4);
  if (sniffCompression(head) !== 'none') {
    await access.close();
    throw malformed(
      name,
      'it is compressed as a whole',
      'uncompress it first, for example with gunzip or unzstd',
    );
  }
  for await (const entry of readTar(access, {
    name,
    contents: { file },
    limits: { maxEntries: MAX_FILES },
  })) {
    // Not the entry itself, which may carry a megabyte of attributes.
    const { kind, path } = entry;
    if (kind === 'file') entries.set(path, entry.content);
    else if (kind === 'hardlink') entries.set(path, { kind: 'link', target: entry.target });
    else if (kind === 'symlink')
      entries.set(path, { kind: 'link', target: posix.join(posix.dirname(path), entry.target) });
    else entries.delete(path);
  }
  const find = (path: string): Content | undefined => {
    let here = posix.normalize(path);
    for (let hops = 0; hops < 8; hops++) {
      const entry = entries.get(here);
      if (entry?.kind !== 'link') return entry;
      here = entry.target;
    }
    return undefined;
  };
  return {
    has: path => Promise.resolve(find(path) !== undefined),
    async *stream(path) {
      const content = find(path);
      if (content === undefined) throw malformed(name, `there is no file ${show(path)}`);
      yield* readContent(content);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string');
}

function show(text: string): string {
  return text.slice(0, 120).replace(/[^\x20-\x7e]/g, '?');
}
