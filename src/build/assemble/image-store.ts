import { createHash } from 'node:crypto';
import {
  type Content,
  type Entry,
  type FileEntry,
  bytesContent,
  contentSize,
} from '../../shared/archive/entry.ts';
import { BLOCK_BYTES } from '../../shared/archive/tar-header.ts';
import { formatEntry } from '../../shared/archive/tar.ts';
import type { Arch } from '../../shared/arch.ts';
import { type Digest, canonicalJson, digestOf, hexOf } from '../../shared/digest.ts';
import { invariant } from '../../shared/errors.ts';
import { ContentReader } from '../../shared/fs/content-reader.ts';
import type { ImageIndex, StoredImage } from '../../shared/machine-image.ts';
import { type ImageRunConfig, parseImageConfig } from '../../shared/oci/image.ts';
import { OPAQUE_XATTR, isWhiteout } from '../../shared/oci/layer.ts';
import { type TarPart, formatTarHeaders } from '../../shared/oci/tar-headers.ts';
import { CORE } from '../../shared/paths.ts';
import { Tree } from '../tree/tree.ts';
import type { UnpackedLayer } from '../unpack/oci-image.ts';

/** One image for an image store. */
export interface ImageInput {
  /** Full names with a tag: `docker.io/library/alpine:3.22`. */
  readonly names: readonly string[];
  /** `docker.io/library/alpine@sha256:…`. */
  readonly repoDigests: readonly string[];
  /** The image configuration, byte for byte. */
  readonly config: string;
  /** Lowest first. */
  readonly layers: readonly UnpackedLayer[];
}

export interface ImageFromTreeOptions {
  readonly names: readonly string[];
  readonly arch: Arch;
  readonly run: ImageRunConfig;
  /** Seconds since 1970; `created` of the configuration. */
  readonly epoch: number;
}

export interface ImageStoreOptions {
  /** Seconds since 1970, for the store's own folders. */
  readonly epoch: number;
  /** Content hashes by slice, kept from one call to the next where the caller has several. */
  readonly hashes?: Map<string, Digest>;
}

/**
 * Lays images out as the machine mounts them: `images/index.json`, `layers/HEX/` with overlay whiteouts,
 * and `layers/HEX.headers`. A layer that several images share is there once, and files of different
 * layers that are equal in every respect are hard links, so that their pages are shared in memory.
 * Files of one layer stay apart: programs can tell links from copies. Equal input gives equal trees.
 */
export async function assembleImageStore(
  images: readonly ImageInput[],
  options: ImageStoreOptions,
): Promise<Tree> {
  const tree = new Tree(options.epoch);
  const merged = mergeImages(images);
  const layers = collectLayers(merged);
  const links = await linkEqualFiles(layers, options.hashes ?? new Map<string, Digest>());
  tree.directory(CORE.layers);
  for (const { layer, entries } of layers) {
    const folder = folderOf(layer);
    tree.directory(folder);
    for (const entry of entries) {
      const path = entry.path === '' ? folder : `${folder}/${entry.path}`;
      const ownTarget = entry.kind === 'hardlink' ? `${folder}/${entry.target}` : path;
      const target = links.get(ownTarget) ?? ownTarget;
      if (target === path || (entry.kind !== 'file' && entry.kind !== 'hardlink'))
        tree.put({ ...entry, path });
      else tree.put({ ...attributesOf(entry), kind: 'hardlink', path, target });
    }
    tree.file(`${folder}.headers`, layer.tarHeaders);
  }
  const index: ImageIndex = { schema: 1, images: merged.map(toStoredImage) };
  tree.file(CORE.imageIndex, `${canonicalJson(index)}\n`);
  return tree;
}

/**
 * An image of one layer from a tree, with the configuration and digests that any OCI tool would compute
 * for it. Equal trees and options give the same image.
 */
