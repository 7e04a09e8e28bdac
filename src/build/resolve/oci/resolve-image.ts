import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Arch } from '../../../shared/arch.ts';
import { type Digest, digestOf, isDigest } from '../../../shared/digest.ts';
import { ToolError, invariant, isSystemError } from '../../../shared/errors.ts';
import {
  type Descriptor,
  type ImageManifest,
  type ManifestIndex,
  checkPlatform,
  choosePlatform,
  parseImageConfig,
  parseImageDocument,
} from '../../../shared/oci/image.ts';
import {
  type ImageSource,
  type ManifestDocument,
  readDocumentBlob,
} from '../../../shared/oci/image-source.ts';
import { parseReference } from '../../../shared/oci/reference.ts';
import type { Registry } from '../../../shared/oci/registry.ts';
import type { LockedImage } from '../../lock/lock.ts';
import { type Store, resultKey } from '../../store/store.ts';
import { importLayers } from './fetch-image.ts';
import { type ImageLocation, openImage } from './image-location.ts';

export interface ResolveImageOptions {
  readonly store: Store;
  readonly registry: Registry;
  /** Ask no registry: only an image that is named by its digest and in the store resolves. */
  readonly offline?: boolean;
  readonly signal?: AbortSignal;
}

/** An index of indexes is in the specification, but nobody nests deeper. */
const MAX_NESTING = 3;

/**
 * Pins an image: chooses the manifest for Linux on `arch`, checks that manifest and configuration agree,
 * and keeps both in the store. Layers of local images are copied into the store too; those of a registry
 * come with `fetchImage`.
 * Throws OCI_OFFLINE, and what opening and parsing throw; errors name the image.
 * @param spelling as the manifest writes it; recorded in the lock
 */
export async function resolveImage(
  location: ImageLocation,
  spelling: string,
  arch: Arch,
  options: ResolveImageOptions,
): Promise<LockedImage> {
  const { store, signal } = options;
  await using source = await openImage(location, spelling, options.registry);
  const pinned = location.kind === 'registry' ? parseReference(location.reference).digest : undefined;
  const isOffline = options.offline === true && location.kind === 'registry';
  const { name } = source;
  const { document, manifest } = await chooseManifest(source, arch, { ...options, pinned, isOffline });

  const stored = isOffline ? await requireStored(store, manifest.config.digest, name) : undefined;
  const config = stored ?? (await readDocumentBlob(source, manifest.config, signal));
  const parsed = parseImageConfig(config, name);
  checkPlatform(parsed.platform, arch, name);
  if (parsed.diffIds.length !== manifest.layers.length) {
    throw new ToolError(
      `${name}: the manifest has ${manifest.layers.length} layers, the configuration ${parsed.diffIds.length}`,
      { code: 'OCI_DOCUMENT_MALFORMED', kind: 'invalid-input' },
    );
  }
  await keep(store, config, name);
  const locked: LockedImage = {
    reference: spelling,
    manifest: { digest: document.digest, mediaType: manifest.mediaType, sizeBytes: document.bytes.length },
    config: { digest: manifest.config.digest, sizeBytes: manifest.config.sizeBytes },
    layers: manifest.layers.map(({ digest, mediaType, sizeBytes }) => ({ digest, mediaType, sizeBytes })),
  };
  if (location.kind !== 'registry') await importLayers(source, locked, options);
  return locked;
}

/**
 * The digest of the manifest that `resolveImage` would pin now, for an image on the build host's disk;
 * undefined for a registry's, which stays what the lock says. It is remembered with how the file looked:
 * an archive of gigabytes is read once for each change. Throws what opening and parsing throw.
 */
