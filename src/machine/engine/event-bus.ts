import { ToolError } from '../../shared/errors.ts';

/** How far a subscriber may fall behind before it is cut off. */
const MAX_PENDING = 1024;

interface Subscriber<T> {
  readonly pending: T[];
  wake: () => void;
  overrun: boolean;
}

/** Hands events to any number of subscribers; one that does not keep up is cut off with an error. */
export class EventBus<T> {
  readonly #subscribers = new Set<Subscriber<T>>();

  get listeners(): number {
    return this.#subscribers.size;
  }

  publish(event: T): void {
    for (const subscriber of this.#subscribers) {
      if (subscriber.pending.length >= MAX_PENDING) subscriber.overrun = true;
      else subscriber.pending.push(event);
      subscriber.wake();
    }
  }

  /**
   * Every event published after this call, also before the first `next`; ends on abort. Throws
   * EVENTS_OVERRUN when the reader fell behind by more than 1024 events.
   */
  subscribe(signal: AbortSignal): AsyncGenerator<T, void> {
    const subscriber: Subscriber<T> = { pending: [], wake: () => undefined, overrun: false };
    if (!signal.aborted) this.#subscribers.add(subscriber);
    const leave = (): void => {
      this.#subscribers.delete(subscriber);
      subscriber.wake();
    };
    signal.addEventListener('abort', leave, { once: true });
    return this.#read(subscriber, signal, leave);
  }

  async *#read(subscriber: Subscriber<T>, signal: AbortSignal, leave: () => void): AsyncGenerator<T, void> {
    try {
      while (!signal.aborted) {
        const event = subscriber.pending.shift();
        if (event !== undefined) {
          yield event;
          continue;
        }
        if (subscriber.overrun) {
          throw new ToolError('reading events: the reader fell behind by more than 1024 events', {
            code: 'EVENTS_OVERRUN',
            kind: 'unavailable',
          });
        }
        await new Promise<void>(resolve => {
          subscriber.wake = resolve;
        });
      }
    } finally {
      leave();
      signal.removeEventListener('abort', leave);
    }
  }
}