export async function imageFromTree(tree: Tree, options: ImageFromTreeOptions): Promise<ImageInput> {
  const entries = firstPathHasContent(tree.entries());
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const digesting = (bytes: Uint8Array): void => {
    hash.update(bytes);
    sizeBytes += bytes.length;
  };
  const record = Buffer.concat(await Array.fromAsync(formatTarHeaders(tarParts(entries, digesting))));
  const diffId: Digest = `sha256:${hash.digest('hex')}`;
  const created = new Date(options.epoch * 1000).toISOString();
  const config = canonicalJson({
    architecture: options.arch,
    config: options.run,
    created,
    history: [{ created, created_by: 'slipway' }],
    os: 'linux',
    rootfs: { diff_ids: [diffId], type: 'layers' },
  });
  const layer = { diffId, sizeBytes, entries, tarHeaders: bytesContent(record) };
  return { names: options.names, repoDigests: [], config, layers: [layer] };
}

/** The parts of the tar that `writeTar` would write of the entries; every byte of it goes to `digesting`. */
async function* tarParts(
  entries: readonly Entry[],
  digesting: (bytes: Uint8Array) => void,
): AsyncGenerator<TarPart> {
  using reader = new ContentReader();
  const bytes = (data: Uint8Array): TarPart => {
    digesting(data);
    return { kind: 'bytes', bytes: data };
  };
  for (const entry of entries) {
    yield bytes(formatEntry(entry));
    const size = entry.kind === 'file' ? contentSize(entry.content) : 0;
    if (entry.kind !== 'file' || size === 0) continue;
    for await (const piece of reader.read(entry.content)) digesting(piece);
    yield { kind: 'file', path: entry.path, sizeBytes: size };
    yield bytes(new Uint8Array((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES));
  }
  yield bytes(new Uint8Array(2 * BLOCK_BYTES));
}

/** In a tar a link follows its file, so of linked paths the first in order gets the content. */
function firstPathHasContent(entries: readonly Entry[]): Entry[] {
  const byPath = new Map(entries.map(entry => [entry.path, entry]));
  const owners = new Map<FileEntry, string>();
  return entries.map(entry => {
    const file = entry.kind === 'hardlink' ? followLinks(entry, byPath) : entry;
    if (file.kind !== 'file') return { ...file, path: entry.path };
    const owner = owners.get(file);
    if (owner !== undefined)
      return { ...attributesOf(file), kind: 'hardlink', path: entry.path, target: owner };
    owners.set(file, entry.path);
    return { ...file, path: entry.path };
  });
}

function followLinks(link: Entry, byPath: ReadonlyMap<string, Entry>): Entry {
  let entry: Entry | undefined = link;
  for (let hops = 0; entry?.kind === 'hardlink' && hops < 8; hops++) entry = byPath.get(entry.target);
  invariant(entry && entry.kind !== 'hardlink', `the hard link ${link.path} has no file in its tree`);
  return entry;
}

/** Images of one id are one image with the names of all. */
function mergeImages(images: readonly ImageInput[]): ImageInput[] {
  const byId = new Map<string, ImageInput>();
  const owners = new Map<string, string>();
  for (const image of images) {
    const id = digestOf(image.config);
    const { diffIds } = parseImageConfig(image.config, image.names[0] ?? id);
    invariant(
      canonicalJson(diffIds) === canonicalJson(image.layers.map(layer => layer.diffId)),
      `the configuration of ${image.names[0] ?? id} lists the layers it has`,
    );
    for (const name of image.names) {
      invariant((owners.get(name) ?? id) === id, `the name ${name} belongs to one image`);
      owners.set(name, id);
    }
    const known = byId.get(id);
    byId.set(id, {
      ...image,
      names: sortedUnique([...(known?.names ?? []), ...image.names]),
      repoDigests: sortedUnique([...(known?.repoDigests ?? []), ...image.repoDigests]),
    });
  }
  return [...byId].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, image]) => image);
}

interface CollectedLayer {
  readonly layer: UnpackedLayer;
  readonly entries: readonly Entry[];
}

/** Every layer once, in the order of the digests. */
function collectLayers(images: readonly ImageInput[]): CollectedLayer[] {
  const layers = new Map<string, UnpackedLayer>();
  const stacked = new Set<string>();
  for (const image of images) {
    image.layers.forEach((layer, position) => {
      if (!layers.has(layer.diffId)) layers.set(layer.diffId, layer);
      if (position > 0) stacked.add(layer.diffId);
    });
  }
  return [...layers.values()]
    .sort((a, b) => (a.diffId < b.diffId ? -1 : 1))
    .map(layer => ({ layer, entries: stacked.has(layer.diffId) ? layer.entries : withoutWhiteouts(layer) }));
}

