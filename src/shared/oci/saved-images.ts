import type { Arch } from '../arch.ts';
import { type Digest, digestOf, hexOf } from '../digest.ts';
import { ToolError } from '../errors.ts';
import { decompressAny } from './decompress-any.ts';
import { ARCHIVE_LIMITS, type SavedImage, openArchive, parseSaved, tooMany } from './docker-archive.ts';
import {
  DOCUMENT_LIMITS,
  type Descriptor,
  type ImageManifest,
  choosePlatform,
  parseImageConfig,
  parseImageDocument,
} from './image.ts';
import { checkBlob, checkDocument } from './image-source.ts';
import { type LayoutFiles, malformed, readSmall } from './layout.ts';
import { decompressLayer } from './layer-compression.ts';
import { MEDIA_TYPES } from './media-types.ts';
import { formatReference, parseReference } from './reference.ts';

/** One image of an archive. */
export interface ArchivedImage {
  /** Whole names: `docker.io/library/alpine:3.22`. */
  readonly names: readonly string[];
  /** Byte for byte. */
  readonly config: Uint8Array;
  /** Lowest first. */
  readonly layers: readonly ArchivedLayer[];
}

export interface ArchivedLayer {
  /** What the configuration says its uncompressed tar's digest is; not checked here. */
  readonly diffId: Digest;
  /** The uncompressed tar. */
  open(): AsyncIterable<Uint8Array>;
}

const MAX_LAYERS = 512;

/**
 * The images of an archive of `docker save`, of any age, or of an OCI layout in a tar; each is read when it is asked
 * for, as its configuration may be large and there may be many. Throws
 * OCI_LAYOUT_MALFORMED, OCI_DOCUMENT_MALFORMED, OCI_REFERENCE_INVALID, OCI_DIGEST_MISMATCH and what `readTar` throws.
 * @param file the archive, uncompressed; it has to stay for as long as layers are opened
 * @param arch whose image is taken where the layout has several
 * @param name for messages
 */
export async function* readSavedImages(
  file: string,
  arch: Arch,
  name: string,
): AsyncGenerator<ArchivedImage> {
  let configBytes = 0;
  for await (const image of imagesOf(await openArchive(file, name), arch, name)) {
    configBytes += image.config.length;
    if (configBytes > ARCHIVE_LIMITS['bytes of configurations']) {
      throw tooMany(name, 'bytes of configurations');
    }
    yield image;
  }
}

async function* imagesOf(files: LayoutFiles, arch: Arch, name: string): AsyncGenerator<ArchivedImage> {
  if (await files.has('manifest.json')) {
    const saved = parseSaved(await readSmall(files, 'manifest.json', name), name);
    for (const image of saved) yield await dockerImage(files, image, name);
  } else if (await files.has('index.json')) {
    yield* layoutImages(files, arch, name);
  } else {
    throw malformed(
      name,
      'it has neither manifest.json nor index.json',
      'such archives come from "docker save"',
    );
  }
}

async function dockerImage(files: LayoutFiles, saved: SavedImage, name: string): Promise<ArchivedImage> {
  const config = await readSmall(files, saved.config, name);
  const { diffIds } = parseImageConfig(config, name);
  if (diffIds.length !== saved.layers.length) {
    throw malformed(name, 'its configuration names another number of layers than manifest.json');
  }
  return {
    names: saved.names.map(text => formatReference(parseReference(text))),
    config,
    layers: saved.layers.map((path, index) => ({
      diffId: diffIds[index] ?? digestOf(''),
      open: () => decompressAny(files.stream(path), `${name}: layer ${index + 1}`),
    })),
  };
}

async function* layoutImages(files: LayoutFiles, arch: Arch, name: string): AsyncGenerator<ArchivedImage> {
  const bytes = await readSmall(files, 'index.json', name);
  const index = parseImageDocument(bytes, MEDIA_TYPES.ociIndex, `${name}: index.json`);
  if (index.kind !== 'index') throw malformed(name, 'index.json is not an index');
  const byDigest = new Map<Digest, { readonly descriptor: Descriptor; readonly names: Set<string> }>();
  for (const descriptor of index.manifests) {
    if (descriptor.annotations['vnd.docker.reference.type'] !== undefined) continue;
    const entry = byDigest.get(descriptor.digest) ?? { descriptor, names: new Set<string>() };
    byDigest.set(descriptor.digest, entry);
    const own = nameOf(descriptor);
    if (own !== undefined) entry.names.add(own);
  }
  if (byDigest.size > ARCHIVE_LIMITS.images) throw tooMany(name, 'images');
  for (const { descriptor, names } of byDigest.values()) {
    const manifest = await readManifest(files, descriptor, arch, name);
    yield await layoutImage(files, manifest, [...names], name);
  }
}

async function readManifest(
  files: LayoutFiles,
  descriptor: Descriptor,
  arch: Arch,
  name: string,
): Promise<ImageManifest> {
  const read = async (wanted: Descriptor) =>
    parseImageDocument(await readBlob(files, wanted, name), wanted.mediaType, name);
  const parsed = await read(descriptor);
  if (parsed.kind === 'manifest') return parsed;
  const chosen = await read(choosePlatform(parsed, arch, name));
  if (chosen.kind === 'manifest') return chosen;
  throw malformed(name, 'an index inside an index');
}

async function layoutImage(
  files: LayoutFiles,
  manifest: ImageManifest,
  names: readonly string[],
  name: string,
): Promise<ArchivedImage> {
  const config = await readBlob(files, manifest.config, name);
  const { diffIds } = parseImageConfig(config, name);
  if (diffIds.length !== manifest.layers.length || diffIds.length > MAX_LAYERS) {
    throw malformed(name, 'a configuration names another number of layers than its manifest');
  }
  return {
    names,
    config,
    layers: manifest.layers.map((layer, index) => {
      const what = `${name}: layer ${layer.digest}`;
      return {
        diffId: diffIds[index] ?? digestOf(''),
        open: () =>
          decompressLayer(checkBlob(files.stream(pathOf(layer)), layer, what), layer.mediaType, what),
      };
    }),
  };
}

async function readBlob(files: LayoutFiles, descriptor: Descriptor, name: string): Promise<Uint8Array> {
  if (descriptor.sizeBytes > DOCUMENT_LIMITS.config) throw malformed(name, 'a document is too long');
  const bytes = await readSmall(files, pathOf(descriptor), name);
  return checkDocument(bytes, descriptor, `reading ${name}: blob ${descriptor.digest}`);
}

function pathOf({ digest }: Descriptor): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

/** containerd's annotation is a whole name; OCI's is one only where it has more than a tag. */
function nameOf({ annotations }: Descriptor): string | undefined {
  const texts = [
    annotations['io.containerd.image.name'],
    annotations['org.opencontainers.image.ref.name'],
  ].filter(text => text !== undefined && /[:/]/.test(text));
  for (const text of texts) {
    try {
      return formatReference(parseReference(text ?? ''));
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
    }
  }
  return undefined;
}
