import type { EngineContext } from '../context.ts';
import { type ContainerRecord, isAtRest } from '../store/container-record.ts';

/** What is waited for, in Docker's words. */
export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

/** True when it has come; `wasLive` when the container has been seen to run since the wait began. */
type Predicate = (record: ContainerRecord, wasLive: boolean) => boolean;

const PREDICATES: Readonly<Record<WaitCondition, Predicate>> = {
  // No restart is due either.
  'not-running': isAtRest,
  // Also if a restart follows.
  'next-exit': (record, wasLive) => wasLive && 'exitCode' in record.state,
  removed: () => false,
};

/**
 * Resolves with the last exit code once the condition has come, at once if it has; a container that is removed ends
 * every wait. Rejects with the signal's reason on abort. Throws CONTAINER_NOT_FOUND.
 */
export async function waitContainer(
  context: EngineContext,
  nameOrId: string,
  condition: WaitCondition,
  signal?: AbortSignal,
): Promise<number> {
  const { id } = context.table.resolve(nameOrId);
  const isOver = PREDICATES[condition];
  let wasLive = false;
  let exitCode = 0;
  return context.table.waitFor(
    id,
    record => {
      if (record === undefined) return exitCode;
      if ('exitCode' in record.state) exitCode = record.state.exitCode;
      else wasLive = true;
      return isOver(record, wasLive) ? exitCode : undefined;
    },
    signal,
  );
}
