import { createHash } from 'node:crypto';
import { ToolError } from './errors.ts';

/** A content digest in the OCI spelling, `sha256:` and 64 lower-case hexadecimal digits. */
export type Digest = `sha256:${string}`;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** True when `text` is a well-formed sha256 digest. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && DIGEST.test(text);
}

/** Returns `text` as a Digest; throws INVALID_DIGEST. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) {
    throw new ToolError(`malformed digest "${text.slice(0, 90)}"`, {
      code: 'INVALID_DIGEST',
      kind: 'invalid-input',
      hint: 'a digest is "sha256:" followed by 64 hexadecimal digits',
    });
  }
  return text;
}

/** The sha256 digest of bytes or text (as UTF-8). */
export function digestOf(data: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** The 64 hexadecimal digits of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** JSON with keys sorted at every level, so that equal values have equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    item !== null && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : item,
  );
}
