import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Content, Entry } from '../../shared/archive/entry.ts';
import type { Arch } from '../../shared/arch.ts';
import { type Digest, canonicalJson } from '../../shared/digest.ts';
import { ToolError, invariant } from '../../shared/errors.ts';
import { openFileAccess } from '../../shared/fs/file-access.ts';
import { type ImageConfig, checkPlatform, parseImageConfig } from '../../shared/oci/image.ts';
import { DEFAULT_LAYER_LIMITS, type LayerLimits, readLayer } from '../../shared/oci/layer.ts';
import { decompressLayer } from '../../shared/oci/layer-compression.ts';
import { layerCompression } from '../../shared/oci/media-types.ts';
import { formatTarHeaders, readTarParts } from '../../shared/oci/tar-headers.ts';
import type { LockedImage } from '../lock/lock.ts';
import { type Store, resultKey } from '../store/store.ts';

/** One layer as a lower folder of overlayfs. */
export interface UnpackedLayer {
  /** Digest of the uncompressed tar. */
  readonly diffId: Digest;
  /** Length of the uncompressed tar. */
  readonly sizeBytes: number;
  /** A file before its hard links; whiteouts as overlayfs has them. */
  readonly entries: readonly Entry[];
  /** Record of `formatTarHeaders`, from which the tar can be made again. */
  readonly tarHeaders: Content;
}

export interface UnpackedImage {
  /** The configuration byte for byte, and what it says. */
  readonly config: string;
  readonly parsedConfig: ImageConfig;
  /** Lowest first. */
  readonly layers: readonly UnpackedLayer[];
  /** What was left out of layers, in words for the report. */
  readonly notes: readonly string[];
}

export interface UnpackImageOptions {
  readonly arch: Arch;
  readonly limits?: LayerLimits;
  readonly signal?: AbortSignal;
}

/** Changes whenever the same layer would unpack to something else. */
const FORMAT = 1;

/**
 * Unpacks a locked image out of the store, where all its blobs must be. Uncompressed layers stay in the
 * store as results, and files are slices of them; nothing of a layer is written to the host as a file
 * of its own.
 * Throws BLOB_MISSING, OCI_DIFF_ID_MISMATCH, OCI_DOCUMENT_MALFORMED, OCI_PLATFORM_MISSING, and what
 * `decompressLayer` and `readLayer` throw.
 */
export async function unpackImage(
  store: Store,
  image: LockedImage,
  options: UnpackImageOptions,
): Promise<UnpackedImage> {
  const name = image.reference;
  const bytes = await store.images.read(image.config.digest);
  const parsedConfig = parseImageConfig(bytes, name);
  checkPlatform(parsedConfig.platform, options.arch, name);
  if (parsedConfig.diffIds.length !== image.layers.length) {
    throw diffIdMismatch(
      name,
      `the configuration names ${parsedConfig.diffIds.length} layers, the manifest ${image.layers.length}`,
    );
  }
  const layers: UnpackedLayer[] = [];
  const notes: string[] = [];
  for (const [index, locked] of image.layers.entries()) {
    options.signal?.throwIfAborted();
    const { layer, notes: found } = await unpackLayer(
      store,
      locked,
      `${name}: layer ${locked.digest}`,
      options,
    );
    const expected = parsedConfig.diffIds[index];
    if (layer.diffId !== expected) {
      throw diffIdMismatch(
        name,
        `layer ${locked.digest} unpacks to ${layer.diffId}, the configuration says ${expected}`,
      );
    }
    layers.push(layer);
    notes.push(...found);
  }
  return { config: Buffer.from(bytes).toString(), parsedConfig, layers, notes };
}

async function unpackLayer(
  store: Store,
  locked: LockedImage['layers'][number],
  name: string,
  options: UnpackImageOptions,
): Promise<{ readonly layer: UnpackedLayer; readonly notes: readonly string[] }> {
  const limits = options.limits ?? DEFAULT_LAYER_LIMITS;
  const blob = await store.images.require(locked.digest, name);
  const isPlain = layerCompression(locked.mediaType) === 'none';
  const tarIn = (folder: string): string => (isPlain ? blob : join(folder, 'tar'));
  const key = resultKey('layer', { format: FORMAT, digest: locked.digest, mediaType: locked.mediaType });
  const { path } = await store.result(key, async folder => {
    await mkdir(folder);
    const tar = decompressLayer(
      createReadStream(blob, { highWaterMark: 256 * 1024 }),
      locked.mediaType,
      name,
      limits.maxBytes,
    );
    const made = await writeFlushed(isPlain ? undefined : tarIn(folder), tar, options.signal);
    // Read once before it is published: what is in the store has been found sound.
    const { kept } = await readLayer(await openFileAccess(tarIn(folder)), {
      name,
      file: tarIn(folder),
      limits,
    });
    const parts = readTarParts(await openFileAccess(tarIn(folder)), { name, file: tarIn(folder), kept });
    await writeFlushed(join(folder, 'headers'), formatTarHeaders(parts), options.signal);
    await writeFlushed(join(folder, 'layer.json'), [Buffer.from(canonicalJson(made))], options.signal);
  });
  const { diffId, sizeBytes } = JSON.parse(await readFile(join(path, 'layer.json'), 'utf8')) as Written;
  const file = tarIn(path);
  const { entries, notes } = await readLayer(await openFileAccess(file), { name, file, limits });
  const headers = join(path, 'headers');
  const tarHeaders: Content = { kind: 'slice', file: headers, offset: 0, size: (await stat(headers)).size };
  return { layer: { diffId, sizeBytes, entries, tarHeaders }, notes };
}

interface Written {
  readonly diffId: Digest;
  readonly sizeBytes: number;
}

/** Digest and length of what passes; it is written to `path` where one is given. */
async function writeFlushed(
  path: string | undefined,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<Written> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const file = path === undefined ? undefined : await open(path, 'wx', 0o644);
  try {
    for await (const piece of source) {
      signal?.throwIfAborted();
      hash.update(piece);
      sizeBytes += piece.length;
      for (let done = 0; file !== undefined && done < piece.length;) {
        done += (await file.write(piece, done)).bytesWritten;
      }
    }
    await file?.sync();
  } finally {
    await file?.close();
  }
  const hex = hash.digest('hex');
  invariant(hex.length === 64, 'a sha256 has 64 digits');
  return { diffId: `sha256:${hex}`, sizeBytes };
}

function diffIdMismatch(name: string, fault: string): ToolError {
  return new ToolError(`reading ${name}: ${fault}`, { code: 'OCI_DIFF_ID_MISMATCH', kind: 'integrity' });
}
