/** One row of the table. */
export interface Measurement {
  /** Number of the promise in docs/benchmarks.md, e.g. `P3`. */
  readonly id: string;
  readonly what: string;
  readonly value: number;
  readonly unit: Unit;
  /** The same work without Slipway, measured in the same run. */
  readonly peer?: { readonly name: string; readonly value: number };
  readonly aim?: Aim;
  /** What a reader must know to judge the figure. */
  readonly note?: string;
}

export type Unit = 's' | 'ms' | 'MB' | 'MB/s' | 'per s' | 'per 10 s';

/** A limit of the value itself, of its ratio to the peer, or of what it is above the peer. */
export interface Aim {
  readonly of: 'value' | 'ratio' | 'difference';
  readonly limit: number;
  /** More is better: the limit is the least. */
  readonly atLeast?: boolean;
}

/** value / peer; undefined without a peer, or where the peer is zero. */
export function ratioOf({ value, peer }: Measurement): number | undefined {
  return peer && peer.value > 0 ? value / peer.value : undefined;
}

/** Whether the aim is reached; undefined where there is none. */
export function reachesAim(row: Measurement): boolean | undefined {
  if (!row.aim) return undefined;
  const figure = {
    value: row.value,
    ratio: ratioOf(row),
    difference: row.peer && row.value - row.peer.value,
  }[row.aim.of];
  if (figure === undefined) return undefined;
  return row.aim.atLeast === true ? figure >= row.aim.limit : figure <= row.aim.limit;
}

/** The middle one; of an even number the lower of the two. Throws where there is none. */
export function median(values: readonly number[]): number {
  const middle = [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
  if (middle === undefined) throw new Error('median of nothing');
  return middle;
}

/** Bytes in decimal megabytes, as disks and downloads count them. */
export function megabytes(bytes: number): number {
  return bytes / 1e6;
}
