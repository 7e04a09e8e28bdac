/**
 * Where a service is on its way up. `up` is a longrun that is ready, `done` a service that has exited with 0,
 * `stopped` one that a person stopped or that only a person starts. A failed one with `unmet` never had what it
 * waits for and still starts when that comes.
 */
export type ServiceStatus =
  | { readonly status: 'waiting' }
  | { readonly status: 'starting' }
  | { readonly status: 'up' }
  | { readonly status: 'done' }
  | { readonly status: 'stopped'; readonly reason: string }
  | { readonly status: 'failed'; readonly reason: string; readonly unmet?: readonly string[] };

/**
 * What becomes of the container that is there already when a service is brought up: `start` starts one that has ended,
 * `restart` stops it before, `recreate` makes one that has ended anew. Without a word a container that has run is only
 * looked after.
 */
export type Renewal = 'start' | 'restart' | 'recreate';

/** How far a service is, and when it got there; journalled, so that a respawned system-docker goes on. */
export interface ServiceProgress {
  readonly status: ServiceStatus;
  /** Seconds of uptime. */
  readonly startedAt?: number;
  /** When it was up or done for the first time. */
  readonly upAt?: number;
  /** Asked for, and not begun yet. */
  readonly renewal?: Renewal;
}

/** True once a service will not get further by itself within the boot. */
export function isSettled({ status }: ServiceStatus): boolean {
  return status !== 'waiting' && status !== 'starting';
}

/** Failed at being brought up, not for want of a condition, which revives it anyway. */
export function isFailedTry(status: ServiceStatus | undefined): boolean {
  return status?.status === 'failed' && status.unmet === undefined;
}
