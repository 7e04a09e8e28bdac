/** A place where an engine does not answer as another one does, or as a table says. */
export interface Difference {
  /** Route and name of the exchange. */
  readonly exchange: string;
  /** `status`, `type`, or a place in the body. */
  readonly at: string;
  readonly ours: unknown;
  readonly theirs: unknown;
}

/**
 * Where system-docker answers differently from Docker 26, each with its reason. docs/docker-differences.md tells of
 * every `told`. An entry that nothing needs any more fails the test, as does a difference without an entry.
 */
export interface KnownDifference {
  /** Exchanges by route and name; `*` stands for anything. */
  readonly exchange: string;
  /** Place in the answer; `*` stands for anything. */
  readonly at: string;
  /** What both answer, where only this is meant. */
  readonly ours?: unknown;
  readonly theirs?: unknown;
  readonly reason: string;
  /** Words that stand in docs/docker-differences.md. */
  readonly told: string;
}

/** Differences that no entry explains, and entries that explain none. */
export function explain(
  differences: readonly Difference[],
  known: readonly KnownDifference[],
): { readonly unexplained: readonly Difference[]; readonly unused: readonly KnownDifference[] } {
  const used = new Set<KnownDifference>();
  const unexplained = differences.filter(difference => {
    const entries = known.filter(entry => explains(entry, difference));
    for (const entry of entries) used.add(entry);
    return entries.length === 0;
  });
  return { unexplained, unused: known.filter(entry => !used.has(entry)) };
}

function explains(entry: KnownDifference, { exchange, at, ours, theirs }: Difference): boolean {
  return (
    fits(entry.exchange, exchange) &&
    fits(entry.at, at) &&
    (entry.ours === undefined || entry.ours === ours) &&
    (entry.theirs === undefined || entry.theirs === theirs)
  );
}

/** Whether a text fits a pattern in which `*` stands for anything. */
export function fits(pattern: string, text: string): boolean {
  const escaped = pattern.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`, 's').test(text);
}
