import { createGzip } from 'node:zlib';
import { Readable, pipeline } from 'node:stream';
import { canonicalJson } from '../../../shared/digest.ts';
import { type Descriptor, parseImageDocument } from '../../../shared/oci/image.ts';
import { descriptorOf } from '../../../shared/oci/layout.ts';
import { MEDIA_TYPES } from '../../../shared/oci/media-types.ts';
import {
  type ImageReference,
  familiarName,
  formatReference,
  repositoryName,
} from '../../../shared/oci/reference.ts';
import { RegistryPusher } from '../../../shared/oci/registry-push.ts';
import type { EngineContext } from '../context.ts';
import { tagNotLocal } from '../docker-errors.ts';
import { holdImage } from './forgotten.ts';
import { publishImageEvent } from './image-events.ts';
import { parseClientReference, tryParseReference } from './image-names.ts';
import type { Image, ImageLayer, KnownManifest } from './image.ts';
import { readLayerTar } from './layer-tar.ts';
import { type Progress, byteCounter, countBytes, shortId } from './progress.ts';
import { inPushWords } from './pull-errors.ts';
import { type ClientLogin, openRegistryAccess } from './registry-access.ts';

export interface PushOptions {
  readonly login: ClientLogin;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** One image on its way to one repository. */
interface Push {
  readonly pusher: RegistryPusher;
  readonly reference: ImageReference;
  readonly image: Image;
  /** Repositories of the same registry that have had the image. */
  readonly relatives: readonly string[];
  readonly options: PushOptions;
}

/**
 * Sends an image to its registry under one name, or under every tag that it has in the repository when the name
 * has none. Blobs that the registry has are not sent again; an image that was pulled keeps its manifest, and so its
 * digest, when the registry has or gets the same blobs. Throws IMAGE_NOT_FOUND and what `RegistryPusher` throws.
 * @param tag every one when empty
 */
export async function pushImage(
  context: EngineContext,
  name: string,
  tag: string,
  options: PushOptions,
): Promise<void> {
  const base = parseClientReference(name);
  const wanted = tag === '' ? base : parseClientReference(`${repositoryName(base)}:${tag}`);
  const targets = tag === '' && !hasTag(name) ? tagsOf(context, base) : [wanted];
  options.progress({ status: `The push refers to repository [${repositoryName(base)}]` });
  if (targets.length === 0) throw tagNotLocal(familiarRepository(base));
  const images = targets.map(reference => ({ reference, image: imageOf(context, reference) }));
  using access = await openRegistryAccess(context.settings, base.registry, options.login);
  const pusher = new RegistryPusher(access.options);
  for (const { reference, image } of images) {
    const relatives = relativesOf(image, reference);
    await inPushWords(reference, () => pushOne(context, { pusher, reference, image, relatives, options }));
  }
}

async function pushOne(context: EngineContext, push: Push): Promise<void> {
  const { pusher, reference, image, options } = push;
  const { progress, signal } = options;
  const name = familiarName(reference);
  await using _held = holdImage(context, image.id);
  const known = await image.home.readManifest(image.id);
  const published = knownLayers(known, name);
  for (const { diffId } of image.layers) {
    progress({ status: 'Preparing', progressDetail: {}, id: shortId(diffId) });
  }
  const layers: Descriptor[] = [];
  for (const [index, layer] of image.layers.entries()) {
    layers.push(await pushLayer(push, layer, published?.[index]));
  }
  const config = await image.home.readConfig(image.id);
  const isSame = known !== undefined && layers.every((layer, i) => layer.digest === published?.[i]?.digest);
  const configDescriptor = descriptorOf(config, MEDIA_TYPES.dockerConfig);
  if ((await pusher.findBlob(reference, configDescriptor.digest, signal)) === undefined) {
    await pusher.uploadBlob(reference, () => Readable.from([config]), signal);
  }
  const bytes = isSame ? known.bytes : formatManifest(configDescriptor, layers);
  const descriptor = descriptorOf(bytes, isSame ? known.mediaType : MEDIA_TYPES.dockerManifest);
  await pusher.putManifest(reference, { descriptor, bytes }, signal);
  const { digest, sizeBytes } = descriptor;
  await context.images.writable.rename(({ digests }) => {
    // One that was removed meanwhile gets no names.
    if (!context.images.all().some(({ id }) => id === image.id)) return;
    digests.set(`${repositoryName(reference)}@${digest}`, image.id);
  });
  const tag = reference.tag ?? '';
  progress({ status: `${tag}: digest: ${digest} size: ${sizeBytes}` });
  progress({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: sizeBytes } });
  publishImageEvent(context, 'push', name, { name: familiarName({ ...reference }).replace(/:[^/:]*$/, '') });
}

