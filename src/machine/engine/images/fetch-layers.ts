import type { Digest } from '../../../shared/digest.ts';
import { messageOf } from '../../../shared/errors.ts';
import type { Descriptor } from '../../../shared/oci/image.ts';
import { decompressLayer } from '../../../shared/oci/layer-compression.ts';
import type { EngineContext } from '../context.ts';
import type { ImageDraft } from './image-draft.ts';
import type { ImageLayer } from './image.ts';
import type { SpooledLayer } from './layer-folder.ts';
import { type Progress, byteCounter, countBytes, shortId } from './progress.ts';

/** Downloads at a time, as Docker's default. */
const PARALLEL = 3;

export interface LayersToFetch {
  /** The image, for messages. */
  readonly name: string;
  /** Lowest first. */
  readonly layers: readonly { readonly descriptor: Descriptor; readonly diffId: Digest }[];
  /** The blob as it comes, checked against its descriptor by its end. */
  readonly open: (descriptor: Descriptor, signal: AbortSignal) => AsyncIterable<Uint8Array>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface FetchedLayer extends ImageLayer {
  /** It had to be fetched. */
  readonly isNew: boolean;
}

/**
 * Brings the layers that the store lacks into a draft: a few are downloaded at a time, and each is packed in its
 * turn, so that mkfs.erofs runs once. A fault in one ends all.
 */
export async function fetchLayers(
  context: EngineContext,
  draft: ImageDraft,
  wanted: LayersToFetch,
): Promise<FetchedLayer[]> {
  const failed = new AbortController();
  const signal = AbortSignal.any([wanted.signal, failed.signal]);
  const slots = new Slots(PARALLEL);
  const seen = new Set<Digest>();
  const downloads = wanted.layers.map(({ descriptor, diffId }) => {
    // One that the image has twice is fetched once.
    const isFirst = !seen.has(diffId);
    seen.add(diffId);
    if (!isFirst || isThere(context, draft, diffId)) {
      if (isFirst)
        wanted.progress({ status: 'Already exists', progressDetail: {}, id: shortId(descriptor.digest) });
      return undefined;
    }
    wanted.progress({ status: 'Pulling fs layer', progressDetail: {}, id: shortId(descriptor.digest) });
    const download = slots.run(() => downloadLayer(draft, wanted, descriptor, signal));
    download.catch(() => failed.abort());
    return download;
  });
  try {
    const layers: FetchedLayer[] = [];
    for (const [index, { descriptor, diffId }] of wanted.layers.entries()) {
      const download = downloads[index];
      const isNew = download !== undefined;
      if (download === undefined)
        layers.push({ ...(await findLayer(context, draft, diffId, signal)), isNew });
      else {
        await using spooled = await download;
        const id = shortId(descriptor.digest);
        const layer = await draft.packLayer(spooled, {
          name: `${wanted.name}: layer ${descriptor.digest}`,
          expected: diffId,
          signal,
          onProgress: byteCounter(wanted.progress, 'Extracting', id, spooled.sizeBytes),
        });
        wanted.progress({ status: 'Pull complete', progressDetail: {}, id });
        layers.push({ ...layer, isNew });
      }
    }
    return layers;
  } catch (error) {
    failed.abort();
    // Of several that fail, the first one was the cause; the others were told to stop.
    wanted.signal.throwIfAborted();
    throw await firstFault(downloads, error);
  } finally {
    for (const download of downloads) {
      await download?.then(
        spooled => spooled[Symbol.asyncDispose](),
        () => undefined,
      );
    }
  }
}

/** Also in another store: then nothing has to be downloaded. */
function isThere(context: EngineContext, draft: ImageDraft, diffId: Digest): boolean {
  return draft.pinLayer(diffId) !== undefined || context.images.findLayer(diffId) !== undefined;
}

async function findLayer(
  context: EngineContext,
  draft: ImageDraft,
  diffId: Digest,
  signal: AbortSignal,
): Promise<ImageLayer> {
  const known = draft.pinLayer(diffId);
  if (known !== undefined) return known;
  const found = context.images.findLayer(diffId);
  if (found === undefined) throw new Error(`the layer ${diffId} was there a moment ago`);
  return draft.adoptLayer(found.image, found.layer, { signal });
}

async function downloadLayer(
  draft: ImageDraft,
  wanted: LayersToFetch,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<SpooledLayer> {
  const { progress, name, open } = wanted;
  signal.throwIfAborted();
  const id = shortId(descriptor.digest);
  const counter = byteCounter(progress, 'Downloading', id, descriptor.sizeBytes);
  const blob = countBytes(open(descriptor, signal), counter);
  const layerName = `${name}: layer ${descriptor.digest}`;
  const spooled = await draft.spoolLayer(decompressLayer(blob, descriptor.mediaType, layerName), signal);
  progress({ status: 'Verifying Checksum', progressDetail: {}, id });
  progress({ status: 'Download complete', progressDetail: {}, id });
  return spooled;
}

async function firstFault(
  downloads: readonly (Promise<unknown> | undefined)[],
  fallback: unknown,
): Promise<Error> {
  const begun = downloads.filter(download => download !== undefined);
  for (const result of await Promise.allSettled(begun)) {
    const fault: unknown = result.status === 'rejected' ? result.reason : undefined;
    if (fault instanceof Error && fault.name !== 'AbortError') return fault;
  }
  return fallback instanceof Error ? fallback : new Error(messageOf(fallback));
}

/** Runs a few operations at a time, in the order they came. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>(resolve => this.#waiting.push(resolve));
    try {
      return await operation();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
