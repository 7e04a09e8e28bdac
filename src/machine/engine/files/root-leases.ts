import { noSuchContainer } from '../docker-errors.ts';

/** Someone looks at a container's root file system. */
export interface RootLease {
  /** Aborted when the container is removed. */
  readonly signal: AbortSignal;
  end(): void;
}

/**
 * Who looks at which container's root file system at the moment.
 *
 * INVARIANTS
 * 1. While a container's root is leased it stays mounted, whatever becomes of the container's processes, and is not
 *    mounted a second time: two overlays over one upper folder destroy it.
 * 2. Removing a container ends its leases.
 */
export class RootLeases {
  readonly #leases = new Map<string, Set<AbortController>>();

  take(id: string): RootLease {
    const controller = new AbortController();
    const leases = this.#leases.get(id) ?? new Set();
    this.#leases.set(id, leases.add(controller));
    return {
      signal: controller.signal,
      end: () => {
        leases.delete(controller);
        if (leases.size === 0 && this.#leases.get(id) === leases) this.#leases.delete(id);
      },
    };
  }

  isLeased(id: string): boolean {
    return this.#leases.has(id);
  }

  /** The container is being removed. */
  revoke(id: string): void {
    const leases = this.#leases.get(id);
    this.#leases.delete(id);
    for (const controller of leases ?? []) controller.abort(noSuchContainer(id));
  }
}
