/** Bounds how long services wait for conditions: one timer a service. */
export class WaitLimits {
  readonly #timers = new Map<string, NodeJS.Timeout>();

  /** Calls `giveUp` once the time is over; a timer that runs already goes on. */
  set(name: string, durationMs: number, giveUp: () => void): void {
    if (this.#timers.has(name)) return;
    const end = (): void => {
      this.#timers.delete(name);
      giveUp();
    };
    this.#timers.set(name, setTimeout(end, durationMs));
  }

  forget(name: string): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  forgetAll(): void {
    for (const name of [...this.#timers.keys()]) this.forget(name);
  }
}
