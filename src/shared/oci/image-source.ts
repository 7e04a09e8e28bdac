import { createHash } from 'node:crypto';
import { type Digest, digestOf } from '../digest.ts';
import { ToolError } from '../errors.ts';
import { DOCUMENT_LIMITS, type Descriptor, type ManifestIndex } from './image.ts';

/** A manifest or index as it came, with its digest. */
export interface ManifestDocument {
  readonly bytes: Uint8Array;
  /** What its sender calls it; undefined where nothing is said. */
  readonly mediaType: string | undefined;
  readonly digest: Digest;
}

/** Where an image starts: a document of its own, or a choice among several. */
export type ImageRoot =
  | { readonly kind: 'document'; readonly document: ManifestDocument }
  | { readonly kind: 'choice'; readonly index: ManifestIndex };

/** One image in a registry, an OCI layout folder or an archive of `docker save`. */
export interface ImageSource extends AsyncDisposable {
  /** For messages. */
  readonly name: string;
  root(signal?: AbortSignal): Promise<ImageRoot>;
  /** The bytes of a manifest or index, checked against the descriptor. */
  readManifest(descriptor: Descriptor, signal?: AbortSignal): Promise<Uint8Array>;
  /** A blob's bytes; throws before its end unless size and digest are the descriptor's. */
  streamBlob(descriptor: Descriptor, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/**
 * Passes a blob's bytes on and throws before its end unless size and digest are the descriptor's:
 * OCI_SIZE_MISMATCH (at the first byte too many), OCI_DIGEST_MISMATCH.
 */
export async function* checkBlob(
  blob: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  what: string,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of blob) {
    size += piece.length;
    if (size > descriptor.sizeBytes) throw sizeMismatch(what, `more than ${descriptor.sizeBytes} bytes`);
    hash.update(piece);
    yield piece;
  }
  if (size !== descriptor.sizeBytes) throw sizeMismatch(what, `${size} bytes, not ${descriptor.sizeBytes}`);
  const digest = `sha256:${hash.digest('hex')}`;
  if (digest !== descriptor.digest) throw digestMismatch(what, digest, descriptor.digest);
}

/** As `checkBlob` for bytes in memory. */
export function checkDocument(bytes: Uint8Array, descriptor: Descriptor, what: string): Uint8Array {
  if (bytes.length !== descriptor.sizeBytes) {
    throw sizeMismatch(what, `${bytes.length} bytes, not ${descriptor.sizeBytes}`);
  }
  const digest = digestOf(bytes);
  if (digest !== descriptor.digest) throw digestMismatch(what, digest, descriptor.digest);
  return bytes;
}

/** A whole blob in memory. Throws OCI_DOCUMENT_TOO_LARGE before reading more than a configuration may have. */
export async function readDocumentBlob(
  source: ImageSource,
  descriptor: Descriptor,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (descriptor.sizeBytes > DOCUMENT_LIMITS.config)
    throw documentTooLarge(source.name, DOCUMENT_LIMITS.config);
  const pieces: Uint8Array[] = [];
  for await (const piece of source.streamBlob(descriptor, signal)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** OCI_DOCUMENT_TOO_LARGE. */
export function documentTooLarge(what: string, limit: number): ToolError {
  return new ToolError(`${what}: a document is longer than ${limit} bytes`, {
    code: 'OCI_DOCUMENT_TOO_LARGE',
    kind: 'integrity',
  });
}

/** OCI_DIGEST_MISMATCH. */
export function digestMismatch(what: string, actual: string, expected: string): ToolError {
  return new ToolError(`${what}: the bytes have the digest ${actual}, not ${expected.slice(0, 80)}`, {
    code: 'OCI_DIGEST_MISMATCH',
    kind: 'integrity',
  });
}

/** OCI_SIZE_MISMATCH. */
export function sizeMismatch(what: string, fault: string): ToolError {
  return new ToolError(`${what}: wrong size: ${fault}`, { code: 'OCI_SIZE_MISMATCH', kind: 'integrity' });
}
