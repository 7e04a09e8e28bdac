import {
  HEALTH_AT_START,
  type HealthPlan,
  type HealthResult,
  type HealthState,
  nextHealth,
  pauseBefore,
} from './health-state.ts';

/** Runs a health check in a container, once. Never rejects, except for a fault of ours. */
export type Probe = (id: string, plan: HealthPlan, signal: AbortSignal) => Promise<HealthResult>;

interface Kept {
  readonly plan: HealthPlan;
  /** On the keeper's own clock. */
  readonly startedAtMs: number;
  state: HealthState;
  timer: NodeJS.Timeout | undefined;
  /** Of the look that is under way. */
  stop: AbortController | undefined;
  /** No looks while the container is frozen. */
  suspended: boolean;
}

/**
 * Looks after the health of running containers.
 *
 * INVARIANTS
 * 1. A container has at most one look under way, and none while it is frozen or does not run.
 * 2. What a look finds counts only for the life in which it began.
 * 3. After `end` the last state stays until `forget`, for inspect.
 */
export class HealthKeeper {
  readonly #probe: Probe;
  readonly #clock: () => number;
  readonly #changed: (id: string, state: HealthState) => void;
  readonly #kept = new Map<string, Kept>();

  /**
   * @param clock milliseconds; must not jump
   * @param changed is called when the status of a container has become another
   */
  constructor(probe: Probe, clock: () => number, changed: (id: string, state: HealthState) => void) {
    this.#probe = probe;
    this.#clock = clock;
    this.#changed = changed;
  }

  /** The health of a container that has a check; undefined for others. */
  stateOf(id: string): HealthState | undefined {
    return this.#kept.get(id)?.state;
  }

  /** A life has begun, `ageMs` ago. */
  begin(id: string, plan: HealthPlan | undefined, ageMs: number): void {
    this.forget(id);
    if (plan === undefined) return;
    const kept: Kept = {
      plan,
      startedAtMs: this.#clock() - ageMs,
      state: HEALTH_AT_START,
      timer: undefined,
      stop: undefined,
      suspended: false,
    };
    this.#kept.set(id, kept);
    this.#schedule(id, kept);
  }

  /** The container has been frozen. */
  suspend(id: string): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    kept.suspended = true;
    halt(kept);
  }

  /** It goes on. */
  resume(id: string): void {
    const kept = this.#kept.get(id);
    if (kept?.suspended !== true) return;
    kept.suspended = false;
    this.#schedule(id, kept);
  }

  /** Its life is over. */
  end(id: string): void {
    this.suspend(id);
  }

  /** It has been removed. */
  forget(id: string): void {
    const kept = this.#kept.get(id);
    if (kept !== undefined) halt(kept);
    this.#kept.delete(id);
  }

  forgetAll(): void {
    for (const id of [...this.#kept.keys()]) this.forget(id);
  }

  #schedule(id: string, kept: Kept): void {
    const ageMs = this.#clock() - kept.startedAtMs;
    kept.timer = setTimeout(() => void this.#look(id, kept), pauseBefore(kept.state, kept.plan, ageMs));
    kept.timer.unref();
  }

  async #look(id: string, kept: Kept): Promise<void> {
    const stop = new AbortController();
    kept.stop = stop;
    const beganAtMs = this.#clock();
    const result = await this.#probe(id, kept.plan, stop.signal);
    if (stop.signal.aborted || this.#kept.get(id) !== kept) return;
    kept.stop = undefined;
    const before = kept.state.status;
    kept.state = nextHealth(kept.state, result, kept.plan, beganAtMs - kept.startedAtMs);
    if (kept.state.status !== before) this.#changed(id, kept.state);
    this.#schedule(id, kept);
  }
}

function halt(kept: Kept): void {
  clearTimeout(kept.timer);
  kept.timer = undefined;
  kept.stop?.abort();
  kept.stop = undefined;
}
