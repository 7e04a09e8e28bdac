import type { Entry } from '../../shared/archive/entry.ts';
import { type Digest, canonicalJson, digestOf } from '../../shared/digest.ts';

/** Digest of entries whose contents are in memory: paths, kinds, attributes, contents and order. */
export function digestEntries(entries: readonly Entry[]): Digest {
  const described = entries.map(entry =>
    entry.kind === 'file' && entry.content.kind === 'bytes'
      ? { ...entry, content: digestOf(entry.content.bytes) }
      : entry,
  );
  return digestOf(canonicalJson(described));
}
