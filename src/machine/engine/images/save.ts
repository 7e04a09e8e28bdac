import { ToolError } from '../../../shared/errors.ts';
import type { Entry } from '../../../shared/archive/entry.ts';
import { BLOCK_BYTES } from '../../../shared/archive/tar-header.ts';
import { formatEntry } from '../../../shared/archive/tar.ts';
import { type Digest, digestOf, hexOf } from '../../../shared/digest.ts';
import { MEDIA_TYPES } from '../../../shared/oci/media-types.ts';
import { formatReference, familiarName } from '../../../shared/oci/reference.ts';
import type { EngineContext } from '../context.ts';
import { noSuchImage } from '../docker-errors.ts';
import { holdImage } from './forgotten.ts';
import { publishImageEvent } from './image-events.ts';
import { normaliseName, showName, showRepository, tryParseReference } from './image-names.ts';
import type { Image, ImageLayer } from './image.ts';
import { readLayerTar } from './layer-tar.ts';

/** An image to be saved and the names it gets in the archive. */
interface Saved {
  readonly image: Image;
  readonly names: readonly string[];
  readonly config: Buffer;
}

const OCI_NAME = 'org.opencontainers.image.ref.name';
const FULL_NAME = 'io.containerd.image.name';

/**
 * Images as the tar of `docker save`: an OCI layout with Docker's manifest.json beside it. Layers are
 * uncompressed and have the digests that the configuration names, so that loading gives the same images. Names are
 * resolved before the first byte, and the images stay until the answer has been read, which has to be begun. Throws
 * IMAGE_NOT_FOUND, and in the stream what `readLayerTar` throws.
 */
export async function saveImages(
  context: EngineContext,
  names: readonly string[],
): Promise<AsyncIterable<Uint8Array>> {
  const byId = new Map<Digest, { readonly image: Image; readonly names: Set<string> }>();
  for (const name of names) {
    for (const { image, tags } of select(context, name)) {
      const entry = byId.get(image.id) ?? { image, names: new Set<string>() };
      byId.set(image.id, entry);
      for (const tag of tags) entry.names.add(tag);
    }
  }
  // Until the archive has been read, or is read no further.
  await using stack = new AsyncDisposableStack();
  for (const id of byId.keys()) stack.use(holdImage(context, id));
  const saved: Saved[] = [];
  for (const { image, names } of byId.values()) {
    saved.push({ image, names: [...names].sort(), config: await image.home.readConfig(image.id) });
  }
  for (const { image } of saved) publishImageEvent(context, 'save', image.id, { name: image.id });
  return archive(saved, stack.move());
}

/** A repository without a tag means all its tags, an id the image without a name. */
function select(
  context: EngineContext,
  text: string,
): { readonly image: Image; readonly tags: readonly string[] }[] {
  const repository = tryParseReference(text);
  const isBare = repository?.digest === undefined && !/:[^/]*$/.test(text);
  if (repository !== undefined && isBare) {
    const own = (name: string): boolean =>
      showRepository(name) === showRepository(formatReference(repository));
    const all = context.images.all().map(image => ({ image, tags: image.names.filter(own) }));
    const tagged = all.filter(({ tags }) => tags.length > 0);
    if (tagged.length > 0) return tagged;
  }
  const image = resolveImage(context, text);
  const tags = image.names.filter(name => name === text || name === normaliseName(text));
  return [{ image, tags }];
}

/** Docker says the name here as it was given. */
function resolveImage(context: EngineContext, text: string): Image {
  try {
    return context.images.resolve(text);
  } catch (error) {
    throw error instanceof ToolError && error.kind === 'not-found' ? noSuchImage(text) : error;
  }
}

