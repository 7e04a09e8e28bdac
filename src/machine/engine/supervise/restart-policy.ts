/** What decides whether a container that ended is started again. */
export interface RestartInput {
  readonly policy: 'no' | 'on-failure' | 'always' | 'unless-stopped';
  /** Restarts after which it is given up; 0 is never. */
  readonly maxRetries: number;
  /**
   * Docker's way: retries are counted from the last start by hand, and no restart comes at once. A service's are
   * counted from the last run that was long enough, which shows that it has recovered.
   */
  readonly asDocker: boolean;
  /** First pause; doubles with every restart up to maxDelayMs. */
  readonly delayMs: number;
  readonly maxDelayMs: number;
  readonly exitCode: number;
  /** How long it ran this time. */
  readonly ranMs: number;
  /** Restarts since it was last started by hand. */
  readonly restartCount: number;
  /** Restarts since it last ran long enough. */
  readonly streak: number;
  /** Someone stopped it on purpose. */
  readonly stopRequested: boolean;
}

export type RestartDecision =
  | { readonly kind: 'stay' }
  /** The policy would start it, but it has failed too often. */
  | { readonly kind: 'give-up' }
  | { readonly kind: 'restart'; readonly delayMs: number; readonly streak: number };

/** A container that ran this long has recovered: the pauses begin anew. */
export const RECOVERED_MS = 10_000;
/** Docker's own pauses. */
export const DEFAULT_DELAY_MS = 100;
export const DEFAULT_MAX_DELAY_MS = 60_000;

/**
 * Decides on a restart. After a run of ten seconds or more the pauses begin anew, a service's with one at once;
 * otherwise the pause doubles from delayMs to maxDelayMs.
 */
export function planRestart(input: RestartInput): RestartDecision {
  if (input.stopRequested) return { kind: 'stay' };
  const wanted =
    input.policy === 'always' ||
    input.policy === 'unless-stopped' ||
    (input.policy === 'on-failure' && input.exitCode !== 0);
  if (!wanted) return { kind: 'stay' };
  const recovered = input.ranMs >= RECOVERED_MS;
  const streak = recovered ? 0 : input.streak;
  const retries = input.asDocker ? input.restartCount : streak;
  if (input.maxRetries > 0 && retries >= input.maxRetries) return { kind: 'give-up' };
  if (recovered && !input.asDocker) return { kind: 'restart', delayMs: 0, streak: 1 };
  return {
    kind: 'restart',
    // 2 ** 30 is beyond any sensible limit and keeps the product finite.
    delayMs: Math.min(input.maxDelayMs, input.delayMs * 2 ** Math.min(streak, 30)),
    streak: streak + 1,
  };
}
