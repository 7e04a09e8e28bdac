import { LONGEST_TIMER_MS } from './supervise/restart-timers.ts';
import { EventBus } from './event-bus.ts';

/** As many as Docker keeps. */
const MAX_KEPT = 256;

/** Which events a reader wants; nothing of the past unless one of both is given. */
export interface HistoryRange {
  /** Nanoseconds since 1970, inclusive, as is `untilNs`. */
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
}

/**
 * Hands events on like an EventBus and keeps the last 256 of them, for readers that ask for what has been.
 *
 * INVARIANT: a reader gets each event once, in the order of `publish`, also those published while it reads
 * what has been.
 */
export class EventHistory<T extends { readonly timeMs: number }> {
  readonly #bus = new EventBus<T>();
  readonly #kept: T[] = [];

  /** Readers that listen now. */
  get listeners(): number {
    return this.#bus.listeners;
  }

  publish(event: T): void {
    this.#kept.push(event);
    if (this.#kept.length > MAX_KEPT) this.#kept.shift();
    this.#bus.publish(event);
  }

  /**
   * What has been in the range, then every event until its end or abort. Listens from this call on. Throws
   * EVENTS_OVERRUN when the reader falls behind by more than 1024 events.
   */
  read(range: HistoryRange, signal: AbortSignal): AsyncGenerator<T, void> {
    const { sinceNs, untilNs } = range;
    const wantsPast = sinceNs !== undefined || untilNs !== undefined;
    const past = wantsPast ? this.#kept.filter(event => isWithin(event, range)) : [];
    const over = new AbortController();
    const live = this.#bus.subscribe(AbortSignal.any([signal, over.signal]));
    return readBoth(past, live, over, range, signal);
  }
}

async function* readBoth<T>(
  past: readonly T[],
  live: AsyncGenerator<T, void>,
  over: AbortController,
  { untilNs }: HistoryRange,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  const timer = untilNs === undefined ? undefined : abortAt(over, untilNs);
  try {
    for (const event of past) {
      if (signal.aborted) return;
      yield event;
    }
    // The timer ends it: what is said of the time from here on may jump.
    yield* live;
  } finally {
    timer?.[Symbol.dispose]();
    over.abort();
  }
}

function isWithin({ timeMs }: { readonly timeMs: number }, { sinceNs, untilNs }: HistoryRange): boolean {
  const timeNs = nanoseconds(timeMs);
  return (sinceNs === undefined || timeNs >= sinceNs) && (untilNs === undefined || timeNs <= untilNs);
}

function nanoseconds(timeMs: number): bigint {
  return BigInt(Math.trunc(timeMs)) * 1_000_000n;
}

/** Aborts when the clock is to say `untilNs`, as it stands now. */
function abortAt(over: AbortController, untilNs: bigint): Disposable {
  let timer: NodeJS.Timeout | undefined;
  const endMs = performance.now() + Number(untilNs / 1_000_000n) - Date.now();
  const wait = (): void => {
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) over.abort();
    else timer = setTimeout(wait, Math.min(leftMs, LONGEST_TIMER_MS));
  };
  wait();
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
