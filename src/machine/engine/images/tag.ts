import { type ImageReference, formatReference, familiarName } from '../../../shared/oci/reference.ts';
import type { EngineContext } from '../context.ts';
import { invalidParameter } from '../docker-errors.ts';
import { publishImageEvent } from './image-events.ts';
import { parseClientReference } from './image-names.ts';

/**
 * Gives an image one more name, which is taken from the image that had it. Throws IMAGE_NOT_FOUND,
 * ENGINE_INVALID_PARAMETER, and I/O errors.
 * @param tag `latest` when empty
 */
export async function tagImage(
  context: EngineContext,
  nameOrId: string,
  repository: string,
  tag: string,
): Promise<void> {
  const image = context.images.resolve(nameOrId);
  const reference = parseTarget(repository, tag);
  await context.images.writable.rename(({ tags }) => tags.set(formatReference(reference), image.id));
  publishImageEvent(context, 'tag', image.id, { name: familiarName(reference) });
}

/** The name that a repository and a tag make. Throws ENGINE_INVALID_PARAMETER in Docker's words. */
export function parseTarget(repository: string, tag: string): ImageReference {
  const named = parseClientReference(repository);
  if (named.digest !== undefined) throw invalidParameter('cannot import digest reference');
  checkTag(tag);
  const reference = tag === '' ? named : parseClientReference(`${withoutTag(repository)}:${tag}`);
  if (reference.repository === 'library/sha256') {
    throw invalidParameter('refusing to create an ambiguous tag using digest algorithm as name');
  }
  return reference;
}

/** Throws ENGINE_INVALID_PARAMETER for what cannot be a tag; nothing is `latest`. */
export function checkTag(tag: string): void {
  if (tag !== '' && !/^\w[\w.-]{0,127}$/.test(tag)) throw invalidParameter('invalid tag format');
}

function withoutTag(repository: string): string {
  const colon = repository.lastIndexOf(':');
  return colon > repository.lastIndexOf('/') ? repository.slice(0, colon) : repository;
}
