import { printable } from '../../shared/yaml/place.ts';

/** What becomes of a data source, given which instance this machine's state belongs to. */
export type PinDecision =
  /** Use it; `pin` is the instance id to remember on state, where there is state. */
  { readonly kind: 'use'; readonly pin?: string } | { readonly kind: 'refuse'; readonly reason: string };

/**
 * Decides whether a data source is heard (design D18: someone who plugs in a stick must not own a machine).
 * The first data source that a state partition meets is the one it belongs to; another instance's is refused
 * until the kernel line says `slipway.repin`. Without state nothing lasts, and there is nothing to protect.
 *
 * @param instanceId the data source's; sources without one are all the same instance, the empty one
 * @param pinned what state remembers; undefined when it remembers nothing yet
 */
export function decidePin(options: {
  readonly instanceId: string | undefined;
  readonly hasState: boolean;
  readonly pinned: string | undefined;
  readonly repin: boolean;
}): PinDecision {
  const id = options.instanceId ?? '';
  if (!options.hasState) return { kind: 'use' };
  if (options.pinned === id) return { kind: 'use' };
  if (options.pinned === undefined || options.repin) return { kind: 'use', pin: id };
  return {
    kind: 'refuse',
    reason: `it is for instance "${id}", but the state of this machine belongs to "${printable(options.pinned)}" (the word slipway.repin on the kernel line changes that)`,
  };
}
