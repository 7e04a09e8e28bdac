import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, hexOf, isDigest } from '../../../shared/digest.ts';
import { ToolError, messageOf } from '../../../shared/errors.ts';
import type { Log } from '../../log.ts';
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
  const value = (await loadJson(file)) as
    { schema?: unknown; tags?: unknown; digests?: unknown } | null | undefined;
  if (value === undefined) return NO_REFERENCES;
  const tags = idsOf(value?.tags);
  const digests = idsOf(value?.digests);
  if (value?.schema !== 1 || tags === undefined || digests === undefined) {
    throw new ToolError(`reading ${file}: not a list of references of schema 1`, {
      code: 'RECORD_MALFORMED',
      kind: 'integrity',
    });
  }
  return { tags, digests };
}

/**
 * The same for an engine that has to start: a file that cannot be understood is logged and put out of the way, for a
 * person to look at, and the answer is undefined. Throws I/O errors.
 */
export async function loadReferencesOrSetAside(folder: string, log: Log): Promise<References | undefined> {
  try {
    return await loadReferences(folder);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const file = join(folder, FILE);
    await rename(file, `${file}.unreadable`).catch(() => undefined);
    log.error('the names of images cannot be read; the images are there without them', {
      reason: messageOf(error),
    });
    return undefined;
  }
}

/** Hexadecimal digests of the images that have names. */
export function namedImages({ tags, digests }: References): ReadonlySet<string> {
  return new Set([...tags.values(), ...digests.values()].map(hexOf));
}

/** References without those to one image. */
export function withoutImage({ tags, digests }: References, id: Digest): References {
  const others = (names: ReadonlyMap<string, Digest>): Map<string, Digest> =>
    new Map([...names].filter(([, owner]) => owner !== id));
  return { tags: others(tags), digests: others(digests) };
}

/** Writes a store's references. Throws RECORD_TOO_LARGE for more names than can be kept, and I/O errors. */
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
