import type { EngineContext } from '../context.ts';
import type { LogRecord } from '../logs/k8s-log.ts';
import { readLog } from '../logs/log-reader.ts';
import { isAtRest } from './wait.ts';

export interface ContainerLogOptions {
  readonly follow: boolean;
  readonly tail?: number;
  /** Goes on after the container has ended, until abort: it may be started again. */
  readonly untilAbort: boolean;
  readonly signal?: AbortSignal;
}

/** The log of a container, of all its lives; following ends when it has ended and no restart is due. */
export function containerLogs(
  context: EngineContext,
  nameOrId: string,
  options: ContainerLogOptions,
): AsyncGenerator<LogRecord> {
  const { id } = context.table.resolve(nameOrId);
  const isGone = (): boolean => context.table.all().every(record => record.id !== id);
  return readLog(context.table.paths(id).logs, {
    follow: options.follow,
    ...(options.tail === undefined ? {} : { tail: options.tail }),
    isOver: () => isGone() || (!options.untilAbort && isAtRest(context.table.get(id))),
    onWake: wake => {
      const stop = new AbortController();
      void wakeOnChange(context, id, wake, stop.signal);
      return () => stop.abort();
    },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

async function wakeOnChange(
  context: EngineContext,
  id: string,
  wake: () => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    await context.table.waitFor(
      id,
      record => {
        wake();
        return record === undefined ? true : undefined;
      },
      signal,
    );
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
