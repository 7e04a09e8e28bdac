import type { EngineContext } from '../context.ts';

/** Tells subscribers what happened to a volume, in Docker's words. */
export function publishVolumeEvent(
  context: EngineContext,
  action: 'create' | 'mount' | 'unmount' | 'destroy' | 'prune',
  name: string,
  attributes: Readonly<Record<string, string>>,
): void {
  context.history.publish({ type: 'volume', action, id: name, attributes, timeMs: context.clock() });
}
