import { createHash } from 'node:crypto';

/** 32 bytes that depend on nothing but the words: what a build needs instead of random numbers. */
function derive(...words: readonly string[]): Buffer {
  const hash = createHash('sha256').update('slipway');
  for (const word of words) hash.update(`\0${word}`);
  return hash.digest();
}

/** A UUID (RFC 9562 version 8) derived from `words`; the first says what it is for. */
export function derivedUuid(...words: readonly string[]): string {
  const bytes = derive('uuid', ...words).subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** `bytes` bytes (at most 32) as hexadecimal digits. */
export function derivedHex(bytes: number, ...words: readonly string[]): string {
  return derive('hex', ...words)
    .subarray(0, bytes)
    .toString('hex');
}
