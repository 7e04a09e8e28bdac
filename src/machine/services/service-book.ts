import type { ServiceDefinition } from '../../shared/service/definition.ts';
import type { Log } from '../log.ts';
import type { Outcome } from './attempt.ts';
import { resumeProgress } from './resume.ts';
import type { Renewal, ServiceProgress, ServiceStatus } from './status.ts';

export interface ServiceBookOptions {
  readonly log: Log;
  /** Seconds since the kernel started. */
  readonly uptime: () => number;
  /** Progress of an earlier life of system-docker in this boot. */
  readonly saved?: Readonly<Record<string, ServiceProgress>>;
  /** Called after each change. */
  readonly onProgress?: (name: string, progress: ServiceProgress) => void;
  /** Tells people, on every console, in one line: a failure, and that it is over. */
  readonly announce?: (line: string) => void;
  /** Opens the rescue path, for services with `on_failure: rescue`. */
  readonly openRescue?: () => void;
}

/** How far each service of the boot is. Whoever changes it here tells everyone. */
export class ServiceBook {
  readonly #options: ServiceBookOptions;
  readonly #progress = new Map<string, ServiceProgress>();
  readonly #listeners = new Set<() => void>();

  constructor(boot: readonly ServiceDefinition[], options: ServiceBookOptions) {
    this.#options = options;
    for (const definition of boot) {
      this.#progress.set(definition.name, resumeProgress(definition, options.saved?.[definition.name]));
    }
  }

  /** In the order of the definitions. */
  get progress(): ReadonlyMap<string, ServiceProgress> {
    return this.#progress;
  }

  statusOf(name: string): ServiceStatus {
    return this.#progress.get(name)?.status ?? { status: 'waiting' };
  }

  /** Milliseconds since it was up for the first time; undefined while it is not up. */
  ageOf(name: string): number | undefined {
    const { status, upAt } = this.#progress.get(name) ?? {};
    if (status?.status !== 'up' || upAt === undefined) return undefined;
    return (this.#options.uptime() - upAt) * 1000;
  }

  /** A new status; what was to be renewed is, or is no longer wanted. */
  setStatus(name: string, status: ServiceStatus): void {
    const { startedAt, upAt } = this.#progress.get(name) ?? {};
    this.#set(name, {
      status,
      ...(startedAt === undefined ? {} : { startedAt }),
      ...(upAt === undefined ? {} : { upAt }),
    });
  }

  /** It is being brought up; what is to be renewed still is. */
  begin(name: string): void {
    const known = this.#progress.get(name);
    const startedAt = known?.startedAt ?? this.#options.uptime();
    this.#set(name, { ...known, startedAt, status: { status: 'starting' } });
  }

  /** It is to be brought up again. */
  renew(name: string, renewal: Renewal): void {
    this.#set(name, { status: { status: 'waiting' }, renewal });
  }

  /** What came of bringing it up, or of its end. */
  settle(definition: ServiceDefinition, outcome: Outcome): void {
    const { name } = definition;
    switch (outcome.kind) {
      case 'up':
      case 'done':
        this.#reach(name, outcome.kind);
        break;
      case 'created':
        this.setStatus(name, { status: 'stopped', reason: 'is started by hand' });
        break;
      case 'failed':
        this.fail(definition, outcome.reason);
        break;
    }
  }

  /** @param unmet the conditions without which it was given up, and whose coming revives it */
  fail(definition: ServiceDefinition, reason: string, unmet?: readonly string[]): void {
    const { name, onFailure } = definition;
    const { announce, log, openRescue } = this.#options;
    const isFirst = this.statusOf(name).status !== 'failed';
    this.setStatus(name, { status: 'failed', reason, ...(unmet === undefined ? {} : { unmet }) });
    log.warning(`service ${name} failed: ${reason}`);
    // Tries that follow one another would fill a screen.
    if (!isFirst) return;
    announce?.(`${name} failed: ${reason}`);
    if (onFailure === 'rescue') openRescue?.();
  }

  /** Calls `listener` after each change, until the answer is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves once `test` holds, now or after a change; rejects with the signal's reason. */
  until(test: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (!signal.aborted && !test()) return;
        stopListening();
        signal.removeEventListener('abort', check);
        if (signal.aborted) reject(signal.reason as Error);
        else resolve();
      };
      const stopListening = this.onChange(check);
      signal.addEventListener('abort', check, { once: true });
      check();
    });
  }

  #reach(name: string, status: 'up' | 'done'): void {
    const { announce, uptime } = this.#options;
    const before = this.#progress.get(name);
    if (before?.status.status === 'failed') announce?.(`${name} is ${status} after all`);
    const startedAt = before?.startedAt ?? uptime();
    this.#set(name, { startedAt, upAt: before?.upAt ?? uptime(), status: { status } });
  }

  #set(name: string, progress: ServiceProgress): void {
    this.#progress.set(name, progress);
    this.#options.onProgress?.(name, progress);
    for (const listener of [...this.#listeners]) listener();
  }
}
