import { setTimeout as sleep } from 'node:timers/promises';
import { defaultInterface, hasIpv6DefaultRoute, hasNetworkAddress } from '../host/routes.ts';

/** A service that waits for nothing but the network is started without one after this long. */
export const PATIENCE_MS = 20_000;
/** How often is looked, at first and once it has taken a minute. */
const POLL_MS = 500;
const PATIENT_POLL_MS = 5000;
const PATIENT_FROM_MS = 60_000;

/** Something by which a network is known once it has lasted. */
export interface NetworkSign {
  readonly isThere: () => boolean;
  readonly lastingMs: number;
}

/**
 * An address is mostly followed by a route, and what IPv6 announces by itself by an answer of DHCP, which most services
 * mean when they say network.
 */
export const NETWORK_SIGNS: readonly NetworkSign[] = [
  { isThere: () => defaultInterface() !== undefined, lastingMs: 0 },
  { isThere: () => hasNetworkAddress('IPv4'), lastingMs: 2000 },
  { isThere: () => hasIpv6DefaultRoute() || hasNetworkAddress('IPv6'), lastingMs: 8000 },
];

export interface AwaitNetworkOptions {
  readonly signs: readonly NetworkSign[];
  /** Whether a service is held up by the network alone; the patience is counted from there. */
  readonly isWanted: () => boolean;
  readonly signal: AbortSignal;
  /** Milliseconds, for tests: a clock that never jumps, and a pause. */
  readonly now?: () => number;
  readonly pause?: (durationMs: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Resolves once there is a network: one of the signs has lasted. Answers false when a service has waited for it in
 * vain. Rejects with the signal's reason.
 */
export async function awaitNetwork(options: AwaitNetworkOptions): Promise<boolean> {
  const { signs, isWanted, signal } = options;
  const now = options.now ?? (() => performance.now());
  const pause = options.pause ?? ((durationMs, stop) => sleep(durationMs, undefined, { signal: stop }));
  const begunAt = now();
  const since = new Map<NetworkSign, number>();
  let wantedSince: number | undefined;
  for (;;) {
    signal.throwIfAborted();
    const at = now();
    for (const sign of signs) {
      if (!sign.isThere()) since.delete(sign);
      else if (!since.has(sign)) since.set(sign, at);
    }
    if (signs.some(sign => at - (since.get(sign) ?? Infinity) >= sign.lastingMs)) return true;
    if (isWanted()) wantedSince ??= at;
    if (wantedSince !== undefined && at - wantedSince >= PATIENCE_MS) return false;
    const isUrgent = wantedSince !== undefined || at - begunAt < PATIENT_FROM_MS;
    await pause(isUrgent ? POLL_MS : PATIENT_POLL_MS, signal);
  }
}