async function* archive(images: readonly Saved[], holds: AsyncDisposable): AsyncGenerator<Uint8Array> {
  await using _holds = holds;
  const written = new Set<string>();
  for (const name of ['blobs', 'blobs/sha256']) yield folder(name);
  const manifests: object[] = [];
  for (const saved of images) {
    const { image, config, names } = saved;
    for (const layer of image.layers) {
      if (!isFirst(written, layer.diffId)) continue;
      yield header(blobPath(layer.diffId), layer.sizeBytes);
      yield* exactly(image, layer);
      yield padding(layer.sizeBytes);
    }
    if (isFirst(written, image.id)) yield* file(blobPath(image.id), config);
    const manifest = Buffer.from(JSON.stringify(manifestOf(image, config)));
    const digest = digestOf(manifest);
    if (isFirst(written, digest)) yield* file(blobPath(digest), manifest);
    const descriptor = { mediaType: MEDIA_TYPES.ociManifest, digest, size: manifest.length };
    const tagged = names.map(name => ({
      ...descriptor,
      annotations: { [FULL_NAME]: name, [OCI_NAME]: tryParseReference(name)?.tag ?? 'latest' },
    }));
    manifests.push(...(tagged.length === 0 ? [descriptor] : tagged));
  }
  yield* file(
    'index.json',
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests })),
  );
  yield* file('manifest.json', Buffer.from(JSON.stringify(images.map(dockerEntry))));
  yield* file('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  yield* file('repositories', Buffer.from(JSON.stringify(repositoriesOf(images))));
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

function manifestOf(image: Image, config: Buffer): object {
  return {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: { mediaType: MEDIA_TYPES.ociConfig, digest: image.id, size: config.length },
    layers: image.layers.map(layer => layerDescriptor(layer)),
  };
}

function layerDescriptor({ diffId, sizeBytes }: ImageLayer): object {
  return { mediaType: MEDIA_TYPES.ociLayer, digest: diffId, size: sizeBytes };
}

function dockerEntry({ image, names }: Saved): object {
  return {
    Config: blobPath(image.id),
    RepoTags: names.length === 0 ? null : names.map(showName),
    Layers: image.layers.map(layer => blobPath(layer.diffId)),
    LayerSources: Object.fromEntries(image.layers.map(layer => [layer.diffId, layerDescriptor(layer)])),
  };
}

/** What Docker before 1.10 read: the topmost layer by repository and tag. */
function repositoriesOf(images: readonly Saved[]): object {
  const repositories = new Map<string, Map<string, string>>();
  for (const { image, names } of images) {
    const top = image.layers.at(-1);
    for (const name of names) {
      const reference = tryParseReference(name);
      if (reference?.tag === undefined || top === undefined) continue;
      const repository = familiarName(reference).slice(0, -(reference.tag.length + 1));
      const tags = repositories.get(repository) ?? new Map<string, string>();
      repositories.set(repository, tags.set(reference.tag, hexOf(top.diffId)));
    }
  }
  return Object.fromEntries([...repositories].map(([name, tags]) => [name, Object.fromEntries(tags)]));
}

/** A layer of another length than its header says would shift everything behind it. */
async function* exactly(image: Image, layer: ImageLayer): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const piece of readLayerTar(image, layer)) {
    size += piece.length;
    yield piece;
  }
  if (size !== layer.sizeBytes) throw new Error(`the layer ${layer.diffId} has ${size} bytes`);
}

function blobPath(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

const COMMON = { uid: 0, gid: 0, mtime: 0 } as const;

function folder(path: string): Uint8Array {
  return formatEntry({ kind: 'directory', path, mode: 0o755, ...COMMON });
}

function header(path: string, sizeBytes: number): Uint8Array {
  const content = { kind: 'slice', file: '', offset: 0, size: sizeBytes } as const;
  const entry: Entry = { kind: 'file', path, mode: 0o644, ...COMMON, content };
  return formatEntry(entry);
}

function padding(sizeBytes: number): Uint8Array {
  return new Uint8Array((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}

function* file(path: string, bytes: Uint8Array): Generator<Uint8Array> {
  yield header(path, bytes.length);
  yield bytes;
  yield padding(bytes.length);
}

function isFirst(written: Set<string>, digest: string): boolean {
  if (written.has(digest)) return false;
  written.add(digest);
  return true;
}
