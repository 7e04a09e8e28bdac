import type { Arch } from '../arch.ts';
import { type Digest, isDigest } from '../digest.ts';
import { ToolError } from '../errors.ts';
import { isConfigType, isIndexType, isManifestType, layerCompression } from './media-types.ts';

/** Limits of the documents that describe an image, in bytes. */
export const DOCUMENT_LIMITS = { manifest: 4 << 20, config: 8 << 20 } as const;

/** What of a configuration is kept in memory and in the records of containers, as JSON. */
const MAX_RUN_LENGTH = 1 << 20;
const MAX_LAYERS = 512;
const MAX_MANIFESTS = 1024;

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** Points at a blob: what it is, its digest and its exact length. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly platform?: Platform;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Manifest of one image (OCI, or Docker schema 2). */
export interface ImageManifest {
  readonly kind: 'manifest';
  readonly mediaType: string;
  readonly config: Descriptor;
  /** Lowest layer first. */
  readonly layers: readonly Descriptor[];
}

/** OCI index or Docker manifest list: one image in several architectures. */
export interface ManifestIndex {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
}

/** What an image's configuration says about running it; names as in the specification. */
export interface ImageRunConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  /** Keys of the specification's object, such as `80/tcp`. */
  readonly ExposedPorts?: readonly string[];
  /** Keys of the specification's object: paths that are to be volumes. */
  readonly Volumes?: readonly string[];
  readonly Healthcheck?: ImageHealthcheck;
  readonly Shell?: readonly string[];
  readonly OnBuild?: readonly string[];
}

