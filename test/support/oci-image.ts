import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type Content, type Entry, bytesContent } from '../../src/shared/archive/entry.ts';
import { type RawHeader, formatHeader, formatPaxRecord } from '../../src/shared/archive/tar-header.ts';
import { writeTar } from '../../src/shared/archive/tar.ts';
import { type Digest, digestOf, hexOf } from '../../src/shared/digest.ts';
import { type LayerCompression, MEDIA_TYPES } from '../../src/shared/oci/media-types.ts';

interface EntryFields {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
  readonly content?: Content;
  readonly target?: string;
  readonly major?: number;
  readonly minor?: number;
}

/** An entry with only what a test cares for. */
export function entry(kind: Entry['kind'], path: string, fields: EntryFields = {}): Entry {
  return {
    kind,
    path,
    mode: kind === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    mtime: 1000,
    ...fields,
  } as Entry;
}

/** A regular file with text in it. */
export function file(path: string, text: string, fields: EntryFields = {}): Entry {
  return entry('file', path, { content: bytesContent(text), ...fields });
}

/** One raw tar header block (and content): archives that no honest writer makes. */
export function rawHeader(
  fields: Partial<Omit<RawHeader, 'name' | 'linkName'>> & { name: string; linkName?: string },
  content = '',
): Uint8Array {
  const data = Buffer.from(content);
  const header = formatHeader({
    type: '0',
    mode: 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: data.length,
    mtime: 1000,
    major: 0,
    minor: 0,
    ...fields,
    name: Buffer.from(fields.name),
    linkName: Buffer.from(fields.linkName ?? ''),
  });
  return Buffer.concat([header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

/** A PAX extended header for the entry that follows. */
export function paxHeader(records: Readonly<Record<string, string | Uint8Array>>): Uint8Array {
  const data = Buffer.concat(
    Object.entries(records).map(([key, value]) => formatPaxRecord(key, Buffer.from(value))),
  );
  return Buffer.concat([
    rawHeader({ name: 'PaxHeader', type: 'x', sizeBytes: data.length }),
    data,
    Buffer.alloc((512 - (data.length % 512)) % 512),
  ]);
}

/** Blocks with the end marker of a tar. */
export function rawTar(...blocks: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** All bytes of a stream. */
export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A tar of the entries, as an honest writer makes it. */
export function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  return collect(writeTar(entries));
}

export interface TestBlob {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

export interface TestImage {
  readonly manifest: TestBlob;
  readonly config: TestBlob;
  readonly layers: readonly TestBlob[];
  readonly diffIds: readonly Digest[];
}

export interface TestImageOptions {
  readonly arch?: string;
  readonly compression?: LayerCompression;
  /** Docker's media types instead of OCI's. */
  readonly docker?: boolean;
  readonly diffIds?: readonly string[];
  readonly config?: object;
  /** When it was made, as RFC 3339; many images do not say. */
  readonly created?: string;
}

const OCI_LAYERS = {
  none: MEDIA_TYPES.ociLayer,
  gzip: MEDIA_TYPES.ociLayerGzip,
  zstd: MEDIA_TYPES.ociLayerZstd,
};

/** A blob and its descriptor. */
export function blobOf(bytes: Uint8Array | string, mediaType: string): TestBlob {
  const data = Buffer.from(bytes);
  return { mediaType, digest: digestOf(data), bytes: data };
}

/** The descriptor of a blob, as documents hold it. */
export function descriptor(blob: TestBlob): { mediaType: string; digest: string; size: number } {
  return { mediaType: blob.mediaType, digest: blob.digest, size: blob.bytes.length };
}

/** An image of the uncompressed layer tars. */
export function imageOf(tars: readonly Uint8Array[], options: TestImageOptions = {}): TestImage {
  const compression = options.compression ?? 'gzip';
  const isDocker = options.docker === true;
  const diffIds = tars.map(tar => digestOf(tar));
  const layers = tars.map(tar => {
    const bytes =
      compression === 'none' ? tar : compression === 'gzip' ? gzipSync(tar) : zstdCompressSync(tar);
    return blobOf(bytes, isDocker ? MEDIA_TYPES.dockerLayerGzip : OCI_LAYERS[compression]);
  });
  const config = blobOf(
    JSON.stringify({
      architecture: options.arch ?? 'amd64',
      os: 'linux',
      ...(options.created === undefined ? {} : { created: options.created }),
      config: { Cmd: ['/bin/sh'], Env: ['PATH=/bin'], ...options.config },
      rootfs: { type: 'layers', diff_ids: options.diffIds ?? diffIds },
    }),
    isDocker ? MEDIA_TYPES.dockerConfig : MEDIA_TYPES.ociConfig,
  );
  const mediaType = isDocker ? MEDIA_TYPES.dockerManifest : MEDIA_TYPES.ociManifest;
  const manifest = blobOf(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: descriptor(config),
      layers: layers.map(descriptor),
    }),
    mediaType,
  );
  return { manifest, config, layers, diffIds };
}

/** An index of images for platforms, `linux/arm64`. */
export function indexOf(images: Readonly<Record<string, TestImage>>, docker = false): TestBlob {
  const mediaType = docker ? MEDIA_TYPES.dockerManifestList : MEDIA_TYPES.ociIndex;
  const manifests = Object.entries(images).map(([platform, image]) => {
    const [os, architecture, variant] = platform.split('/');
    return { ...descriptor(image.manifest), platform: { os, architecture, variant } };
  });
  return blobOf(JSON.stringify({ schemaVersion: 2, mediaType, manifests }), mediaType);
}

/** Every blob of images. */
export function blobsOf(...images: readonly TestImage[]): TestBlob[] {
  return images.flatMap(image => [image.manifest, image.config, ...image.layers]);
}

/** Writes an OCI layout folder. */
export async function writeLayout(
  folder: string,
  tagged: Readonly<Record<string, TestBlob>>,
  blobs: readonly TestBlob[],
): Promise<void> {
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const manifests = Object.entries(tagged).map(([tag, blob]) => ({
    ...descriptor(blob),
    annotations: { 'org.opencontainers.image.ref.name': tag },
  }));
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  for (const blob of [...blobs, ...Object.values(tagged)]) {
    await writeFile(join(folder, 'blobs', 'sha256', hexOf(blob.digest)), blob.bytes);
  }
}

/** A folder that is removed when it goes out of scope. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'slipway-oci-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** The archive that `docker load` takes, with one image of uncompressed layers under a name. */
export function archiveOf(image: TestImage, tars: readonly Uint8Array[], name: string): Promise<Buffer> {
  const layers = tars.map((_, index) => `${index}.tar`);
  return tarOf([
    file('config.json', '', { content: bytesContent(image.config.bytes) }),
    ...tars.map((bytes, index) => file(`${index}.tar`, '', { content: bytesContent(bytes) })),
    file('manifest.json', JSON.stringify([{ Config: 'config.json', RepoTags: [name], Layers: layers }])),
  ]);
}
