import { hostArch } from '../../../shared/arch.ts';
import { type Digest, digestOf } from '../../../shared/digest.ts';
import { ToolError } from '../../../shared/errors.ts';
import { type ArchivedImage, readSavedImages } from '../../../shared/oci/saved-images.ts';
import type { EngineContext } from '../context.ts';
import { decompressArchive } from '../runtime/decompress.ts';
import type { ImageDraft } from './image-draft.ts';
import { publishImageEvent } from './image-events.ts';
import { showName } from './image-names.ts';
import type { ImageLayer } from './image.ts';
import { type Progress, byteCounter, shortId, warnIfInMemory } from './progress.ts';

/** An archive may hold many images, each of which has its own limit. */
const MAX_ARCHIVE_BYTES = 64 * 1024 ** 3;

export interface LoadOptions {
  /** Tells only the end. */
  readonly quiet: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Takes in the images of an archive of `docker save` or of an OCI layout. The archive is written to the store's disk
 * first, as its table of contents comes last. Images before a faulty one stay. Throws what `readSavedImages` and the
 * layers throw.
 */
export async function loadImages(
  context: EngineContext,
  body: AsyncIterable<Uint8Array>,
  options: LoadOptions,
): Promise<void> {
  const { signal } = options;
  const store = context.images.writable;
  const archive = decompressArchive(body, context.config.programs.busybox);
  await using spooled = await store.layers.spool(archive, signal, MAX_ARCHIVE_BYTES);
  const images = readSavedImages(spooled.tar, hostArch(process.arch) ?? 'amd64', 'the archive');
  for await (const image of images) await loadImage(context, image, options);
  if (!options.quiet) warnIfInMemory(store, options.progress);
}

async function loadImage(context: EngineContext, image: ArchivedImage, options: LoadOptions): Promise<void> {
  const { progress, signal } = options;
  const id = digestOf(image.config);
  await using draft = context.images.draft();
  const layers: ImageLayer[] = [];
  for (const layer of image.layers) {
    layers.push(await addLayer(draft, layer, { quiet: options.quiet, progress, signal, what: shortId(id) }));
  }
  await draft.publish({ config: image.config, layers }, { tags: image.names });
  for (const name of image.names) progress({ stream: `Loaded image: ${showName(name)}\n` });
  if (image.names.length === 0) progress({ stream: `Loaded image ID: ${id}\n` });
  publishImageEvent(context, 'load', id, { name: id });
}

async function addLayer(
  draft: ImageDraft,
  layer: ArchivedImage['layers'][number],
  options: LoadOptions & { readonly what: string },
): Promise<ImageLayer> {
  const known = draft.pinLayer(layer.diffId);
  if (known !== undefined) return known;
  const { signal, quiet, progress, what } = options;
  const name = `image ${what}: layer ${shortId(layer.diffId)}`;
  await using spooled = await draft.spoolLayer(layer.open(), signal);
  checkDiffId(spooled.diffId, layer.diffId, name);
  const counter = byteCounter(progress, 'Loading layer', shortId(layer.diffId), spooled.sizeBytes);
  const { sizeBytes } = spooled;
  const packed = await draft.packLayer(spooled, {
    name,
    expected: layer.diffId,
    signal,
    ...(quiet ? {} : { onProgress: counter }),
  });
  if (!quiet) {
    const id = shortId(layer.diffId);
    progress({ status: 'Loading layer', progressDetail: { current: sizeBytes, total: sizeBytes }, id });
  }
  return packed;
}

/** Docker's sentence for a layer that is not what the configuration says. */
function checkDiffId(actual: Digest, expected: Digest, name: string): void {
  if (actual === expected) return;
  throw new ToolError(`invalid diffID for layer ${name}: expected "${expected}", got "${actual}"`, {
    code: 'OCI_DIFF_ID_MISMATCH',
    kind: 'integrity',
  });
}
