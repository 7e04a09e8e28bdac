import type { Readable } from 'node:stream';
import { messageOf } from '../../../shared/errors.ts';
import type { EngineContext } from '../context.ts';
import { createExec, startExec, type ExecSession } from '../exec/exec-session.ts';
import type { HealthPlan, HealthResult } from './health-state.ts';

const KEPT_OUTPUT = 4096;
/** It could not be run, or did not end in time. */
const NO_ANSWER = -1;

/** Runs a container's health check to its end, or until it has taken too long. */
export async function probeHealth(
  context: EngineContext,
  id: string,
  plan: HealthPlan,
  signal: AbortSignal,
): Promise<HealthResult> {
  const startedAtMs = context.clock();
  const end = (exitCode: number, output: string): HealthResult => ({
    startedAtMs,
    endedAtMs: context.clock(),
    exitCode,
    output,
  });
  const late = { isOver: false };
  let session: ExecSession | undefined;
  let execId: string | undefined;
  const stop = (): void => void session?.kill();
  const timer = setTimeout(() => {
    late.isOver = true;
    stop();
  }, plan.timeoutMs);
  signal.addEventListener('abort', stop, { once: true });
  try {
    const record = createExec(context, id, {
      command: plan.command,
      tty: false,
      attachStdin: false,
      attachStdout: true,
      attachStderr: true,
      env: [],
      privileged: false,
    });
    execId = record.id;
    session = await startExec(context, execId);
    // Both may have come while it was being started.
    if (late.isOver || signal.aborted) stop();
    const output = collect([session.stdout, session.stderr]);
    const exitCode = await session.exitCode;
    if (late.isOver)
      return end(NO_ANSWER, `Health check exceeded timeout (${formatDuration(plan.timeoutMs)})`);
    return end(exitCode, output());
  } catch (error) {
    return end(NO_ANSWER, messageOf(error));
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    // Its records would push those of people out.
    if (execId !== undefined) context.execs.forget(execId);
  }
}

/** Keeps the beginning of what comes, in the order in which it comes. */
function collect(streams: readonly (Readable | undefined)[]): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  for (const stream of streams) {
    stream?.on('data', (chunk: Buffer) => {
      if (length < KEPT_OUTPUT) chunks.push(chunk.subarray(0, KEPT_OUTPUT - length));
      length += chunk.length;
    });
  }
  return () => Buffer.concat(chunks).toString('utf8') + (length > KEPT_OUTPUT ? '...' : '');
}

/** As Go writes a duration: `30s`, `1m30s`, `500ms`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  const seconds = (ms % 60_000) / 1000;
  const minutes = Math.floor(ms / 60_000) % 60;
  const hours = Math.floor(ms / 3_600_000);
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`;
}
