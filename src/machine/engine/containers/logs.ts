import { readTotalMemory } from '../../host/cgroups.ts';
import type { EngineContext } from '../context.ts';
import type { LogRecord } from '../logs/k8s-log.ts';
import { type LogReading, type ReadLogOptions, openLog, readLog } from '../logs/log-reader.ts';
import { type ContainerRecord, isAtRest } from '../store/container-record.ts';

export interface ContainerLogOptions {
  readonly follow: boolean;
  readonly tail?: number;
  /** Goes on after the container has ended, until abort: it may be started again. */
  readonly untilAbort: boolean;
  readonly signal?: AbortSignal;
}

const MAX_BEHIND_BYTES = 64 * 1024 * 1024;
const MAX_BEHIND_SHARE = 0.08;

/** The log of a container, of all its lives; following ends when it has ended and no restart is due. */
export function containerLogs(
  context: EngineContext,
  nameOrId: string,
  options: ContainerLogOptions,
): AsyncGenerator<LogRecord> {
  const { id } = context.table.resolve(nameOrId);
  return readLog(context.table.paths(id).logs, readOptions(context, id, options));
}

/** The same in batches. The files are held from now on until the reading is disposed of. */
export function openContainerLog(
  context: EngineContext,
  nameOrId: string,
  options: ContainerLogOptions,
): LogReading {
  const { id } = context.table.resolve(nameOrId);
  return openLog(context.table.paths(id).logs, readOptions(context, id, options));
}

/** Whether a container's log is on the state partition; else it is in memory. */
export function isOnState(context: EngineContext, id: string): boolean {
  return !context.table.paths(id).home.startsWith(context.paths.root);
}

/**
 * How far a reader of a container's log may fall behind: what it has not read is kept for it, in memory
 * unless the log is on the state partition.
 */
export function maxBehindBytes(context: EngineContext, id: string): number {
  if (isOnState(context, id)) return MAX_BEHIND_BYTES;
  return Math.min(MAX_BEHIND_BYTES, Math.floor(readTotalMemory() * MAX_BEHIND_SHARE));
}

function readOptions(context: EngineContext, id: string, options: ContainerLogOptions): ReadLogOptions {
  return {
    follow: options.follow,
    ...(options.tail === undefined ? {} : { tail: options.tail }),
    isOver: () => {
      const record = context.table.find(id);
      return record === undefined || (!options.untilAbort && isAtRest(record));
    },
    onWake: wake => onEveryChange(context, id, wake),
    maxBehindBytes: maxBehindBytes(context, id),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
}

/**
 * Calls `changed` now and at every change of a container's record, at once, undefined when it is removed;
 * returns how to end that.
 */
export function onEveryChange(
  context: EngineContext,
  id: string,
  changed: (record: ContainerRecord | undefined) => void,
): () => void {
  const stop = new AbortController();
  context.table
    .waitFor(
      id,
      record => {
        changed(record);
        return record === undefined ? true : undefined;
      },
      stop.signal,
    )
    .catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
  return () => stop.abort();
}
