import { ToolError } from '../../../shared/errors.ts';
import {
  type ImageReference,
  familiarName,
  formatReference,
  parseReference,
} from '../../../shared/oci/reference.ts';
import { CommandFailure } from '../failure.ts';

/** A reference in the parts that the API takes. */
export interface ImageName {
  readonly reference: ImageReference;
  /** Without tag and digest, as short as Docker shows it: `alpine`, `localhost:5000/x`. */
  readonly repository: string;
  /** Tag or digest as given; undefined when the text names neither. */
  readonly tag: string | undefined;
  /** The whole name: `docker.io/library/alpine:latest`. */
  readonly full: string;
}

/** Reads a name as Docker's client does. Throws CommandFailure in its words. */
export function parseImageName(text: string): ImageName {
  let reference: ImageReference;
  try {
    reference = parseReference(text);
  } catch (error) {
    if (error instanceof ToolError) throw new CommandFailure(1, describe(text));
    throw error;
  }
  const { registry, repository, tag, digest } = reference;
  const namesTag = digest !== undefined || text.slice(text.lastIndexOf('/') + 1).includes(':');
  return {
    reference,
    repository: familiarName({ registry, repository }),
    tag: namesTag ? (digest ?? tag) : undefined,
    full: formatReference(reference),
  };
}

function describe(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) {
    return `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`;
  }
  const name = text.replace(/[:@][^/]*$/, '');
  if (/^[A-Za-z0-9._/-]+$/.test(name) && /[A-Z]/.test(name.slice(name.indexOf('/') + 1))) {
    const shown = name.includes('/') ? name.slice(name.indexOf('/') + 1) : `library/${name}`;
    return `invalid reference format: repository name (${shown}) must be lowercase`;
  }
  return 'invalid reference format';
}