/** Docker's addition to the specification; durations in nanoseconds. */
export interface ImageHealthcheck {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** An image configuration, as far as it is used; its text is kept byte for byte elsewhere. */
export interface ImageConfig {
  readonly platform: Platform;
  readonly run: ImageRunConfig;
  /** Digests of the uncompressed layers, lowest first. */
  readonly diffIds: readonly Digest[];
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads a manifest or an index. `mediaType` is what the sender calls the document (the Content-Type or
 * the descriptor); the document has to be that and nothing else: one that could be read as a manifest
 * and as an index is refused (CVE-2021-41190).
 * Throws OCI_DOCUMENT_MALFORMED, OCI_MEDIA_TYPE_CONFUSION, OCI_MEDIA_TYPE_UNSUPPORTED, OCI_NOT_AN_IMAGE.
 * @param subject for messages, such as the reference
 */
export function parseImageDocument(
  bytes: Uint8Array,
  mediaType: string | undefined,
  subject: string,
): ImageManifest | ManifestIndex {
  const json = parseDocument(bytes, subject, 'manifest', DOCUMENT_LIMITS.manifest);
  const inside = json.mediaType;
  if (inside !== undefined && typeof inside !== 'string') throw malformed(subject, 'mediaType is not a text');
  if (mediaType !== undefined && inside !== undefined && mediaType !== inside) {
    throw confusion(subject, `it is announced as "${show(mediaType)}" but calls itself "${show(inside)}"`);
  }
  const type = mediaType ?? inside;
  if (json.schemaVersion === 1 || 'fsLayers' in json) {
    throw new ToolError(`${subject}: Docker manifests of schema 1 are not supported`, {
      code: 'OCI_MEDIA_TYPE_UNSUPPORTED',
      kind: 'unsupported',
      hint: 'push the image again with a current tool, which writes schema 2 or OCI manifests',
    });
  }
  if (json.schemaVersion !== 2) throw malformed(subject, 'schemaVersion is not 2');
  const hasIndexKeys = 'manifests' in json;
  const hasManifestKeys = 'config' in json || 'layers' in json;
  if (hasIndexKeys === hasManifestKeys) {
    throw hasIndexKeys
      ? confusion(subject, 'it has the keys of a manifest and of an index')
      : malformed(subject, 'it has neither "layers" nor "manifests"');
  }
  if (type === undefined) throw malformed(subject, 'nothing says what media type it has');
  if (isIndexType(type) ? hasManifestKeys : isManifestType(type) ? hasIndexKeys : false) {
    throw confusion(subject, `its keys are not those of "${show(type)}"`);
  }
  if (isIndexType(type)) return parseIndex(json, type, subject);
  if (isManifestType(type)) return parseManifest(json, type, subject);
  throw unsupported(subject, `"${show(type)}" is not a manifest`);
}

/** Reads an image configuration. Throws OCI_DOCUMENT_MALFORMED. */
export function parseImageConfig(bytes: Uint8Array | string, subject: string): ImageConfig {
  const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  const json = parseDocument(data, subject, 'configuration', DOCUMENT_LIMITS.config);
  const rootfs = asObject(json.rootfs, subject, 'rootfs');
  if (rootfs.type !== 'layers') throw malformed(subject, 'rootfs.type is not "layers"');
  const diffIds = asArray(rootfs.diff_ids, subject, 'rootfs.diff_ids', MAX_LAYERS).map((item, i) => {
    if (!isDigest(item)) throw malformed(subject, `rootfs.diff_ids[${i}] is not a sha256 digest`);
    return item;
  });
  const run = parseRunConfig(asObject(json.config ?? {}, subject, 'config'), subject);
  if (JSON.stringify(run).length > MAX_RUN_LENGTH) {
    throw malformed(subject, `config is longer than ${MAX_RUN_LENGTH} bytes`);
  }
  return { platform: parsePlatform(json, subject, ''), run, diffIds };
}

/**
 * The index's manifest for Linux on `arch`: the plainest variant of the processor wins, attestations
 * are passed over. Throws OCI_PLATFORM_MISSING, which lists what there is.
 */
export function choosePlatform(index: ManifestIndex, arch: Arch, subject: string): Descriptor {
  const images = index.manifests.filter(
    m => m.annotations['vnd.docker.reference.type'] === undefined && m.platform?.os !== 'unknown',
  );
  const fits = images
    .filter(m => m.platform !== undefined && variantRank(m.platform, arch) >= 0)
    // Sorting is stable, so equal variants keep the publisher's order.
    .sort((a, b) => rankOf(a, arch) - rankOf(b, arch));
  const [first] = fits;
  if (first !== undefined) return first;
  const [only] = images;
  if (images.length === 1 && only !== undefined && only.platform === undefined) return only;
  throw platformMissing(
    subject,
    arch,
    images.map(m => (m.platform === undefined ? 'unnamed' : formatPlatform(m.platform))),
  );
}

/** Throws OCI_PLATFORM_MISSING unless the image runs on Linux on `arch`. */
export function checkPlatform(platform: Platform, arch: Arch, subject: string): void {
  if (variantRank(platform, arch) < 0) throw platformMissing(subject, arch, [formatPlatform(platform)]);
}

/** `linux/arm64/v8`. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return show([os, architecture, ...(variant === undefined ? [] : [variant])].join('/'));
}

function rankOf(descriptor: Descriptor, arch: Arch): number {
  return descriptor.platform === undefined ? 99 : variantRank(descriptor.platform, arch);
}

/** How well a platform fits, 0 best; -1 where it doesn't (amd64/v2 and v3 need newer processors). */
function variantRank(platform: Platform, arch: Arch): number {
  if (platform.os !== 'linux' || platform.architecture !== arch) return -1;
  const known = arch === 'arm64' ? [undefined, '', 'v8'] : [undefined, '', 'v1'];
  return known.indexOf(platform.variant);
}

function parseManifest(json: Json, mediaType: string, subject: string): ImageManifest {
  const config = parseDescriptor(json.config, subject, 'config');
  if (!isConfigType(config.mediaType) || json.artifactType !== undefined) {
    const what = typeof json.artifactType === 'string' ? json.artifactType : config.mediaType;
    throw new ToolError(`${subject}: not a container image but "${show(what)}"`, {
      code: 'OCI_NOT_AN_IMAGE',
      kind: 'unsupported',
    });
  }
  const layers = asArray(json.layers, subject, 'layers', MAX_LAYERS).map((item, i) => {
    const layer = parseDescriptor(item, subject, `layers[${i}]`);
    // Foreign layers come from addresses that the manifest names; they are never fetched (CVE-2020-15157).
    if (layerCompression(layer.mediaType) === undefined) {
      throw unsupported(subject, `layers[${i}] has the media type "${show(layer.mediaType)}"`);
    }
    return layer;
  });
  if (config.sizeBytes > DOCUMENT_LIMITS.config) throw malformed(subject, 'its configuration is too large');
  return { kind: 'manifest', mediaType, config, layers };
}

function parseIndex(json: Json, mediaType: string, subject: string): ManifestIndex {
  const manifests = asArray(json.manifests, subject, 'manifests', MAX_MANIFESTS).map((item, i) =>
    parseDescriptor(item, subject, `manifests[${i}]`),
  );
  return { kind: 'index', mediaType, manifests };
}

function parseDescriptor(value: unknown, subject: string, where: string): Descriptor {
  const json = asObject(value, subject, where);
  const { mediaType, digest, size } = json;
  if (typeof mediaType !== 'string') throw malformed(subject, `${where}.mediaType is not a text`);
  if (!isDigest(digest)) throw malformed(subject, `${where}.digest is not a sha256 digest`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw malformed(subject, `${where}.size is not a length in bytes`);
  }
  const platform = json.platform;
  return {
    mediaType,
    digest,
    sizeBytes: size,
    ...(platform === undefined ? {} : { platform: parsePlatform(platform, subject, `${where}.platform`) }),
    annotations: asTexts(json.annotations, subject, `${where}.annotations`) ?? {},
  };
}

function parsePlatform(value: unknown, subject: string, where: string): Platform {
  const json = asObject(value, subject, where);
  const { os, architecture, variant } = json;
  const prefix = where === '' ? '' : `${where}.`;
  if (typeof os !== 'string') throw malformed(subject, `${prefix}os is not a text`);
  if (typeof architecture !== 'string') throw malformed(subject, `${prefix}architecture is not a text`);
  return { os, architecture, ...(typeof variant === 'string' ? { variant } : {}) };
}

function parseRunConfig(json: Json, subject: string): ImageRunConfig {
  const text = (key: string): Record<string, string> => {
    const value = json[key];
    if (value === undefined || value === null) return {};
    if (typeof value !== 'string') throw malformed(subject, `config.${key} is not a text`);
    return { [key]: value };
  };
  const list = (key: string): Record<string, readonly string[]> => {
    const value = json[key];
    if (value === undefined || value === null) return {};
    return {
      [key]: asArray(value, subject, `config.${key}`, 10_000).map(item => {
        if (typeof item !== 'string')
          throw malformed(subject, `config.${key} holds something else than texts`);
        return item;
      }),
    };
  };
  const keys = (key: string): Record<string, readonly string[]> => {
    const value = json[key];
    if (value === undefined || value === null) return {};
    return { [key]: Object.keys(asObject(value, subject, `config.${key}`)) };
  };
  const labels = asTexts(json.Labels, subject, 'config.Labels');
  return {
    ...text('User'),
    ...list('Env'),
    ...list('Entrypoint'),
    ...list('Cmd'),
    ...text('WorkingDir'),
    ...(labels === undefined ? {} : { Labels: labels }),
    ...text('StopSignal'),
    ...keys('ExposedPorts'),
    ...keys('Volumes'),
    ...list('Shell'),
    ...list('OnBuild'),
    ...(json.Healthcheck === undefined || json.Healthcheck === null
      ? {}
      : { Healthcheck: parseHealthcheck(json.Healthcheck, subject) }),
  };
}

function parseHealthcheck(value: unknown, subject: string): ImageHealthcheck {
  const json = asObject(value, subject, 'config.Healthcheck');
  const numbers: Record<string, number> = {};
  for (const key of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries']) {
    const item = json[key] ?? 0;
    if (!Number.isSafeInteger(item)) throw malformed(subject, `config.Healthcheck.${key} is not a number`);
    if (item !== 0) numbers[key] = Number(item);
  }
  if (json.Test === undefined || json.Test === null) return numbers;
  const test = asArray(json.Test, subject, 'config.Healthcheck.Test', 10_000);
  const isText = (word: unknown): word is string => typeof word === 'string';
  if (!test.every(isText))
    throw malformed(subject, 'config.Healthcheck.Test holds something else than texts');
  return { Test: test, ...numbers };
}

function parseDocument(bytes: Uint8Array, subject: string, what: string, limit: number): Json {
  if (bytes.length > limit) throw malformed(subject, `the ${what} is longer than ${limit} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw malformed(subject, `the ${what} is not JSON`, cause);
  }
  const json = asObject(value, subject, '');
  // Other readers match keys without regard to case; "Layers" beside "layers" would mean two things.
  const folded = new Set(Object.keys(json).map(key => key.toLowerCase()));
  if (folded.size !== Object.keys(json).length) {
    throw confusion(subject, 'two of its keys differ only in upper and lower case');
  }
  return json;
}

function asObject(value: unknown, subject: string, where: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(subject, `${where === '' ? 'the document' : where} is not an object`);
  }
  return value as Json;
}

function asArray(value: unknown, subject: string, where: string, limit: number): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(subject, `${where} is not a list`);
  if (value.length > limit) throw malformed(subject, `${where} has more than ${limit} items`);
  return value;
}

function asTexts(value: unknown, subject: string, where: string): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  const pairs = Object.entries(asObject(value, subject, where));
  for (const [key, item] of pairs) {
    if (typeof item !== 'string') throw malformed(subject, `${where}.${show(key)} is not a text`);
  }
  return Object.fromEntries(pairs) as Record<string, string>;
}

function malformed(subject: string, reason: string, cause?: unknown): ToolError {
  return new ToolError(`${subject}: ${reason}`, {
    code: 'OCI_DOCUMENT_MALFORMED',
    kind: 'invalid-input',
    cause,
  });
}

function confusion(subject: string, reason: string): ToolError {
  return new ToolError(`${subject}: refusing an ambiguous document: ${reason}`, {
    code: 'OCI_MEDIA_TYPE_CONFUSION',
    kind: 'integrity',
  });
}

function unsupported(subject: string, reason: string): ToolError {
  return new ToolError(`${subject}: ${reason}, which is not supported`, {
    code: 'OCI_MEDIA_TYPE_UNSUPPORTED',
    kind: 'unsupported',
  });
}

function platformMissing(subject: string, arch: Arch, found: readonly string[]): ToolError {
  return new ToolError(
    `${subject}: there is no image for linux/${arch}; found ${found.join(', ') || 'none'}`,
    {
      code: 'OCI_PLATFORM_MISSING',
      kind: 'not-found',
    },
  );
}

/** Text from outside, fit for a message. */
function show(text: string): string {
  return text.slice(0, 120).replace(/[^\x20-\x7e]/g, '?');
}
