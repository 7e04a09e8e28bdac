import { ToolError } from '../../../shared/errors.ts';
import { type EmitEvent, ignoreEvents } from '../../../shared/events.ts';
import type { Descriptor } from '../../../shared/oci/image.ts';
import { type ImageSource, readDocumentBlob } from '../../../shared/oci/image-source.ts';
import { MEDIA_TYPES } from '../../../shared/oci/media-types.ts';
import type { Registry } from '../../../shared/oci/registry.ts';
import { runLimited } from '../../fetch/run-limited.ts';
import type { LockedImage } from '../../lock/lock.ts';
import type { Store } from '../../store/store.ts';
import { type ImageLocation, openImage } from './image-location.ts';

export interface FetchImageOptions {
  readonly store: Store;
  readonly registry: Registry;
  /** Throw instead of asking a registry. */
  readonly offline?: boolean;
  readonly signal?: AbortSignal;
  readonly emit?: EmitEvent;
}

const CONCURRENCY = 3;
const REPORT_BYTES = 256 * 1024;

/**
 * Brings the blobs of a locked image that are missing into the store, each checked against the lock.
 * With all of them there nothing is asked. Throws OCI_OFFLINE, OCI_LOCK_STALE (a local image is not the
 * locked one any more), and what the registry, layout and archive readers throw.
 */
export async function fetchImage(
  location: ImageLocation,
  locked: LockedImage,
  options: FetchImageOptions,
): Promise<void> {
  const { store, signal } = options;
  const missing: Descriptor[] = [];
  for (const blob of blobsOf(locked)) {
    if ((await store.images.find(blob.digest)) === undefined) missing.push(blob);
  }
  if (missing.length === 0) return;
  if (options.offline === true && location.kind === 'registry') {
    throw new ToolError(
      `fetching image ${locked.reference}: ${missing.length} of its blobs are not in the store`,
      {
        code: 'OCI_OFFLINE',
        kind: 'unavailable',
        hint: 'run once without --offline',
      },
    );
  }
  try {
    await using source = await openImage(location, locked.reference, options.registry);
    const documents = missing.filter(blob => blob.digest === locked.manifest.digest);
    for (const blob of documents) {
      const bytes = await source.readManifest(blob, signal);
      await store.images.write(only(bytes), { name: locked.reference, digest: blob.digest });
    }
    const configs = missing.filter(blob => blob.digest === locked.config.digest);
    for (const blob of configs) {
      const bytes = await readDocumentBlob(source, blob, signal);
      await store.images.write(only(bytes), { name: locked.reference, digest: blob.digest });
    }
    await importLayers(source, locked, options);
  } catch (error) {
    const hasChanged =
      error instanceof ToolError &&
      ['OCI_DIGEST_MISMATCH', 'OCI_SIZE_MISMATCH', 'OCI_LAYOUT_MALFORMED'].includes(error.code);
    if (location.kind === 'registry' || !hasChanged) throw error;
    throw new ToolError(
      `fetching image ${locked.reference}: ${location.path} is not what the lock was made from`,
      {
        code: 'OCI_LOCK_STALE',
        kind: 'conflict',
        hint: 'run "slipway lock --update" to pin the image as it is now',
        cause: error,
      },
    );
  }
}

/** Copies the layers that are missing from an open image into the store. */
export async function importLayers(
  source: ImageSource,
  locked: LockedImage,
  options: Pick<FetchImageOptions, 'store' | 'signal' | 'emit'>,
): Promise<void> {
  const { store } = options;
  const emit = options.emit ?? ignoreEvents;
  const missing = new Map<string, Descriptor>();
  for (const layer of locked.layers) {
    const isThere = (await store.images.find(layer.digest)) !== undefined;
    if (!isThere) missing.set(layer.digest, { ...layer, annotations: {} });
  }
  const layers = [...missing.values()];
  const totalBytes = layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
  let receivedBytes = 0;
  let reportedBytes = 0;
  let filesDone = 0;
  const report = (): void => {
    reportedBytes = receivedBytes;
    const filesTotal = layers.length;
    emit({
      type: 'fetch-progress',
      name: locked.reference,
      receivedBytes,
      totalBytes,
      filesDone,
      filesTotal,
    });
  };
  await runLimited(layers, CONCURRENCY, options.signal, async (layer, signal) => {
    const counted = (async function* () {
      for await (const piece of source.streamBlob(layer, signal)) {
        receivedBytes += piece.length;
        if (receivedBytes - reportedBytes >= REPORT_BYTES) report();
        yield piece;
      }
    })();
    const { digest, sizeBytes } = layer;
    await store.images.write(counted, {
      name: `${locked.reference}: layer ${digest}`,
      digest,
      sizeBytes,
      signal,
    });
    filesDone++;
    report();
  });
}

function blobsOf(locked: LockedImage): Descriptor[] {
  const annotations = {};
  return [
    { ...locked.manifest, annotations },
    { ...locked.config, mediaType: MEDIA_TYPES.ociConfig, annotations },
    ...locked.layers.map(layer => ({ ...layer, annotations })),
  ];
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield bytes;
}
