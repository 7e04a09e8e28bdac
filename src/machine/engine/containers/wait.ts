import type { EngineContext } from '../context.ts';
import type { ContainerRecord } from '../store/container-record.ts';

/** Resolves with the exit code once a container does not run and no restart is due; at once if so. */
export async function waitContainer(
  context: EngineContext,
  nameOrId: string,
  signal?: AbortSignal,
): Promise<number> {
  const { id } = context.table.resolve(nameOrId);
  let last = 0;
  return context.table.waitFor(
    id,
    record => {
      // Removed: what it ended with was seen just before.
      if (record === undefined) return last;
      if ('exitCode' in record.state) last = record.state.exitCode;
      return isAtRest(record) ? last : undefined;
    },
    signal,
  );
}

/** True when nothing will happen to it by itself. */
export function isAtRest(record: ContainerRecord): boolean {
  return !record.starting && (record.state.status === 'created' || record.state.status === 'exited');
}

/** Resolves with the exit code at the container's next end, also if a restart follows. */
export async function waitForExit(
  context: EngineContext,
  nameOrId: string,
  signal?: AbortSignal,
): Promise<number> {
  const { id } = context.table.resolve(nameOrId);
  let wasLive = false;
  return context.table.waitFor(
    id,
    record => {
      if (record === undefined) return 0;
      if (!('exitCode' in record.state)) {
        wasLive = true;
        return undefined;
      }
      return wasLive ? record.state.exitCode : undefined;
    },
    signal,
  );
}

/** Resolves with the last exit code once the container is gone. */
export async function waitForRemoval(
  context: EngineContext,
  nameOrId: string,
  signal?: AbortSignal,
): Promise<number> {
  const { id } = context.table.resolve(nameOrId);
  let last = 0;
  return context.table.waitFor(
    id,
    record => {
      if (record === undefined) return last;
      if ('exitCode' in record.state) last = record.state.exitCode;
      return undefined;
    },
    signal,
  );
}
