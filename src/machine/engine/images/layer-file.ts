import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Entry } from '../../../shared/archive/entry.ts';
import { writeTar } from '../../../shared/archive/tar.ts';
import { ToolError } from '../../../shared/errors.ts';
import { openFileAccess } from '../../../shared/fs/file-access.ts';
import { DEFAULT_LAYER_LIMITS, type Layer, type LayerLimits, readLayer } from '../../../shared/oci/layer.ts';
import { formatTarHeaders, readTarParts } from '../../../shared/oci/tar-headers.ts';
import { passingBytes } from '../../host/passing-bytes.ts';
import { packErofs } from '../runtime/mkfs-erofs.ts';
import { saveJson } from '../store/json-file.ts';
import { LAYER_FILES, type LayerFacts, MAKING, type SpooledLayer } from './layer-folder.ts';

/** Layers are many and their headers alike, so less effort than a build spends is enough. */
const HEADERS_LEVEL = 6;

export interface SpoolOptions {
  /** Folder of the store's layers. */
  readonly layers: string;
  /** Of the tar; the limit for layers unless given. */
  readonly maxBytes?: number | undefined;
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
  { layers, maxBytes = DEFAULT_LAYER_LIMITS.maxBytes, signal, onStep }: SpoolOptions,
): Promise<SpooledLayer> {
  onStep('layer: spool');
  const folder = join(layers, `${MAKING}${randomBytes(8).toString('hex')}`);
  const tar = join(folder, 'tar');
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  try {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    const passing = passingBytes();
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
      passing(piece.length);
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
  const reading = { name, file: tar, limits, forContainers: true };
  const content = await readLayer(await openFileAccess(tar), reading);
  signal?.throwIfAborted();
  await packFiles(layer, content, options);
  if (options.durable) {
    for (const name of [LAYER_FILES.headers, LAYER_FILES.erofs]) {
      await using file = await open(join(folder, name), 'r');
      await file.sync();
    }
  }
  const facts: LayerFacts = { schema: 1, diffId: layer.diffId, sizeBytes: layer.sizeBytes };
  options.onStep('layer: write the facts');
  await rm(tar);
  await saveJson(join(folder, LAYER_FILES.facts), facts, options.durable);
}

/** Writes the EROFS file and beside it, as mkfs.erofs takes as long, the headers. A fault in one ends the other. */
async function packFiles(
  { tar, folder, diffId }: SpooledLayer,
  { entries, kept }: Layer,
  options: PackLayerOptions,
): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const writeHeaders = async (): Promise<void> => {
    options.onStep('layer: write the headers');
    const parts = readTarParts(await openFileAccess(tar), { name: options.name, file: tar, kept });
    await using file = await open(join(folder, LAYER_FILES.headers), 'wx', 0o600);
    await file.writeFile(formatTarHeaders(parts, HEADERS_LEVEL), { signal });
  };
  options.onStep('layer: pack');
  const pack = packErofs(counted(writeTar(withRoot(entries)), options.onProgress), {
    program: options.program,
    target: join(folder, LAYER_FILES.erofs),
    scratch: folder,
    identity: diffId,
    signal,
  });
  let fault: unknown;
  const works = [pack, writeHeaders()].map(work =>
    work.catch((error: unknown) => {
      // What the other one says after that is that it was ended.
      fault ??= error;
      failed.abort();
    }),
  );
  await Promise.all(works);
  options.signal?.throwIfAborted();
  if (fault !== undefined) throw fault as Error;
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
  const passing = passingBytes();
  for await (const piece of source) {
    done += piece.length;
    onProgress?.(done);
    yield piece;
    passing(piece.length);
  }
}