export async function identifyImage(
  location: ImageLocation,
  spelling: string,
  arch: Arch,
  options: ResolveImageOptions,
): Promise<Digest | undefined> {
  if (location.kind === 'registry') return undefined;
  const { path, tag } = location;
  const looks = await looksOf(location.kind === 'oci-layout' ? join(path, 'index.json') : path);
  const { path: kept } = await options.store.result(
    resultKey('local-image', { path, tag: tag ?? null, arch, looks }),
    async output => {
      await using source = await openImage(location, spelling, options.registry);
      const chosen = await chooseManifest(source, arch, { ...options, pinned: undefined, isOffline: false });
      await writeFile(output, chosen.document.digest, { flush: true });
    },
  );
  const digest = await readFile(kept, 'utf8');
  invariant(isDigest(digest), `${kept} holds a digest`);
  return digest;
}

/** What changes with a file; empty where there is none, as who opens it will say. */
async function looksOf(path: string): Promise<string[]> {
  try {
    const { size, mtimeNs, ctimeNs, ino } = await stat(path, { bigint: true });
    return [size, mtimeNs, ctimeNs, ino].map(String);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return [];
    throw error;
  }
}

interface ChooseOptions extends ResolveImageOptions {
  readonly pinned: Digest | undefined;
  readonly isOffline: boolean;
}

async function chooseManifest(
  source: ImageSource,
  arch: Arch,
  options: ChooseOptions,
): Promise<{ readonly document: ManifestDocument; readonly manifest: ImageManifest }> {
  const { store, signal } = options;
  const { name } = source;
  const readNext = async (index: ManifestIndex): Promise<ManifestDocument> => {
    const descriptor: Descriptor = choosePlatform(index, arch, name);
    const stored = await readStored(store, descriptor.digest);
    if (stored === undefined && options.isOffline) throw offline(name);
    const bytes = stored ?? (await source.readManifest(descriptor, signal));
    return { bytes, mediaType: descriptor.mediaType, digest: descriptor.digest };
  };
  let document = await openRoot(source, options, readNext);
  for (let nesting = 0; nesting < MAX_NESTING; nesting++) {
    const parsed = parseImageDocument(document.bytes, document.mediaType, name);
    await keep(store, document.bytes, name);
    if (parsed.kind === 'manifest') return { document, manifest: parsed };
    document = await readNext(parsed);
  }
  throw new ToolError(`${name}: its indexes are nested too deep`, {
    code: 'OCI_DOCUMENT_MALFORMED',
    kind: 'invalid-input',
  });
}

async function openRoot(
  source: ImageSource,
  options: ChooseOptions,
  readNext: (index: ManifestIndex) => Promise<ManifestDocument>,
): Promise<ManifestDocument> {
  if (options.pinned !== undefined) {
    const bytes = await readStored(options.store, options.pinned);
    // Its digest says what it is; what it was called when it came is not kept.
    if (bytes !== undefined) return { bytes, mediaType: undefined, digest: options.pinned };
  }
  if (options.isOffline) throw offline(source.name);
  const root = await source.root(options.signal);
  return root.kind === 'document' ? root.document : readNext(root.index);
}

async function readStored(store: Store, digest: Digest): Promise<Uint8Array | undefined> {
  return (await store.images.find(digest)) === undefined ? undefined : store.images.read(digest);
}

async function requireStored(store: Store, digest: Digest, name: string): Promise<Uint8Array> {
  const bytes = await readStored(store, digest);
  if (bytes === undefined) throw offline(name);
  return bytes;
}

async function keep(store: Store, bytes: Uint8Array, name: string): Promise<void> {
  const digest = digestOf(bytes);
  if ((await store.images.find(digest)) !== undefined) return;
  const pieces = (async function* () {
    await Promise.resolve();
    yield bytes;
  })();
  await store.images.write(pieces, { name, digest });
}

function offline(name: string): ToolError {
  return new ToolError(
    `resolving image ${name}: it is not in the store, and registries are not asked offline`,
    {
      code: 'OCI_OFFLINE',
      kind: 'unavailable',
      hint: 'run once without --offline, or name the image by a digest that is in the store',
    },
  );
}
