/** Things a service can wait for that are no services: `state`, `config`, `network`, `cargo:NAME`. They come and stay. */
export class Conditions {
  readonly #met = new Set<string>();
  readonly #listeners = new Set<() => void>();

  get met(): ReadonlySet<string> {
    return this.#met;
  }

  /** Says that a condition holds from now on; again is no change. */
  set(name: string): void {
    if (this.#met.has(name)) return;
    this.#met.add(name);
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after each change, until the answer is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
