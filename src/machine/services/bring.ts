import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceDefinition } from '../../shared/service/definition.ts';
import type { ContainerSummary, EngineClient } from '../engine-client/engine-client.ts';
import { type Attempt, type Outcome, bringUp, removeIfThere } from './attempt.ts';
import type { Effort } from './judge-event.ts';
import type { ReadinessHost } from './readiness.ts';
import type { ServiceBook } from './service-book.ts';

export interface BringOptions {
  readonly definition: ServiceDefinition;
  readonly engine: EngineClient;
  readonly host: ReadinessHost;
  readonly book: ServiceBook;
  /** Aborted when system-docker ends: another life goes on with it. */
  readonly signal: AbortSignal;
}

/** A service that is being brought up: one try, or with `on_failure: retry` as many as it takes. */
export class Bring {
  readonly #options: BringOptions;
  readonly #abort = new AbortController();
  #attempt: Attempt | undefined;
  #isStarted = false;
  /** Resolves when it is over, however. Rejects with faults of ours. */
  readonly done: Promise<void>;

  constructor(options: BringOptions) {
    this.#options = options;
    this.done = this.#run(AbortSignal.any([options.signal, this.#abort.signal]));
  }

  get effort(): Effort {
    return this.#isStarted ? 'waiting' : 'starting';
  }

  /** Whether an event about this container is about another one than is being brought up. */
  isAbout(containerId: string): boolean {
    const known = this.#attempt?.containerId;
    return known === undefined || known === containerId;
  }

  /** The container has ended for good. A try that waits for it says so itself, and may be followed by another one. */
  end(outcome: Outcome): void {
    if (this.#attempt === undefined) this.#options.book.settle(this.#options.definition, outcome);
    else this.#attempt.ended.abort(outcome);
  }

  /** Its process has ended, and the engine starts it again: worth telling should it never be up. */
  noteEnd({ exitCode, restartCount }: Pick<ContainerSummary, 'exitCode' | 'restartCount'>): void {
    // Before it is started, what ends is the life before.
    if (this.#attempt === undefined || !this.#isStarted) return;
    this.#attempt.lastEnd = { exitCode, count: restartCount + 1 };
  }

  /** Gives it up and waits until that is done; the container is left as it is. */
  async cancel(): Promise<void> {
    this.#abort.abort();
    await this.done.catch(() => undefined);
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { definition, engine, book } = this.#options;
    const { name, onFailure, restart } = definition;
    book.begin(name);
    try {
      for (let pauseMs = restart.delayMs; ; pauseMs = Math.min(pauseMs * 2, restart.maxDelayMs)) {
        const outcome = await this.#try(signal);
        book.settle(definition, outcome);
        if (outcome.kind !== 'failed' || onFailure !== 'retry') return;
        await sleep(pauseMs, undefined, { signal });
        await removeIfThere(engine, name);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #try(signal: AbortSignal): Promise<Outcome> {
    const { definition, engine, host, book } = this.#options;
    const { name } = definition;
    const renewal = book.progress.get(name)?.renewal;
    this.#isStarted = false;
    this.#attempt = {
      engine,
      host,
      definition,
      signal,
      ended: new AbortController(),
      ...(renewal === undefined ? {} : { renewal }),
      onStarted: () => {
        this.#isStarted = true;
        if (renewal !== undefined) book.setStatus(name, book.statusOf(name));
      },
      onLate: reason => book.fail(definition, reason),
    };
    try {
      return await bringUp(this.#attempt);
    } finally {
      this.#attempt = undefined;
      // Otherwise the next life of system-docker goes on listening.
      const isOver = !this.#options.signal.aborted;
      if (isOver && definition.ready?.kind === 'notify') await host.unlisten(name);
    }
  }
}
