import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, hexOf } from '../digest.ts';
import { ToolError, isSystemError } from '../errors.ts';
import { DOCUMENT_LIMITS, type Descriptor, type ManifestIndex, parseImageDocument } from './image.ts';
import {
  type ImageRoot,
  type ImageSource,
  checkBlob,
  checkDocument,
  documentTooLarge,
} from './image-source.ts';
import { MEDIA_TYPES } from './media-types.ts';
import { formatReference, parseReference } from './reference.ts';

/** The files of an OCI layout: of a folder, or of an archive. Paths are made here, never by the image. */
export interface LayoutFiles extends AsyncDisposable {
  has(path: string): Promise<boolean>;
  /** Throws OCI_LAYOUT_MALFORMED where there is no such regular file. */
  stream(path: string): AsyncIterable<Uint8Array>;
}

const TAG_ANNOTATION = 'org.opencontainers.image.ref.name';
const NAME_ANNOTATION = 'io.containerd.image.name';

/**
 * Opens an OCI image layout folder (OCI image specification 1.1, image-layout.md).
 * @param tag which image of the folder, by its `org.opencontainers.image.ref.name`; needed where it has several
 * @param name for messages
 */
export function openLayoutFolder(folder: string, tag: string | undefined, name: string): ImageSource {
  return openLayout(folderFiles(folder, name), tag, name);
}

/** Opens the layout that the files are. Errors of its methods: OCI_LAYOUT_MALFORMED, OCI_TAG_MISSING. */
export function openLayout(files: LayoutFiles, tag: string | undefined, name: string): ImageSource {
  const readManifest = async (descriptor: Descriptor): Promise<Uint8Array> =>
    checkDocument(await readSmall(files, blobPath(descriptor), name), descriptor, describe(name, descriptor));
  return {
    name,
    readManifest,
    async root(): Promise<ImageRoot> {
      await checkVersion(files, name);
      const bytes = await readSmall(files, 'index.json', name);
      const index = parseImageDocument(bytes, MEDIA_TYPES.ociIndex, `${name}: index.json`);
      if (index.kind !== 'index') throw malformed(name, 'index.json is not an index');
      const found = chooseTag(index, tag, name);
      const [only] = found;
      if (found.length !== 1 || only === undefined)
        return { kind: 'choice', index: { ...index, manifests: found } };
      const document = await readManifest(only);
      return {
        kind: 'document',
        document: { bytes: document, mediaType: only.mediaType, digest: only.digest },
      };
    },
    streamBlob: descriptor =>
      checkBlob(files.stream(blobPath(descriptor)), descriptor, describe(name, descriptor)),
    [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
  };
}

/** OCI_LAYOUT_MALFORMED. */
export function malformed(name: string, fault: string, hint?: string): ToolError {
  return new ToolError(`reading ${name}: ${fault}`, {
    code: 'OCI_LAYOUT_MALFORMED',
    kind: 'invalid-input',
    ...(hint === undefined ? {} : { hint }),
  });
}

/** A small file of the layout. Throws OCI_DOCUMENT_TOO_LARGE, OCI_LAYOUT_MALFORMED. */
export async function readSmall(files: LayoutFiles, path: string, name: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of files.stream(path)) {
    size += piece.length;
    if (size > DOCUMENT_LIMITS.config)
      throw documentTooLarge(`reading ${name}: ${path}`, DOCUMENT_LIMITS.config);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** OCI_TAG_MISSING, with what there is to choose from. */
export function tagMissing(name: string, tag: string | undefined, known: readonly string[]): ToolError {
  const list = known.slice(0, 10).join(', ') || 'none has a name';
  return new ToolError(
    tag === undefined
      ? `reading ${name}: it holds several images`
      : `reading ${name}: it holds no image "${tag}"`,
    {
      code: 'OCI_TAG_MISSING',
      kind: 'not-found',
      hint: `add the image's tag after a colon; there are: ${list}`,
    },
  );
}

/** Whether a name or tag that a user gave means an image with these names. */
export function matchesTag(wanted: string, names: readonly (string | undefined)[]): boolean {
  return names.some(
    name => name !== undefined && (name === wanted || tagOf(name) === wanted || isSameImage(name, wanted)),
  );
}

function chooseTag(index: ManifestIndex, tag: string | undefined, name: string): readonly Descriptor[] {
  const images = index.manifests.filter(m => m.annotations['vnd.docker.reference.type'] === undefined);
  const namesOf = (m: Descriptor): (string | undefined)[] => [
    m.annotations[TAG_ANNOTATION],
    m.annotations[NAME_ANNOTATION],
  ];
  const found = tag === undefined ? images : images.filter(m => matchesTag(tag, namesOf(m)));
  // Several manifests without a tag to choose by are one image if they are for several platforms.
  const names = new Set(found.map(m => namesOf(m).join(' ')));
  if (found.length === 0 || names.size > 1) {
    throw tagMissing(
      name,
      tag,
      images.flatMap(m => namesOf(m).find(text => text !== undefined) ?? []),
    );
  }
  const digests = new Set(found.map(m => m.digest));
  return digests.size === 1 ? found.slice(0, 1) : found;
}

function tagOf(name: string): string | undefined {
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? name.slice(colon + 1) : undefined;
}

function isSameImage(a: string, b: string): boolean {
  try {
    return formatReference(parseReference(a)) === formatReference(parseReference(b));
  } catch (error) {
    if (error instanceof ToolError) return false;
    throw error;
  }
}

async function checkVersion(files: LayoutFiles, name: string): Promise<void> {
  if (!(await files.has('oci-layout'))) {
    throw malformed(
      name,
      'it has no file "oci-layout"',
      'an OCI layout folder holds oci-layout, index.json and blobs/',
    );
  }
  let version: unknown;
  try {
    const json: unknown = JSON.parse(Buffer.from(await readSmall(files, 'oci-layout', name)).toString());
    version =
      typeof json === 'object' && json !== null && 'imageLayoutVersion' in json && json.imageLayoutVersion;
  } catch (error) {
    if (error instanceof ToolError) throw error;
  }
  if (typeof version !== 'string' || !version.startsWith('1.')) {
    throw malformed(name, 'its file "oci-layout" does not state version 1');
  }
}

function blobPath(descriptor: Descriptor): string {
  return `blobs/sha256/${hexOf(descriptor.digest)}`;
}

function describe(name: string, descriptor: Descriptor): string {
  return `reading ${name}: blob ${descriptor.digest}`;
}

function folderFiles(folder: string, name: string): LayoutFiles {
  return {
    async has(path) {
      const file = await openRegular(folder, path, name);
      await file?.close();
      return file !== undefined;
    },
    async *stream(path) {
      const file = await openRegular(folder, path, name);
      if (file === undefined) throw malformed(name, `there is no file ${path}`);
      try {
        for await (const piece of file.createReadStream({ highWaterMark: 256 * 1024, autoClose: false })) {
          yield piece as Buffer;
        }
      } finally {
        await file.close();
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Links, pipes and devices in a stranger's folder are not opened: a pipe would never end. */
async function openRegular(folder: string, path: string, name: string): Promise<FileHandle | undefined> {
  let file: FileHandle;
  try {
    file = await open(join(folder, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    if (isSystemError(error, 'ELOOP')) throw malformed(name, `${path} is a symbolic link`);
    throw error;
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw malformed(name, `${path} is not a regular file`);
}

/** The digest of a small file's bytes, for documents that no descriptor names. */
export function descriptorOf(bytes: Uint8Array, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(bytes), sizeBytes: bytes.length, annotations: {} };
}
