/** After this long without work that leaves garbage, what was going on is over. */
const QUIET_MS = 5000;
/** Collecting takes tens of milliseconds; a machine that is asked something every few seconds does it seldom. */
const APART_MS = 60_000;

export interface QuietOptions {
  readonly quietMs?: number;
  readonly apartMs?: number;
}

/**
 * Gives memory back once this process has nothing more to do: collects all garbage, and with it the compiled code of
 * what has only run once, such as a boot. V8's own reducer would wake an idle process again and again; this one only
 * looks at small collections, which happen where something is done, so an idle process stays asleep.
 *
 * Does nothing in a process without `--expose-gc`. Keeps no process alive.
 */
export function collectWhenQuiet({ quietMs = QUIET_MS, apartMs = APART_MS }: QuietOptions = {}): Disposable {
  const collect = globalThis.gc;
  if (collect === undefined) return { [Symbol.dispose]: () => undefined };
  let collectedAt = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  const collectAll = (): void => {
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    collectedAt = performance.now();
  };
  const wait = (): void => {
    clearTimeout(timer);
    timer = setTimeout(collectAll, Math.max(quietMs, collectedAt + apartMs - performance.now())).unref();
  };
  const observer = new PerformanceObserver(list => {
    // What it does itself is no work.
    if (list.getEntries().some(({ startTime }) => startTime > collectedAt)) wait();
  });
  observer.observe({ entryTypes: ['gc'] });
  // The start is work in any case.
  wait();
  return {
    [Symbol.dispose]() {
      observer.disconnect();
      clearTimeout(timer);
    },
  };
}
