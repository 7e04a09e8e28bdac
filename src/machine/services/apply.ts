import { setTimeout as sleep } from 'node:timers/promises';
import { ToolError, messageOf } from '../../shared/errors.ts';
import type { ServiceDefinition } from '../../shared/service/definition.ts';
import type { ContainerSummary, EngineClient, EngineEvent } from '../engine-client/engine-client.ts';
import type { Log } from '../log.ts';
import type { Conditions } from './conditions.ts';
import { definitionToRequest } from './definition-to-request.ts';
import { type ServiceStatus, type Unmet, conditionsOf, formatUnmet, isSettled, planStart } from './plan.ts';
import { formatReadiness, waitUntilReady } from './readiness.ts';

/** How far a service is, and when it got there; journalled, so that a respawned system-docker goes on. */
export interface ServiceProgress {
  readonly status: ServiceStatus;
  /** Seconds of uptime. */
  readonly startedAt?: number;
  /** When it was up or done for the first time. */
  readonly upAt?: number;
}

export interface ServiceRunnerOptions {
  readonly definitions: readonly ServiceDefinition[];
  readonly engine: EngineClient;
  readonly conditions: Conditions;
  readonly log: Log;
  /** Seconds since the kernel started. */
  readonly uptime: () => number;
  /** Progress of an earlier life of system-docker in this boot. */
  readonly saved?: Readonly<Record<string, ServiceProgress>>;
  /** Called after each change. */
  readonly onProgress?: (name: string, progress: ServiceProgress) => void;
  /** Opens the rescue path, for services with `on_failure: rescue`. */
  readonly openRescue?: () => void;
}

/**
 * Brings the services of the boot up through the engine, as the planner says, and goes on after
 * system-docker was killed. Down again is stop.ts.
 *
 * INVARIANTS: at most one `#bring` runs for a service. Every change of a status goes through `#set`, which plans
 * again. Nothing here restarts a container that has once run: that is the engine's part.
 */
export class ServiceRunner implements AsyncDisposable {
  readonly #options: ServiceRunnerOptions;
  readonly #definitions: ReadonlyMap<string, ServiceDefinition>;
  readonly #progress = new Map<string, ServiceProgress>();
  readonly #abort = new AbortController();
  readonly #tasks = new Set<Promise<void>>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** The try that is under way for a service, with the container that it is about. */
  readonly #attempts = new Map<string, Attempt>();
  /** Failed in an earlier life: a container that has ended is made anew. */
  readonly #retried = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #started = false;

  constructor(options: ServiceRunnerOptions) {
    this.#options = options;
    this.#definitions = new Map(options.definitions.map(definition => [definition.name, definition]));
    for (const { name, onFailure } of this.#boot()) {
      const saved = options.saved?.[name];
      const isRetried = onFailure === 'retry' && isFailedTry(saved?.status);
      if (isRetried) this.#retried.add(name);
      // What was under way is begun again; that finds the container running and goes on from there.
      const again = saved === undefined || saved.status.status === 'starting' || isRetried;
      this.#progress.set(name, again ? { ...saved, status: { status: 'waiting' } } : saved);
    }
  }

  /** Progress of each boot service, in the order of the definitions. */
  get progress(): ReadonlyMap<string, ServiceProgress> {
    return this.#progress;
  }

  /** What each service that has not been started waits for. */
  get waiting(): ReadonlyMap<string, Unmet> {
    return this.#plan().waiting;
  }

