import { isDigest } from '../../../shared/digest.ts';
import { ToolError } from '../../../shared/errors.ts';
import {
  type ImageReference,
  familiarName,
  formatReference,
  parseReference,
} from '../../../shared/oci/reference.ts';
import { invalidParameter, noSuchImage } from '../docker-errors.ts';

/** What a text can mean where an image is wanted. */
export type ImageName =
  | { readonly kind: 'reference'; readonly reference: ImageReference }
  /** The start of an id, in hexadecimal digits; `id` is whole. */
  | { readonly kind: 'id'; readonly hex: string; readonly isWhole: boolean };

/**
 * What a text can mean, the likeliest first: a whole id, a reference, the start of an id. Nothing where it can
 * mean none.
 */
export function parseImageName(text: string): ImageName[] {
  const hex = text.startsWith('sha256:') ? text.slice('sha256:'.length) : text;
  if (/^[0-9a-f]{64}$/.test(hex)) return [{ kind: 'id', hex, isWhole: true }];
  const reference = tryParseReference(text);
  return [
    ...(reference === undefined ? [] : [{ kind: 'reference', reference } as const]),
    ...(/^[0-9a-f]{1,63}$/.test(hex) ? [{ kind: 'id', hex, isWhole: false } as const] : []),
  ];
}

/** A reference as Docker reads it; undefined for what is none. */
export function tryParseReference(text: string): ImageReference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof ToolError && error.code === 'OCI_REFERENCE_INVALID') return undefined;
    throw error;
  }
}

/** A reference that a client gave. Throws ENGINE_INVALID_PARAMETER in Docker's words. */
export function parseClientReference(text: string): ImageReference {
  const reference = tryParseReference(text);
  if (reference === undefined) throw invalidReference(text);
  return reference;
}

/** What is wrong with a text that is no reference: 400, in Docker's words. */
function invalidReference(text: string): ToolError {
  const [first = '', ...rest] = text.split('/');
  const namesHost = rest.length > 0 && (/[.:]|^localhost$/.test(first) || first !== first.toLowerCase());
  const path = namesHost ? rest.join('/') : rest.length === 0 ? `library/${text}` : text;
  const [name = ''] = path.split(':');
  return invalidParameter(
    name === name.toLowerCase()
      ? 'invalid reference format'
      : `invalid reference format: repository name (${name}) must be lowercase`,
  );
}

/** A name as it is kept: the whole reference; one that is none stays as it is (a recipe's need not be one). */
export function normaliseName(name: string): string {
  const reference = tryParseReference(name);
  return reference === undefined ? name : formatReference(reference);
}

/** A kept name as Docker shows it: without `docker.io/library/`. */
export function showName(name: string): string {
  const reference = tryParseReference(name);
  return reference === undefined ? name : familiarName(reference);
}

/** Registry and repository of a kept name, as Docker shows them. */
export function showRepository(name: string): string {
  const shown = showName(name);
  if (shown.includes('@')) return shown.slice(0, shown.indexOf('@'));
  const colon = shown.lastIndexOf(':');
  return colon > shown.lastIndexOf('/') ? shown.slice(0, colon) : shown;
}

/** 404 in Docker's words, from which clients learn that they may pull: `No such image: alpine:latest`; 400 for no name. */
export function imageNotFound(name: string): ToolError {
  if (isDigest(name)) return noSuchImage(name);
  if (isDigest(`sha256:${name}`)) return noSuchImage(`sha256:${name}`);
  const reference = tryParseReference(name);
  return reference === undefined ? invalidReference(name) : noSuchImage(familiarName(reference));
}
