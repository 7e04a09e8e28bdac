import { setTimeout as sleep } from 'node:timers/promises';

/** A service that waits for nothing but the network is started without one after this long. */
export const PATIENCE_MS = 20_000;
/** An address alone is enough once it has been there for this long: a route mostly follows it. */
const ADDRESS_MS = 2000;
/** How often is looked, at first and once it has taken a minute. */
const POLL_MS = 500;
const PATIENT_POLL_MS = 5000;
const PATIENT_FROM_MS = 60_000;

export interface AwaitNetworkOptions {
  readonly hasDefaultRoute: () => boolean;
  /** A network card has an address. */
  readonly hasNetworkAddress: () => boolean;
  /** Whether a service is held up by the network alone; the patience is counted from there. */
  readonly isWanted: () => boolean;
  readonly signal: AbortSignal;
  /** Milliseconds, for tests: a clock that never jumps, and a pause. */
  readonly now?: () => number;
  readonly pause?: (durationMs: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Resolves once there is a network: a default route, or an address that stays without one. Answers false when a service
 * has waited for it in vain. Rejects with the signal's reason.
 */
export async function awaitNetwork(options: AwaitNetworkOptions): Promise<boolean> {
  const { hasDefaultRoute, hasNetworkAddress, isWanted, signal } = options;
  const now = options.now ?? (() => performance.now());
  const pause = options.pause ?? ((durationMs, stop) => sleep(durationMs, undefined, { signal: stop }));
  const begunAt = now();
  let addressSince: number | undefined;
  let wantedSince: number | undefined;
  for (;;) {
    signal.throwIfAborted();
    if (hasDefaultRoute()) return true;
    const at = now();
    addressSince = hasNetworkAddress() ? (addressSince ?? at) : undefined;
    if (addressSince !== undefined && at - addressSince >= ADDRESS_MS) return true;
    if (isWanted()) wantedSince ??= at;
    if (wantedSince !== undefined && at - wantedSince >= PATIENCE_MS) return false;
    const isUrgent = wantedSince !== undefined || at - begunAt < PATIENT_FROM_MS;
    await pause(isUrgent ? POLL_MS : PATIENT_POLL_MS, signal);
  }
}
