/** Aborts when nothing has happened for a while, or when the caller's signal fires. */
export class StallWatch {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onOuter: () => void;
  readonly #stallMs: number;
  #timer: NodeJS.Timeout | undefined;
  #hasEnded = false;
  fired = false;

  constructor(stallMs: number, outer: AbortSignal | undefined) {
    this.#stallMs = stallMs;
    this.#outer = outer;
    this.#onOuter = () => this.#controller.abort(outer?.reason);
    if (outer?.aborted) this.#onOuter();
    else outer?.addEventListener('abort', this.#onOuter, { once: true });
    this.touch();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  touch(): void {
    if (this.#hasEnded) return;
    // Called for every piece that comes, thousands of times a second.
    this.#timer = this.#timer?.refresh() ?? setTimeout(() => this.#fire(), this.#stallMs);
  }

  #fire(): void {
    this.fired = true;
    this.#controller.abort(new Error('stalled'));
  }

  end(): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#onOuter);
  }
}
