import { messageOf } from '../../../shared/errors.ts';
import type { ContainerRecord } from './container-record.ts';

type Changed = (record: ContainerRecord | undefined) => void;

/** Those who wait for changes of containers. */
export class RecordWatchers {
  readonly #watchers = new Map<string, Set<Changed>>();

  /** Tells everyone who waits; undefined: the container is gone. */
  announce(id: string, record: ContainerRecord | undefined): void {
    for (const changed of [...(this.#watchers.get(id) ?? [])]) changed(record);
    if (record === undefined) this.#watchers.delete(id);
  }

  /**
   * Resolves with what `test` answers first, for `now` or after a change; it is given undefined once the container is
   * gone. Rejects with the signal's reason on abort.
   */
  waitFor<T>(
    id: string,
    now: ContainerRecord | undefined,
    test: (record: ContainerRecord | undefined) => T | undefined,
    signal?: AbortSignal,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const answer = test(now);
      if (answer !== undefined) {
        resolve(answer);
        return;
      }
      if (signal?.aborted === true) {
        reject(abortReason(signal));
        return;
      }
      const watchers = this.#watchers.get(id) ?? new Set<Changed>();
      this.#watchers.set(id, watchers);
      const leave = (): void => {
        watchers.delete(changed);
        signal?.removeEventListener('abort', aborted);
      };
      const aborted = (): void => {
        leave();
        if (signal !== undefined) reject(abortReason(signal));
      };
      const changed: Changed = record => {
        const answer = test(record);
        if (answer === undefined) return;
        leave();
        resolve(answer);
      };
      watchers.add(changed);
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }
}

function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error(messageOf(reason));
}
