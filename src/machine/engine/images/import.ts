import { hostArch } from '../../../shared/arch.ts';
import { canonicalJson, type Digest } from '../../../shared/digest.ts';
import type { Platform } from '../../../shared/oci/image.ts';
import { type ImageReference, familiarName, formatReference } from '../../../shared/oci/reference.ts';
import type { EngineContext } from '../context.ts';
import { decompressArchive } from '../runtime/decompress.ts';
import { applyChanges } from './config-changes.ts';
import { publishImageEvent } from './image-events.ts';

export interface ImportOptions {
  /** The image's name; none when absent. */
  readonly reference: ImageReference | undefined;
  readonly message: string;
  /** Dockerfile instructions. */
  readonly changes: readonly string[];
  readonly platform?: Platform | undefined;
  readonly signal: AbortSignal;
}

/**
 * Makes an image of one layer from the tar of a file system. Answers its id. Throws ENGINE_INVALID_PARAMETER for
 * the changes and what `ImageDraft.addLayer` throws.
 */
export async function importImage(
  context: EngineContext,
  tar: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<Digest> {
  const { reference, message, signal } = options;
  const run = applyChanges({}, options.changes);
  await using draft = context.images.draft();
  const name = 'the imported file system';
  const layer = await draft.addLayer(decompressArchive(tar, context.config.programs.busybox), {
    name,
    signal,
  });
  const created = new Date(context.clock()).toISOString();
  const {
    os = 'linux',
    architecture = hostArch(process.arch) ?? process.arch,
    variant,
  } = options.platform ?? {};
  const config = canonicalJson({
    architecture,
    ...(variant === undefined ? {} : { variant }),
    os,
    created,
    comment: message,
    config: run,
    history: [{ created, comment: message }],
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
  });
  const id = await draft.publish(
    { config: Buffer.from(config), layers: [layer] },
    { tags: reference === undefined ? [] : [formatReference(reference)] },
  );
  if (reference !== undefined) publishImageEvent(context, 'tag', id, { name: familiarName(reference) });
  publishImageEvent(context, 'import', id, { name: id });
  return id;
}
