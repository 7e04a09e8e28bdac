import { messageOf } from '../../shared/errors.ts';
import type { ServiceDefinition } from '../../shared/service/definition.ts';
import type { EngineClient, EngineEvent } from '../engine-client/engine-client.ts';
import { isAlive, stopIfThere } from './attempt.ts';
import { Bring } from './bring.ts';
import type { Conditions } from './conditions.ts';
import { findControlled, findService } from './find-service.ts';
import { followEngine } from './follow-engine.ts';
import { judgeEvent } from './judge-event.ts';
import { type Plan, type Unmet, conditionsOf, formatUnmet, isHeldUpBy, planSteps } from './plan.ts';
import { type ServiceHost, staleMembers } from './pods.ts';
import { type Finding, planResume } from './resume.ts';
import { ServiceBook, type ServiceBookOptions } from './service-book.ts';
import { type Renewal, type ServiceProgress, isSettled } from './status.ts';
import { untilSteady } from './steady.ts';
import { Turns } from './turns.ts';
import { WaitLimits } from './wait-limits.ts';

export interface ServiceRunnerOptions extends ServiceBookOptions {
  readonly definitions: readonly ServiceDefinition[];
  readonly engine: EngineClient;
  readonly host: ServiceHost;
  readonly conditions: Conditions;
}

/**
 * Carries out what the planner says: brings the services of the boot up through the engine, looks after them, and goes
 * on after system-docker was killed. Down again is stop.ts.
 *
 * INVARIANTS: at most one `Bring` is under way for a service. Every change of a status goes through the book, after
 * which is planned again. Nothing here restarts a container that has ended: that is the engine's part, but for a pod
 * whose namespaces are gone, and for what a person asks for.
 */
export class ServiceRunner implements AsyncDisposable {
  readonly #options: ServiceRunnerOptions;
  readonly #boot: readonly ServiceDefinition[];
  readonly #book: ServiceBook;
  readonly #abort = new AbortController();
  readonly #tasks = new Set<Promise<void>>();
  readonly #limits = new WaitLimits();
  readonly #brings = new Map<string, Bring>();
  /** What persons ask of one service happens in the order in which they asked. */
  readonly #turns = new Turns();
  #started = false;

  constructor(options: ServiceRunnerOptions) {
    this.#options = options;
    this.#boot = options.definitions.filter(definition => definition.section !== 'onshutdown');
    this.#book = new ServiceBook(this.#boot, options);
  }

  /** Progress of each boot service, in the order of the definitions. */
  get progress(): ReadonlyMap<string, ServiceProgress> {
    return this.#book.progress;
  }

  /** What each service that has not been started waits for. */
  get waiting(): ReadonlyMap<string, Unmet> {
    return this.#plan().waiting;
  }

  /** Starts what can be started, now and whenever something changes. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    const step = (): void => this.#step();
    const stopListening = [this.#options.conditions.onChange(step), this.#book.onChange(step)];
    this.#abort.signal.addEventListener('abort', () => stopListening.forEach(stop => stop()));
    // First the events, then a look at what is there: nothing falls between the two.
    const { engine, log } = this.#options;
    const look = (): void => this.#run(this.#lookAround());
    this.#run(
      followEngine({ engine, log, onMissed: look }, this.#abort.signal, event => this.#onEvent(event)),
    );
    look();
    this.#step();
  }

  /** Resolves once every service of a section is up, done, stopped or failed; at once if none is left. */
  async settled(section: 'onboot' | 'services'): Promise<void> {
    const names = this.#boot.filter(definition => definition.section === section).map(({ name }) => name);
    await this.#book.until(
      () => names.every(name => isSettled(this.#book.statusOf(name))),
      this.#abort.signal,
    );
  }

  /**
   * As `settled`, and those that count as up because their process runs have run for a moment: what can't run at all has
   * ended by then, and is waited for again.
   */
  async steady(section: 'onboot' | 'services'): Promise<void> {
    const definitions = this.#boot.filter(service => service.section === section);
    await untilSteady(definitions, this.#book, () => this.settled(section), this.#abort.signal);
  }

  /** Whether a service waits for this condition, and for nothing but conditions; or was given up for want of it. */
  isHeldUpBy(condition: string): boolean {
    const statuses = [...this.progress.values()].map(({ status }) => status);
    return this.#started && isHeldUpBy(condition, this.waiting, statuses);
  }

  /**
   * Brings a service up that does not run, as soon as what it waits for is there; resolves once it is up, done or
   * failed. No change for one that is up, on its way, or late. Throws SERVICE_NOT_FOUND, SERVICE_NOT_CONTROLLED.
   */
  async startService(name: string, signal: AbortSignal): Promise<void> {
    this.#controlled(name);
    await this.#turns.run(name, async () => {
      const containers = await this.#options.engine.list();
      const isThere = containers.some(container => container.name === name && isAlive(container));
      const status = this.#book.statusOf(name);
      const isInOrder = (status.status === 'up' && isThere) || this.#brings.has(name);
      if (isSettled(status) && !isInOrder) this.#renew(name, 'start');
    });
    await this.#untilSettled(name, signal);
  }

