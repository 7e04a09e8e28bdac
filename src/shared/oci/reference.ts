import { type Digest, isDigest } from '../digest.ts';
import { ToolError } from '../errors.ts';

/** The registry that a reference without a host means. */
export const DEFAULT_REGISTRY = 'docker.io';

/** A normalised image reference, as Docker reads it. */
export interface ImageReference {
  /** Host, with the port if there is one: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** Path below the registry: `library/alpine`. */
  readonly repository: string;
  /** `latest` where the text names neither tag nor digest; absent where it names a digest alone. */
  readonly tag?: string;
  /** Decides over the tag where both are given. */
  readonly digest?: Digest;
}

const LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const REGISTRY = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-fA-F:]{2,39}\\])(?::[0-9]{1,5})?$`);
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const MAX_NAME = 255;

/**
 * Reads an image reference with Docker's rules: no host means docker.io, one name there means
 * `library/`, no tag means `latest`. Throws OCI_REFERENCE_INVALID, which says what is wrong.
 */
export function parseReference(text: string): ImageReference {
  const fail = (reason: string, hint?: string): never => {
    throw new ToolError(`image reference "${printable(text)}": ${reason}`, {
      code: 'OCI_REFERENCE_INVALID',
      kind: 'invalid-input',
      hint: hint ?? 'a reference looks like "alpine:3.22" or "registry.example/team/app@sha256:…"',
    });
  };
  if (text === '') fail('it is empty');
  if (text.includes('://')) fail('it has a scheme', 'leave out "https://"');
  const [beforeDigest = '', digest, ...more] = text.split('@');
  if (more.length > 0) fail('it has more than one "@"');
  if (digest !== undefined && !isDigest(digest)) {
    fail('its digest is malformed', 'a digest is "sha256:" followed by 64 lower-case hexadecimal digits');
  }
  // A colon before the last slash belongs to the registry's port.
  const colon = beforeDigest.lastIndexOf(':');
  const hasTag = colon > beforeDigest.lastIndexOf('/');
  const name = hasTag ? beforeDigest.slice(0, colon) : beforeDigest;
  const tag = hasTag ? beforeDigest.slice(colon + 1) : undefined;
  if (tag !== undefined && !TAG.test(tag)) fail(`its tag "${printable(tag)}" is malformed`);
  if (/^[0-9a-f]{64}$/.test(name)) fail('64 hexadecimal digits are an image id, not a name');

  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const namesHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const host = namesHost ? first : DEFAULT_REGISTRY;
  const registry = host === 'index.docker.io' ? DEFAULT_REGISTRY : host;
  const path = namesHost ? name.slice(slash + 1) : name;
  const repository = registry === DEFAULT_REGISTRY && !path.includes('/') ? `library/${path}` : path;
  if (!REGISTRY.test(registry) || Number(/:(\d+)$/.exec(registry)?.[1] ?? 1) > 65535) {
    fail(`its registry "${printable(registry)}" is malformed`);
  }
  if (!REPOSITORY.test(repository)) {
    fail(`its name "${printable(path)}" is malformed`, 'names are lower-case letters, digits and . _ - /');
  }
  if (registry.length + 1 + repository.length > MAX_NAME) fail(`its name is longer than ${MAX_NAME} bytes`);
  return {
    registry,
    repository,
    ...(tag !== undefined ? { tag } : digest === undefined ? { tag: 'latest' } : {}),
    ...(isDigest(digest) ? { digest } : {}),
  };
}

/** The whole reference: `docker.io/library/alpine:3.22`, with `@sha256:…` where it has a digest. */
export function formatReference(reference: ImageReference): string {
  return (
    repositoryName(reference) +
    (reference.tag === undefined ? '' : `:${reference.tag}`) +
    (reference.digest === undefined ? '' : `@${reference.digest}`)
  );
}

/** Registry and repository without tag and digest: `docker.io/library/alpine`. */
export function repositoryName(reference: ImageReference): string {
  return `${reference.registry}/${reference.repository}`;
}

/** The short spelling that Docker shows: `docker.io/library/` and `docker.io/` are left out. */
export function familiarName(reference: ImageReference): string {
  const full = formatReference(reference);
  const short = full.startsWith(`${DEFAULT_REGISTRY}/`) ? full.slice(DEFAULT_REGISTRY.length + 1) : full;
  // A name with slashes of its own keeps `library/`: Docker would not put it back.
  const name = short.slice('library/'.length);
  return short !== full && short.startsWith('library/') && !name.includes('/') ? name : short;
}

function printable(text: string): string {
  return text.slice(0, 120).replace(/[^\x20-\x7e]/g, '?');
}