  /** Starts what can be started, now and whenever something changes. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    const stopListening = this.#options.conditions.onChange(() => this.#step());
    this.#abort.signal.addEventListener('abort', () => stopListening());
    this.#run(this.#followEngine());
    this.#run(this.#adoptLate());
    this.#step();
  }

  /** Resolves once every service of a section is up, done or failed; at once if none is left. */
  async settled(section: 'onboot' | 'services'): Promise<void> {
    const isDone = (): boolean =>
      this.#boot()
        .filter(definition => definition.section === section)
        .every(definition => isSettled(this.#statusOf(definition.name)));
    await new Promise<void>((resolve, reject) => {
      const check = (): void => {
        if (this.#abort.signal.aborted) reject(new Error('the services are being stopped'));
        else if (!isDone()) return;
        else resolve();
        this.#listeners.delete(check);
      };
      this.#listeners.add(check);
      this.#abort.signal.addEventListener('abort', check, { once: true });
      check();
    });
  }

  /** Ends every wait; containers are left as they are. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await Promise.allSettled(this.#tasks);
  }

  #boot(): ServiceDefinition[] {
    return this.#options.definitions.filter(definition => definition.section !== 'onshutdown');
  }

  #statusOf(name: string): ServiceStatus['status'] {
    return this.#progress.get(name)?.status.status ?? 'waiting';
  }

  #plan() {
    const { definitions, conditions } = this.#options;
    return planStart(definitions, name => this.#statusOf(name), conditions.met);
  }

  #step(): void {
    if (this.#abort.signal.aborted) return;
    this.#reviveLate();
    const plan = this.#plan();
    for (const name of plan.start) {
      const definition = this.#definitions.get(name);
      // Starting one plans again, so that others of this plan may be under way already.
      if (definition !== undefined && this.#statusOf(name) === 'waiting') this.#run(this.#bring(definition));
    }
    for (const [name, unmet] of plan.waiting) {
      // Other services end by their own timeouts; a condition may never come.
      if (unmet.services.length === 0) this.#limitWait(name, unmet);
    }
  }

  /** A service that was given up for want of a condition is started when the condition comes after all. */
  #reviveLate(): void {
    const { met } = this.#options.conditions;
    for (const [name, { status }] of this.#progress) {
      if (status.status === 'failed' && status.unmet?.every(condition => met.has(condition))) {
        this.#progress.set(name, { ...this.#progress.get(name), status: { status: 'waiting' } });
      }
    }
  }

  /** An earlier life still waited for services that were not ready in time; so does this one. */
  async #adoptLate(): Promise<void> {
    const late = this.#boot().filter(
      ({ name, ready }) => ready !== undefined && isFailedTry(this.#progress.get(name)?.status),
    );
    if (late.length === 0) return;
    const containers = await this.#options.engine.list();
    for (const { name } of late) {
      const found = containers.find(container => container.name === name);
      if (found === undefined || !['running', 'restarting', 'paused'].includes(found.status)) continue;
      if (!isFailedTry(this.#progress.get(name)?.status)) continue;
      this.#set(name, { ...this.#progress.get(name), status: { status: 'waiting' } });
    }
  }

  #limitWait(name: string, unmet: Unmet): void {
    const definition = this.#definitions.get(name);
    if (definition === undefined || this.#timers.has(name)) return;
    this.#timers.set(
      name,
      setTimeout(() => {
        this.#timers.delete(name);
        if (this.#statusOf(name) !== 'waiting') return;
        this.#fail(definition, formatUnmet(unmet), conditionsOf(definition, this.#options.definitions));
      }, definition.timeoutMs),
    );
  }

  /** Makes or adopts the container and waits until it is up, or has exited. */
  async #bring(definition: ServiceDefinition): Promise<void> {
    const { engine, uptime } = this.#options;
    const { name } = definition;
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
    this.#set(name, {
      startedAt: this.#progress.get(name)?.startedAt ?? uptime(),
      status: { status: 'starting' },
    });
    const { delayMs, maxDelayMs } = definition.restart;
    for (let pauseMs = delayMs; ; pauseMs = Math.min(pauseMs * 2, maxDelayMs)) {
      const ended = await this.#attempt(definition);
      if (ended || definition.onFailure !== 'retry' || this.#abort.signal.aborted) return;
      await sleep(pauseMs, undefined, { signal: this.#abort.signal });
      await removeIfThere(engine, name);
    }
  }

  /** One try; true when it got there, or is to be left as it is. */
  async #attempt(definition: ServiceDefinition): Promise<boolean> {
    const { name } = definition;
    const attempt: Attempt = { ended: new AbortController() };
    this.#attempts.set(name, attempt);
    try {
      await this.#ensureStarted(definition, attempt);
      if (definition.section === 'onboot') await this.#awaitExit(definition);
      else await this.#awaitReady(definition, attempt.ended.signal);
      return true;
    } catch (error) {
      if (this.#abort.signal.aborted) return true;
      // It has done its work and exited before it was seen to be ready.
      if (attempt.ended.signal.aborted && this.#statusOf(name) === 'done') return true;
      this.#fail(definition, messageOf(error));
      return false;
    } finally {
      this.#attempts.delete(name);
      this.#options.log.debug(`service ${name} is ${this.#statusOf(name)}`);
    }
  }

  async #ensureStarted(definition: ServiceDefinition, attempt: Attempt): Promise<void> {
    const { engine } = this.#options;
    const { name } = definition;
    let existing = (await engine.list()).find(container => container.name === name);
    if (this.#retried.delete(name) && existing !== undefined && hasEnded(existing)) {
      await removeIfThere(engine, name);
      existing = undefined;
    }
    attempt.containerId = existing?.id ?? (await engine.create(name, definitionToRequest(definition)));
    // Anything but `created` has run in this boot: an earlier life of system-docker started it.
    if (existing === undefined || existing.status === 'created') await engine.start(name);
    else if (definition.section === 'services' && definition.ready !== undefined && hasEnded(existing)) {
      // No event will come of it any more.
      if (existing.exitCode === 0 && definition.restart.policy !== 'always') {
        this.#reach(name, { status: 'done' });
        attempt.ended.abort();
      }
      throw failure(existing.error ?? `exit code ${existing.exitCode}`);
    }
  }

  async #awaitExit(definition: ServiceDefinition): Promise<void> {
    const { engine } = this.#options;
    const { name, timeoutMs } = definition;
    const limit = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#abort.signal]);
    let code: number;
    try {
      code = await engine.wait(name, limit);
    } catch (error) {
      if (!limit.aborted || this.#abort.signal.aborted) throw error;
      throw failure(`did not end within ${timeoutMs / 1000} s`);
    }
    if (code !== 0) throw failure(`exit code ${code}`);
    this.#reach(name, { status: 'done' });
  }

  /** Declared failed at its timeout, but still waited for: a slow service is better late than given up. */
  async #awaitReady(definition: ServiceDefinition, ended: AbortSignal): Promise<void> {
    const { name, ready, timeoutMs } = definition;
    if (ready === undefined) {
      this.#reach(name, { status: 'up' });
      return;
    }
    const late = setTimeout(() => {
      this.#fail(
        definition,
        `not ready within ${timeoutMs / 1000} s (waiting for ${formatReadiness(ready)})`,
      );
    }, timeoutMs);
    const retry = definition.onFailure === 'retry' ? [AbortSignal.timeout(timeoutMs)] : [];
    try {
      await waitUntilReady(
        this.#options.engine,
        name,
        ready,
        AbortSignal.any([this.#abort.signal, ended, ...retry]),
      );
      this.#reach(name, { status: 'up' });
    } catch (error) {
      if (ended.aborted) throw ended.reason as Error;
      if (retry[0]?.aborted) throw failure(`not ready within ${timeoutMs / 1000} s`);
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  /** Follows containers that end for good after they were up: a longrun may exit with 0, or be given up. */
  async #followEngine(): Promise<void> {
    try {
      for await (const event of this.#options.engine.events(this.#abort.signal)) this.#onEvent(event);
    } catch (error) {
      if (!this.#abort.signal.aborted) throw error;
    }
  }

  #onEvent(event: EngineEvent): void {
    const { id, name, status, exitCode, error } = event.container;
    const definition = this.#definitions.get(name);
    if (definition?.section !== 'services') return;
    const attempt = this.#attempts.get(name);
    // Of the container of an earlier try.
    if (attempt?.containerId !== undefined && attempt.containerId !== id) return;
    if (event.action === 'gave-up') {
      this.#endFailed(
        definition,
        attempt,
        error ?? `ended too often, the last time with exit code ${exitCode}`,
      );
    } else if (event.action === 'die' && status === 'exited' && definition.restart.policy !== 'always') {
      if (exitCode === 0) {
        this.#reach(name, { status: 'done' });
        attempt?.ended.abort(failure('exit code 0'));
      } else if (definition.restart.policy === 'no') {
        this.#endFailed(definition, attempt, `exit code ${exitCode}`);
      }
    } else if (
      event.action === 'start' &&
      definition.ready === undefined &&
      ['failed', 'done'].includes(this.#statusOf(name))
    ) {
      // Started by hand, or by its restart policy after it was given up.
      this.#reach(name, { status: 'up' });
    }
  }

  /** The container has ended for good; a try that waits for it says so itself, and may be followed by another one. */
  #endFailed(definition: ServiceDefinition, attempt: Attempt | undefined, reason: string): void {
    if (attempt === undefined || definition.ready === undefined) this.#fail(definition, reason);
    else attempt.ended.abort(failure(reason));
  }

  #reach(name: string, status: ServiceStatus): void {
    const before = this.#progress.get(name);
    this.#set(name, { ...before, upAt: before?.upAt ?? this.#options.uptime(), status });
  }

  #fail(definition: ServiceDefinition, reason: string, unmet?: readonly string[]): void {
    const { name, onFailure } = definition;
    const before = this.#progress.get(name);
    const first = before?.status.status !== 'failed';
    this.#set(name, {
      ...before,
      status: { status: 'failed', reason, ...(unmet === undefined ? {} : { unmet }) },
    });
    this.#options.log.warning(`service ${name} failed: ${reason}`);
    if (first && onFailure === 'rescue') this.#options.openRescue?.();
  }

