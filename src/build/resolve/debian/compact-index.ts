/**
 * A `Packages` file has about 30 fields for each package, of which resolving needs a dozen. This keeps
 * those, so that what the store holds is a quarter of the size and is searched in a few milliseconds.
 */

/** Changes when other fields are kept. */
export const COMPACT_FORMAT = 3;

const KEPT = new Set([
  'Package',
  'Version',
  'Architecture',
  'Multi-Arch',
  'Priority',
  'Depends',
  'Pre-Depends',
  'Provides',
  'Conflicts',
  'Breaks',
  'Filename',
  'Size',
  'SHA256',
]);
const LONGEST_NAME = 14;

/**
 * Filters a `Packages` file: paragraphs stay, each begun by its `Package` field as in the original, with
 * only the fields above; folded lines of those are joined.
 */
export async function* compactIndex(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0);
  // The last line that is kept, without its end: the next line may go on with it.
  let kept: string | undefined;
  let isKept = false;
  let wasBlank = true;
  for await (const piece of source) {
    const bytes = Buffer.concat([rest, piece]);
    const text = bytes.toString('latin1');
    const out: string[] = [];
    const flush = (): void => {
      if (kept !== undefined) out.push(kept, '\n');
      kept = undefined;
    };
    let at = 0;
    for (let end = text.indexOf('\n'); end >= 0; at = end + 1, end = text.indexOf('\n', at)) {
      const first = text.charCodeAt(at);
      if (end === at) {
        flush();
        if (!wasBlank) out.push('\n');
        wasBlank = true;
        isKept = false;
      } else if (first === 0x20 || first === 0x09) {
        if (isKept) kept = `${kept ?? ''} ${text.slice(at + 1, end)}`;
      } else {
        flush();
        const colon = text.indexOf(':', at);
        isKept = colon - at <= LONGEST_NAME && KEPT.has(text.slice(at, colon));
        if (isKept) kept = text.slice(at, end);
        wasBlank = false;
      }
    }
    rest = bytes.subarray(at);
    if (out.length > 0) yield Buffer.from(out.join(''), 'latin1');
  }
  if (rest.length > 0) {
    // A last line without an end is what it would be with one.
    const line = rest.toString('latin1');
    if (/^[ \t]/.test(line)) kept = isKept ? `${kept ?? ''} ${line.slice(1)}` : kept;
    else {
      if (kept !== undefined) yield Buffer.from(`${kept}\n`, 'latin1');
      kept = KEPT.has(line.slice(0, line.indexOf(':'))) ? line : undefined;
    }
  }
  if (kept !== undefined) yield Buffer.from(`${kept}\n`, 'latin1');
}
