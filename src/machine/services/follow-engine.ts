import { messageOf } from '../../shared/errors.ts';
import type { EngineClient, EngineEvent } from '../engine-client/engine-client.ts';
import type { Log } from '../log.ts';

export interface FollowOptions {
  readonly engine: Pick<EngineClient, 'events'>;
  readonly log: Log;
  /** Some were lost: what happened has to be found by looking. */
  readonly onMissed: () => void;
}

/** Hands on every event of the engine, until the signal is aborted. */
export async function followEngine(
  { engine, log, onMissed }: FollowOptions,
  signal: AbortSignal,
  onEvent: (event: EngineEvent) => void,
): Promise<void> {
  for (;;) {
    try {
      for await (const event of engine.events(signal)) onEvent(event);
      return;
    } catch (error) {
      if (signal.aborted) return;
      // More happened at once than is kept.
      log.warning(`planner: ${messageOf(error)}`);
      onMissed();
    }
  }
}
