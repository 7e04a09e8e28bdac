/**
 * Runs operations on the same key one after the other and on different keys in parallel.
 *
 * INVARIANTS
 * 1. Operations of a key run in the order of their `run` calls; one that throws does not stop the next.
 * 2. An operation must not call `run` for its own key and wait for it: that would wait for itself.
 *    Waiting for a container to exit therefore happens outside, since the exit is handled inside.
 * 3. A key without operations takes no memory.
 */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Resolves or rejects as `operation` does, which begins once all earlier ones of the key are over. */
  async run<T>(key: string, operation: () => T | Promise<T>): Promise<T> {
    const previous = this.#tails.get(key) ?? Promise.resolve();
    const current = previous.then(operation, operation);
    // The tail never rejects for the next in line; the caller gets the rejection from `current`.
    const tail = current.then(
      () => undefined,
      () => undefined,
    );
    this.#tails.set(key, tail);
    try {
      return await current;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }

  /** Resolves when nothing is queued or running any more. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }
}