  /** Stops a service, within its grace; nothing starts it again but a person, or the next boot. Throws as startService. */
  async stopService(name: string): Promise<void> {
    const definition = this.#controlled(name);
    await this.#turns.run(name, async () => {
      await this.#brings.get(name)?.cancel();
      this.#book.setStatus(name, { status: 'stopped', reason: 'on request' });
      await stopIfThere(this.#options.engine, name, definition.stop.graceMs);
    });
  }

  /** Stops a service that runs and starts it again; resolves as startService. Throws as startService. */
  async restartService(name: string, signal: AbortSignal): Promise<void> {
    this.#controlled(name);
    await this.#turns.run(name, async () => {
      await this.#brings.get(name)?.cancel();
      this.#renew(name, 'restart');
    });
    await this.#untilSettled(name, signal);
  }

  /** Ends every wait; containers are left as they are. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort(new Error('the services are being stopped'));
    this.#limits.forgetAll();
    await Promise.allSettled(this.#tasks);
  }

  #plan(): Plan {
    const { definitions, conditions } = this.#options;
    return planSteps(definitions, name => this.#book.statusOf(name), conditions.met);
  }

  #step(): void {
    if (this.#abort.signal.aborted || !this.#started) return;
    for (const step of this.#plan().steps) {
      // Each step plans again, so that others of this plan may be under way already.
      const isWaiting = this.#book.statusOf(step.name).status === 'waiting';
      const definition = findService(this.#boot, step.name);
      switch (step.kind) {
        case 'revive':
          if (!isWaiting) this.#book.setStatus(step.name, { status: 'waiting' });
          return;
        case 'start':
          if (isWaiting && !this.#brings.has(step.name)) this.#begin(definition);
          break;
        case 'limit':
          if (isWaiting) this.#limitWait(definition, step.unmet);
          break;
      }
    }
  }

  #limitWait(definition: ServiceDefinition, unmet: Unmet): void {
    const { name, timeoutMs } = definition;
    this.#limits.set(name, timeoutMs, () => {
      if (this.#book.statusOf(name).status !== 'waiting') return;
      this.#book.fail(definition, formatUnmet(unmet), conditionsOf(definition, this.#options.definitions));
    });
  }

  #begin(definition: ServiceDefinition): void {
    const { name } = definition;
    this.#limits.forget(name);
    const { engine, host } = this.#options;
    const bring = new Bring({ definition, engine, host, book: this.#book, signal: this.#abort.signal });
    this.#brings.set(name, bring);
    const isOver = bring.done.finally(() => {
      this.#brings.delete(name);
      // Asked for anew while this one was being given up.
      this.#step();
    });
    this.#run(isOver);
  }

  #renew(name: string, renewal: Renewal): void {
    this.#limits.forget(name);
    this.#book.renew(name, renewal);
  }

  async #untilSettled(name: string, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#abort.signal]);
    await this.#book.until(() => isSettled(this.#book.statusOf(name)), either);
  }

  #onEvent(event: EngineEvent): void {
    const { id, name } = event.container;
    const definition = this.#boot.find(service => service.name === name);
    if (definition === undefined) return;
    if (event.action === 'start') this.#run(this.#rejoin(definition));
    const bring = this.#brings.get(name);
    if (bring?.isAbout(id) === false) return;
    if (event.action === 'die') bring?.noteEnd(event.container);
    const status = this.#book.statusOf(name).status;
    const verdict = judgeEvent(event, definition, status, bring?.effort ?? 'none');
    switch (verdict.kind) {
      case 'nothing':
        break;
      case 'ended':
        if (bring === undefined) this.#book.settle(definition, verdict.outcome);
        else bring.end(verdict.outcome);
        break;
      case 'unsteady':
        this.#book.setStatus(name, { status: 'waiting' });
        break;
      case 'stopped':
        this.#run(this.#noteStopped(name));
        break;
      case 'started':
        this.#book.setStatus(name, { status: 'waiting' });
        break;
    }
  }

  async #noteStopped(name: string): Promise<void> {
    const { engine } = this.#options;
    // What is heard may be over: a stop that was the first half of a restart.
    if ((await engine.list()).some(container => container.name === name && isAlive(container))) return;
    await this.#brings.get(name)?.cancel();
    if (this.#book.statusOf(name).status === 'waiting') return;
    this.#book.setStatus(name, { status: 'stopped', reason: 'through the engine' });
  }

  /** Restarts the services of a pod whose owner has new namespaces. */
  async #rejoin(owner: ServiceDefinition): Promise<void> {
    const { engine, host, log } = this.#options;
    const stale = await staleMembers(this.#boot, owner.name, engine, host);
    for (const name of stale) {
      log.info(`service ${name} is restarted: ${owner.name}, whose pod it shares, has been`);
      await this.#brings.get(name)?.cancel();
      this.#renew(name, 'restart');
    }
  }

  /** Finds what happened while no system-docker was there. */
  async #lookAround(): Promise<void> {
    const containers = new Map(
      (await this.#options.engine.list()).map(container => [container.name, container]),
    );
    for (const definition of this.#boot) {
      const { name } = definition;
      if (this.#brings.has(name)) continue;
      this.#adopt(definition, planResume(definition, this.#book.statusOf(name), containers.get(name)));
      if (containers.has(name)) await this.#rejoin(definition);
    }
  }

  #adopt(definition: ServiceDefinition, finding: Finding): void {
    const { name, stop } = definition;
    switch (finding.kind) {
      case 'as-known':
        break;
      case 'still-wanted':
        this.#book.setStatus(name, { status: 'waiting' });
        break;
      case 'ended':
        this.#book.settle(definition, finding.outcome);
        break;
      case 'stop':
        this.#run(stopIfThere(this.#options.engine, name, stop.graceMs));
        break;
    }
  }

  /** Throws SERVICE_NOT_FOUND, SERVICE_NOT_CONTROLLED. */
  #controlled(name: string): ServiceDefinition {
    const stage = this.#abort.signal.aborted ? 'ending' : this.#started ? 'running' : 'booting';
    return findControlled(this.#options.definitions, name, stage);
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