/** Nothing lies below a lowest layer, and alone it is mounted without overlayfs, which would show them. */
function withoutWhiteouts(layer: UnpackedLayer): Entry[] {
  return layer.entries
    .filter(entry => !isWhiteout(entry))
    .map(entry => {
      if (!entry.xattrs?.has(OPAQUE_XATTR)) return entry;
      const { xattrs, ...rest } = entry;
      const others = new Map([...xattrs].filter(([name]) => name !== OPAQUE_XATTR));
      return others.size === 0 ? rest : { ...rest, xattrs: others };
    });
}

/**
 * For files that have an equal in an earlier layer: their path -> that one's. Contents are hashed only
 * where files of different layers agree in everything else.
 */
async function linkEqualFiles(
  layers: readonly CollectedLayer[],
  hashes: Map<string, Digest>,
): Promise<Map<string, string>> {
  interface Candidate {
    readonly layer: number;
    readonly path: string;
    readonly content: Content;
  }
  const groups = new Map<string, Candidate[]>();
  layers.forEach(({ layer, entries }, index) => {
    for (const entry of entries) {
      if (entry.kind !== 'file' || contentSize(entry.content) === 0) continue;
      const key = attributeKey(entry);
      const candidate = { layer: index, path: `${folderOf(layer)}/${entry.path}`, content: entry.content };
      const group = groups.get(key);
      if (group) group.push(candidate);
      else groups.set(key, [candidate]);
    }
  });
  const links = new Map<string, string>();
  using reader = new ContentReader();
  for (const group of groups.values()) {
    if (group.every(candidate => candidate.layer === group[0]?.layer)) continue;
    const slices = new Set(group.map(candidate => sliceKey(candidate.content)));
    /** By content, the paths that stand for it: the n-th copy of a layer is linked to the n-th of these. */
    const standing = new Map<string, string[]>();
    const copies = new Map<string, number>();
    for (const { layer, path, content } of group) {
      const isOneSlice = slices.size === 1 && content.kind === 'slice';
      const key = isOneSlice ? '' : await hashOf(content, reader, hashes);
      const count = copies.get(`${layer} ${key}`) ?? 0;
      copies.set(`${layer} ${key}`, count + 1);
      const paths = standing.get(key) ?? [];
      const first = paths[count];
      if (first === undefined) paths.push(path);
      else links.set(path, first);
      standing.set(key, paths);
    }
  }
  return links;
}

async function hashOf(content: Content, reader: ContentReader, hashes: Map<string, Digest>): Promise<Digest> {
  if (content.kind === 'bytes') return digestOf(content.bytes);
  const key = sliceKey(content);
  const known = hashes.get(key);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  for await (const piece of reader.read(content)) hash.update(piece);
  const digest: Digest = `sha256:${hash.digest('hex')}`;
  hashes.set(key, digest);
  return digest;
}

function sliceKey(content: Content): string {
  return content.kind === 'slice' ? `${content.offset} ${content.size} ${content.file}` : '';
}

/** All that two names of one inode share, the content apart. */
function attributeKey(entry: FileEntry): string {
  const xattrs = [...(entry.xattrs ?? [])]
    .map(([name, value]) => `${name}=${Buffer.from(value).toString('hex')}`)
    .sort();
  return JSON.stringify([contentSize(entry.content), entry.mode, entry.uid, entry.gid, entry.mtime, xattrs]);
}

function attributesOf(entry: Entry) {
  const { path, mode, uid, gid, mtime, xattrs } = entry;
  return { path, mode, uid, gid, mtime, ...(xattrs === undefined ? {} : { xattrs }) };
}

function folderOf(layer: UnpackedLayer): string {
  return `${CORE.layers.slice(1)}/${hexOf(layer.diffId)}`;
}

function toStoredImage(image: ImageInput): StoredImage {
  return {
    id: digestOf(image.config),
    names: image.names,
    repoDigests: image.repoDigests,
    config: image.config,
    layers: image.layers.map(({ diffId, sizeBytes }) => ({ diffId, sizeBytes })),
  };
}

function sortedUnique(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}
