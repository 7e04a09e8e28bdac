import type { Readable } from 'node:stream';
import { ToolError } from '../../../shared/errors.ts';
import type { ExecResult } from '../../engine-client/engine-client.ts';
import type { EngineContext } from '../context.ts';
import { type ExecSession, createExec, startExec } from './exec-session.ts';

const KEEP_BYTES = 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 60_000;

/** Runs a command in a container to its end and keeps its output. Throws EXEC_TIMEOUT. */
export async function runExec(
  context: EngineContext,
  nameOrId: string,
  command: readonly string[],
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<ExecResult> {
  const record = createExec(context, nameOrId, {
    command,
    tty: false,
    attachStdin: false,
    attachStdout: true,
    attachStderr: true,
    env: [],
    privileged: false,
  });
  try {
    return await runToEnd(
      await startExec(context, record.id),
      `${command[0] ?? ''} in container ${nameOrId}`,
      timeoutMs,
    );
  } finally {
    // Nobody knows of it, and its record would push those of people out.
    context.execs.forget(record.id);
  }
}

async function runToEnd(session: ExecSession, what: string, timeoutMs: number): Promise<ExecResult> {
  const stdout = collect(session.stdout);
  const stderr = session.stderr === undefined ? () => '' : collect(session.stderr);
  const timeout = { isOver: false };
  const timer = setTimeout(() => {
    timeout.isOver = true;
    void session.kill();
  }, timeoutMs);
  try {
    const exitCode = await session.exitCode;
    if (timeout.isOver) {
      throw new ToolError(`running ${what}: not over after ${timeoutMs / 1000} s`, {
        code: 'EXEC_TIMEOUT',
        kind: 'unavailable',
      });
    }
    return { exitCode, stdout: stdout(), stderr: stderr() };
  } finally {
    clearTimeout(timer);
  }
}

function collect(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    if (length >= KEEP_BYTES) return;
    chunks.push(chunk.subarray(0, KEEP_BYTES - length));
    length += chunk.length;
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
