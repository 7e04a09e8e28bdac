/** The longest that a timer can be set to; one for longer would go off at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Pauses before restarts: at most one for a container. */
export class RestartTimers {
  readonly #timers = new Map<string, NodeJS.Timeout>();

  /** Calls `due` after the pause (25 days at most), unless cancelled; takes the place of an earlier pause. */
  schedule(id: string, delayMs: number, due: () => void): void {
    this.cancel(id);
    const timer = setTimeout(
      () => {
        this.#timers.delete(id);
        due();
      },
      Math.min(delayMs, LONGEST_TIMER_MS),
    );
    this.#timers.set(id, timer);
  }

  isScheduled(id: string): boolean {
    return this.#timers.has(id);
  }

  cancel(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  cancelAll(): void {
    for (const id of [...this.#timers.keys()]) this.cancel(id);
  }
}