  #set(name: string, progress: ServiceProgress): void {
    this.#progress.set(name, progress);
    this.#options.onProgress?.(name, progress);
    for (const listener of [...this.#listeners]) listener();
    this.#step();
  }

  /** Keeps a task until it ends; a fault of ours must not be lost. */
  #run(task: Promise<void>): void {
    this.#tasks.add(task);
    task
      .catch((error: unknown) => {
        if (!this.#abort.signal.aborted) this.#options.log.error(`planner: ${messageOf(error)}`);
      })
      .finally(() => this.#tasks.delete(task));
  }
}

/** One try to bring a service up. */
interface Attempt {
  /** Known once the container is there. */
  containerId?: string;
  /** Aborted when the container has ended for good. */
  readonly ended: AbortController;
}

/** Failed at being brought up, not for want of a condition, which revives it anyway. */
function isFailedTry(status: ServiceStatus | undefined): boolean {
  return status?.status === 'failed' && status.unmet === undefined;
}

function hasEnded(container: ContainerSummary): boolean {
  return container.status === 'exited' || container.status === 'dead';
}

function failure(message: string): ToolError {
  return new ToolError(message, { code: 'SERVICE_FAILED', kind: 'unavailable' });
}

/** Removes a container, running or not; no error when there is none. */
export async function removeIfThere(engine: EngineClient, name: string): Promise<void> {
  try {
    await engine.remove(name, { force: true });
  } catch (error) {
    if (!(error instanceof ToolError && error.kind === 'not-found')) throw error;
  }
}
