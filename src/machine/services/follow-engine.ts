import { messageOf } from '../../shared/errors.ts';
import type { EngineClient, EngineEvent } from '../engine-client/engine-client.ts';

/**
 * Hands on every event of the engine, until the signal is aborted.
 *
 * @param onMissed called with the reason when some were lost: what happened has to be found by looking
 */
export async function followEngine(
  engine: Pick<EngineClient, 'events'>,
  signal: AbortSignal,
  onEvent: (event: EngineEvent) => void,
  onMissed: (reason: string) => void,
): Promise<void> {
  for (;;) {
    try {
      for await (const event of engine.events(signal)) onEvent(event);
      return;
    } catch (error) {
      if (signal.aborted) return;
      // More happened at once than is kept.
      onMissed(messageOf(error));
    }
  }
}
