import { join } from 'node:path';
import { type Digest, isDigest } from '../../../shared/digest.ts';
import { ToolError } from '../../../shared/errors.ts';
import { loadJson, saveJson } from '../store/json-file.ts';

/** Which image each name of a store means. */
export interface References {
  /** By whole name with a tag: `docker.io/library/alpine:3.22`. */
  readonly tags: ReadonlyMap<string, Digest>;
  /** By whole name with the digest of the manifest or index: `docker.io/library/alpine@sha256:…`. */
  readonly digests: ReadonlyMap<string, Digest>;
}

export const NO_REFERENCES: References = { tags: new Map(), digests: new Map() };

/** References in the writing: changed in place, then saved. */
export interface ReferenceChange {
  readonly tags: Map<string, Digest>;
  readonly digests: Map<string, Digest>;
}

const FILE = 'references.json';

/** Reads a store's references; nothing where there is no file. Throws RECORD_MALFORMED. */
export async function loadReferences(folder: string): Promise<References> {
  const file = join(folder, FILE);
  const value = (await loadJson(file)) as { schema?: unknown; tags?: unknown; digests?: unknown } | undefined;
  if (value === undefined) return NO_REFERENCES;
  const tags = idsOf(value.tags);
  const digests = idsOf(value.digests);
  if (value.schema !== 1 || tags === undefined || digests === undefined) {
    throw new ToolError(`reading ${file}: not a list of references of schema 1`, {
      code: 'RECORD_MALFORMED',
      kind: 'integrity',
    });
  }
  return { tags, digests };
}

/** Writes a store's references. Throws I/O errors. */
export async function saveReferences(
  folder: string,
  references: References,
  durable: boolean,
): Promise<void> {
  const { tags, digests } = references;
  const value = { schema: 1, tags: Object.fromEntries(tags), digests: Object.fromEntries(digests) };
  await saveJson(join(folder, FILE), value, durable);
}

/** A copy that can be changed. */
export function copyReferences({ tags, digests }: References): ReferenceChange {
  return { tags: new Map(tags), digests: new Map(digests) };
}

function idsOf(value: unknown): Map<string, Digest> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  return entries.every((entry): entry is [string, Digest] => isDigest(entry[1]))
    ? new Map(entries)
    : undefined;
}