/** @param published how the layer's publisher had packed it */
async function pushLayer(
  push: Push,
  layer: ImageLayer,
  published: Descriptor | undefined,
): Promise<Descriptor> {
  const { pusher, reference, image, relatives } = push;
  const { progress, signal } = push.options;
  const id = shortId(layer.diffId);
  if (published !== undefined) {
    const length = await pusher.findBlob(reference, published.digest, signal);
    if (length === published.sizeBytes) {
      progress({ status: 'Layer already exists', progressDetail: {}, id });
      return published;
    }
    for (const from of relatives) {
      if (!(await pusher.mountBlob(reference, published.digest, from, signal))) continue;
      progress({ status: `Mounted from ${from}`, progressDetail: {}, id });
      return published;
    }
  }
  const open = (): AsyncIterable<Uint8Array> =>
    gzip(countBytes(readLayerTar(image, layer), byteCounter(progress, 'Pushing', id, layer.sizeBytes)));
  const { digest, sizeBytes } = await pusher.uploadBlob(reference, open, signal);
  progress({ status: 'Pushed', progressDetail: {}, id });
  const mediaType = published?.digest === digest ? published.mediaType : MEDIA_TYPES.dockerLayerGzip;
  return { mediaType, digest, sizeBytes, annotations: {} };
}

async function* gzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const packer = createGzip();
  pipeline(Readable.from(source, { objectMode: false }), packer, () => undefined);
  try {
    for await (const piece of packer) yield piece as Uint8Array;
  } finally {
    packer.destroy();
  }
}

/** The same parts give the same manifest: the order of keys is that of the specification. */
function formatManifest(config: Descriptor, layers: readonly Descriptor[]): Uint8Array {
  const plain = (d: Descriptor) => ({ mediaType: d.mediaType, digest: d.digest, size: d.sizeBytes });
  const mediaType = MEDIA_TYPES.dockerManifest;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: plain(config),
    layers: layers.map(layer => plain({ ...layer, mediaType: dockerType(layer.mediaType) })),
  };
  return Buffer.from(canonicalJson(manifest));
}

/** Docker's name for how a layer is packed; a manifest must not mix them with OCI's. */
function dockerType(mediaType: string): string {
  if (mediaType.endsWith('gzip')) return MEDIA_TYPES.dockerLayerGzip;
  return mediaType.endsWith('zstd') ? MEDIA_TYPES.dockerLayerZstd : MEDIA_TYPES.dockerLayer;
}

function knownLayers(known: KnownManifest | undefined, name: string): readonly Descriptor[] | undefined {
  if (known === undefined) return undefined;
  const manifest = parseImageDocument(known.bytes, known.mediaType, name);
  return manifest.kind === 'manifest' ? manifest.layers : undefined;
}

function imageOf(context: EngineContext, reference: ImageReference): Image {
  const name = formatReference(reference);
  const id = context.images.nameOwner(name);
  const image = id === undefined ? undefined : context.images.byId(id);
  if (image === undefined) throw tagNotLocal(familiarRepository(reference));
  return image;
}

/** The name alone: Docker leaves the tag out here. */
function familiarRepository({ registry, repository }: ImageReference): string {
  return familiarName({ registry, repository });
}

function tagsOf(context: EngineContext, base: ImageReference): ImageReference[] {
  return context.images
    .all()
    .flatMap(({ names }) => names.flatMap(name => tryParseReference(name) ?? []))
    .filter(reference => repositoryName(reference) === repositoryName(base));
}

/** Other repositories of the registry that the image was pulled from or pushed to. */
function relativesOf(image: Image, reference: ImageReference): string[] {
  const repositories = image.repoDigests
    .flatMap(name => tryParseReference(name) ?? [])
    .filter(other => other.registry === reference.registry && other.repository !== reference.repository)
    .map(other => other.repository);
  return [...new Set(repositories)];
}

function hasTag(name: string): boolean {
  return name.lastIndexOf(':') > name.lastIndexOf('/');
}
