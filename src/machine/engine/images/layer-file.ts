import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Entry } from '../../../shared/archive/entry.ts';
import { writeTar } from '../../../shared/archive/tar.ts';
import type { Digest } from '../../../shared/digest.ts';
import { ToolError } from '../../../shared/errors.ts';
import { openFileAccess } from '../../../shared/fs/file-access.ts';
import { DEFAULT_LAYER_LIMITS, type LayerLimits, readLayer } from '../../../shared/oci/layer.ts';
import { formatTarHeaders, readTarParts } from '../../../shared/oci/tar-headers.ts';
import { packErofs } from '../runtime/mkfs-erofs.ts';
import { saveJson } from '../store/json-file.ts';

/** Names of the files in a layer's folder. */
export const LAYER_FILES = { erofs: 'layer.erofs', headers: 'headers', facts: 'layer.json' } as const;

/** A folder in the making begins so; whatever is in it means nothing. */
export const MAKING = '.new-';

/** Layers are many and their headers alike, so less effort than a build spends is enough. */
const HEADERS_LEVEL = 6;

/** layer.json */
export interface LayerFacts {
  readonly schema: 1;
  /** Digest of the uncompressed tar. */
  readonly diffId: Digest;
  /** Its length. */
  readonly sizeBytes: number;
}

/** A layer's uncompressed tar on the store's disk, its digest known, nothing in it looked at yet. */
export interface SpooledLayer extends AsyncDisposable {
  readonly diffId: Digest;
  readonly sizeBytes: number;
  /** Folder in the making, on the store's file system. */
  readonly folder: string;
  readonly tar: string;
}

export interface SpoolOptions {
  /** Folder of the store's layers. */
  readonly layers: string;
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
  /** Told what comes next. */
  readonly onStep: (step: string) => void;
}

/**
 * Writes a layer's uncompressed tar to the store's disk. Disposing of it takes its folder away unless that has
 * been renamed meanwhile. Throws what the source throws, LAYER_TOO_LARGE, and I/O errors.
 */
export async function spoolLayer(
  source: AsyncIterable<Uint8Array>,
  { layers, maxBytes, signal, onStep }: SpoolOptions,
): Promise<SpooledLayer> {
  onStep('layer: spool');
  const folder = join(layers, `${MAKING}${randomBytes(8).toString('hex')}`);
  const tar = join(folder, 'tar');
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  try {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    await using file = await open(tar, 'wx', 0o600);
    for await (const piece of source) {
      signal?.throwIfAborted();
      hash.update(piece);
      sizeBytes += piece.length;
      if (sizeBytes > maxBytes) {
        throw new ToolError(`reading a layer: it unpacks to more than ${maxBytes} bytes`, {
          code: 'LAYER_TOO_LARGE',
          kind: 'invalid-input',
        });
      }
      for (let done = 0; done < piece.length;) done += (await file.write(piece, done)).bytesWritten;
    }
    onStep('layer: spooled');
    return { diffId: `sha256:${hash.digest('hex')}`, sizeBytes, folder, tar, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

export interface PackLayerOptions {
  /** mkfs.erofs */
  readonly program: string;
  /** For messages. */
  readonly name: string;
  /** Whether it has to survive a power cut. */
  readonly durable: boolean;
  readonly limits?: LayerLimits;
  readonly signal?: AbortSignal | undefined;
  /** Told what comes next. */
  readonly onStep: (step: string) => void;
  /** Told how many bytes of the layer have been packed. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * Makes what the store keeps out of a spooled layer, in its folder: the EROFS file, the record of the tar's
 * headers, and the facts. The tar is gone afterwards. Layers are hostile: they are read by `readLayer` first, and
 * mkfs.erofs only gets what that made of them. Throws what `readLayer` and `packErofs` throw.
 */
export async function packLayer(layer: SpooledLayer, options: PackLayerOptions): Promise<void> {
  const { tar, folder } = layer;
  const { name, signal, limits = DEFAULT_LAYER_LIMITS } = options;
  const { entries, kept } = await readLayer(await openFileAccess(tar), { name, file: tar, limits });
  signal?.throwIfAborted();
  options.onStep('layer: pack');
  await packErofs(counted(writeTar(withRoot(entries)), options.onProgress), {
    program: options.program,
    target: join(folder, LAYER_FILES.erofs),
    scratch: folder,
    identity: layer.diffId,
    signal,
  });
  const parts = readTarParts(await openFileAccess(tar), { name, file: tar, kept });
  const record = await formatTarHeaders(parts, HEADERS_LEVEL);
  options.onStep('layer: write the headers');
  await using headers = await open(join(folder, LAYER_FILES.headers), 'wx', 0o600);
  await headers.writeFile(record);
  if (options.durable) {
    await headers.sync();
    await using erofs = await open(join(folder, LAYER_FILES.erofs), 'r');
    await erofs.sync();
  }
  const facts: LayerFacts = { schema: 1, diffId: layer.diffId, sizeBytes: layer.sizeBytes };
  options.onStep('layer: write the facts');
  await rm(tar);
  await saveJson(join(folder, LAYER_FILES.facts), facts, options.durable);
}

/** The record of a layer's tar headers. */
export function readHeaders(folder: string): AsyncIterable<Uint8Array> {
  return createReadStream(join(folder, LAYER_FILES.headers));
}

/** mkfs.erofs gives a root that is not in the tar attributes of its own, and wants it first. */
function withRoot(entries: readonly Entry[]): readonly Entry[] {
  if (entries[0]?.path === '') return entries;
  return [{ kind: 'directory', path: '', mode: 0o755, uid: 0, gid: 0, mtime: 0 }, ...entries];
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onProgress: ((bytes: number) => void) | undefined,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const piece of source) {
    done += piece.length;
    onProgress?.(done);
    yield piece;
  }
}
