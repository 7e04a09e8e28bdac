import type { HealthConfig } from '../../engine-api/wire.ts';
import { LONGEST_TIMER_MS } from './restart-timers.ts';

/** What a container's health is taken for. */
export type HealthStatus = 'starting' | 'healthy' | 'unhealthy';

/** One look at a container's health. */
export interface HealthResult {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** 0 is healthy; -1 means that it did not end in time or could not be run. */
  readonly exitCode: number;
  readonly output: string;
}

/** A container's health, as inspect shows it. */
export interface HealthState {
  readonly status: HealthStatus;
  /** Failures in a row. */
  readonly failingStreak: number;
  /** The latest looks, the oldest first. */
  readonly log: readonly HealthResult[];
}

/** How a container is looked after; times in milliseconds. */
export interface HealthPlan {
  /** Words of the command; run as they are. */
  readonly command: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** For this long after its start a container may fail without being unhealthy. */
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
  /** Failures in a row that make it unhealthy. */
  readonly retries: number;
}

export const HEALTH_AT_START: HealthState = { status: 'starting', failingStreak: 0, log: [] };

const KEPT_RESULTS = 5;
const NS_PER_MS = 1_000_000;
const DEFAULT_INTERVAL_MS = 30_000;
const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_START_INTERVAL_MS = 5_000;
const DEFAULT_RETRIES = 3;

/** Reads a health check; undefined when there is none or it is switched off. */
export function planHealth(
  config: HealthConfig | undefined,
  shell: readonly string[] | undefined,
): HealthPlan | undefined {
  const [kind, ...words] = config?.Test ?? [];
  if (config === undefined || words.length === 0) return undefined;
  const ms = (ns: number | undefined, otherwise: number): number =>
    ns === undefined || ns === 0
      ? otherwise
      : Math.min(LONGEST_TIMER_MS, Math.max(1, Math.round(ns / NS_PER_MS)));
  const command =
    kind === 'CMD' ? words : kind === 'CMD-SHELL' ? [...(shell ?? ['/bin/sh', '-c']), ...words] : undefined;
  if (command === undefined) return undefined;
  return {
    command,
    intervalMs: ms(config.Interval, DEFAULT_INTERVAL_MS),
    timeoutMs: ms(config.Timeout, DEFAULT_TIMEOUT_MS),
    startPeriodMs: ms(config.StartPeriod, 0),
    startIntervalMs: ms(config.StartInterval, DEFAULT_START_INTERVAL_MS),
    retries: config.Retries === undefined || config.Retries === 0 ? DEFAULT_RETRIES : config.Retries,
  };
}

/**
 * The health after a look. One success is enough; failures count only after the start period, or once it has
 * been healthy.
 * @param ageMs how long the container had run when the look began
 */
export function nextHealth(
  state: HealthState,
  result: HealthResult,
  plan: HealthPlan,
  ageMs: number,
): HealthState {
  const log = [...state.log, result].slice(-KEPT_RESULTS);
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  if (state.status === 'starting' && ageMs < plan.startPeriodMs) return { ...state, log };
  const failingStreak = state.failingStreak + 1;
  return {
    status: failingStreak >= plan.retries ? 'unhealthy' : state.status,
    failingStreak,
    log,
  };
}

/** How long to wait for the next look. */
export function pauseBefore(state: HealthState, plan: HealthPlan, ageMs: number): number {
  return state.status === 'starting' && ageMs < plan.startPeriodMs ? plan.startIntervalMs : plan.intervalMs;
}
