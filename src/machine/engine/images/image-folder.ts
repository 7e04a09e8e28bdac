import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, isDigest } from '../../../shared/digest.ts';
import { ToolError } from '../../../shared/errors.ts';
import { parseImageConfig } from '../../../shared/oci/image.ts';
import { loadJson, saveJson } from '../store/json-file.ts';
import { type ImageFacts, type ImageLayer, type KnownManifest, sizeOf } from './image.ts';
import { createdAtOf, isLayerList } from './read-only-store.ts';

/** An image to be kept. Its layers are in the store and pinned. */
export interface NewImage {
  /** Byte for byte. */
  readonly config: Uint8Array;
  readonly layers: readonly ImageLayer[];
  readonly manifest?: KnownManifest | undefined;
  /** The image it was made from on this machine. */
  readonly parent?: Digest | undefined;
}

const FILES = { config: 'config', manifest: 'manifest', facts: 'image.json' } as const;

/** image.json */
interface StoredFacts {
  readonly schema: 1;
  readonly id: Digest;
  readonly layers: readonly ImageLayer[];
  /** Of the file `manifest`, which is there only then. */
  readonly mediaType?: string;
  readonly parent?: Digest;
}

/** Writes an image's folder; one that is there is replaced, and a fault takes it away. Throws I/O errors. */
export async function writeImageFolder(
  home: string,
  id: Digest,
  image: NewImage,
  durable: boolean,
): Promise<void> {
  await rm(home, { recursive: true, force: true });
  await mkdir(home, { mode: 0o700 });
  try {
    await writeWhole(join(home, FILES.config), image.config, durable);
    if (image.manifest !== undefined) {
      await writeWhole(join(home, FILES.manifest), image.manifest.bytes, durable);
    }
    const facts: StoredFacts = {
      schema: 1,
      id,
      layers: image.layers.map(({ diffId, sizeBytes }) => ({ diffId, sizeBytes })),
      ...(image.manifest === undefined ? {} : { mediaType: image.manifest.mediaType }),
      ...(image.parent === undefined ? {} : { parent: image.parent }),
    };
    await saveJson(join(home, FILES.facts), facts, durable);
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}

/** What a folder says of its image. Throws RECORD_MALFORMED, OCI_DOCUMENT_MALFORMED, and I/O errors. */
export async function loadImageFolder(home: string, id: Digest): Promise<Omit<ImageFacts, 'home'>> {
  const { layers, parent, id: own } = await loadFacts(home);
  if (own !== id) throw malformedImage(home, `it describes ${own}`);
  const config = await readImageConfig(home);
  const { run, platform } = parseImageConfig(config, id);
  return {
    id,
    layers,
    run,
    platform,
    createdAtMs: createdAtOf(config),
    sizeBytes: sizeOf(layers),
    ...(parent === undefined ? {} : { parent }),
    isReadOnly: false,
  };
}

/** The configuration, byte for byte. */
export function readImageConfig(home: string): Promise<Buffer> {
  return readFile(join(home, FILES.config));
}

/** The manifest that the image was pulled with; undefined for one that was not. */
export async function readImageManifest(home: string): Promise<KnownManifest | undefined> {
  const { mediaType } = await loadFacts(home);
  return mediaType === undefined
    ? undefined
    : { mediaType, bytes: await readFile(join(home, FILES.manifest)) };
}

/** RECORD_MALFORMED */
export function malformedImage(home: string, fault: string): ToolError {
  return new ToolError(`reading the image ${home}: ${fault}`, {
    code: 'RECORD_MALFORMED',
    kind: 'integrity',
  });
}

async function loadFacts(home: string): Promise<StoredFacts> {
  const facts = (await loadJson(join(home, FILES.facts))) as Partial<StoredFacts> | undefined;
  const isWhole =
    facts?.schema === 1 &&
    isDigest(facts.id) &&
    isLayerList(facts.layers) &&
    (facts.parent === undefined || isDigest(facts.parent)) &&
    (facts.mediaType === undefined || typeof facts.mediaType === 'string');
  if (!isWhole) throw malformedImage(home, `${FILES.facts} is not of schema 1`);
  return facts as StoredFacts;
}

async function writeWhole(file: string, bytes: Uint8Array, durable: boolean): Promise<void> {
  await using handle = await open(file, 'wx', 0o600);
  await handle.writeFile(bytes);
  if (durable) await handle.sync();
}
