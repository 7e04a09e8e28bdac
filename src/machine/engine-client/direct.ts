import { ToolError } from '../../shared/errors.ts';
import { createContainer } from '../engine/containers/create.ts';
import { killContainer } from '../engine/containers/kill.ts';
import { containerLogs } from '../engine/containers/logs.ts';
import { removeContainer } from '../engine/containers/remove.ts';
import { startContainer } from '../engine/containers/start.ts';
import { stopContainer } from '../engine/containers/stop.ts';
import { waitContainer } from '../engine/containers/wait.ts';
import { type EngineContext, summaryOf } from '../engine/context.ts';
import { runExec } from '../engine/exec/run-exec.ts';
import { formatSummary } from '../engine/containers/summary.ts';
import type { EngineClient, LogLine } from './engine-client.ts';

/**
 * The engine for callers in the same process. Starting what runs and stopping what does not are no
 * faults here: a planner that was cut off simply asks again.
 */
export function createDirectClient(context: EngineContext): EngineClient {
  return {
    create: async (name, request) => (await createContainer(context, name, request)).id,
    start: nameOrId => unlessDone(startContainer(context, nameOrId)),
    stop: (nameOrId, graceMs) => unlessDone(stopContainer(context, nameOrId, graceMs)),
    kill: (nameOrId, signal) => killContainer(context, nameOrId, signal),
    remove: (nameOrId, options) => removeContainer(context, nameOrId, options?.force === true),
    inspect: nameOrId => Promise.resolve().then(() => summaryOf(context, context.table.resolve(nameOrId).id)),
    list: () => Promise.resolve(context.table.all().map(formatSummary)),
    wait: async (nameOrId, signal) => waitContainer(context, nameOrId, 'not-running', signal),
    logs: (nameOrId, options) => readLines(context, nameOrId, options),
    exec: (nameOrId, command, options) => runExec(context, nameOrId, command, options?.timeoutMs),
    events: signal => context.events.subscribe(signal),
  };
}

async function unlessDone(operation: Promise<void>): Promise<void> {
  try {
    await operation;
  } catch (error) {
    if (!(error instanceof ToolError && error.kind === 'not-modified')) throw error;
  }
}

async function* readLines(
  context: EngineContext,
  nameOrId: string,
  options: { readonly follow?: boolean; readonly tail?: number; readonly signal?: AbortSignal },
): AsyncGenerator<LogLine> {
  const records = containerLogs(context, nameOrId, {
    follow: options.follow === true,
    untilAbort: true,
    ...(options.tail === undefined ? {} : { tail: options.tail }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  for await (const record of records) {
    yield {
      stream: record.stream,
      timeMs: Number(record.timeNs / 1_000_000n),
      text: record.text.toString('utf8'),
      partial: record.partial,
    };
  }
}
