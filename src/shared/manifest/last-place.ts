import type { YamlDocument } from '../yaml/parse.ts';
import type { Place } from '../yaml/place.ts';

/** The place in the last file that has the value. */
export function lastPlace(documents: readonly YamlDocument[], pointer: string, part: 'key' | 'value'): Place {
  const steps = pointer.split('/').slice(1);
  const has = (document: YamlDocument): boolean => {
    let at: unknown = document.value;
    for (const step of steps) at = (at as Record<string, unknown> | null | undefined)?.[step];
    return at !== undefined;
  };
  const document = documents.findLast(has) ?? documents[0];
  if (!document) throw new Error('invariant violated: a manifest without files');
  return part === 'key' ? document.keyPlaceOf(pointer) : document.placeOf(pointer);
}
