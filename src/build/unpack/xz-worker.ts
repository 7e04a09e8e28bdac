import { parentPort } from 'node:worker_threads';
import { ToolError, messageOf } from '../../shared/errors.ts';
import { type DecompressJob, decompressFile } from './decompress.ts';
import type { WorkerAnswer } from './decompress-pool.ts';

/** A thread that unpacks one file after another; see `DecompressPool`. */
parentPort?.on('message', (job: DecompressJob) => {
  void decompressFile(job).then(
    sizeBytes => parentPort?.postMessage({ kind: 'done', sizeBytes } satisfies WorkerAnswer),
    (error: unknown) => parentPort?.postMessage(failure(error)),
  );
});

/** Errors lose their class and fields on the way between threads. */
function failure(error: unknown): WorkerAnswer {
  if (error instanceof ToolError) {
    return { kind: 'fault', message: error.message, code: error.code, errorKind: error.kind };
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  return { kind: 'failed', message: messageOf(error), ...(code === undefined ? {} : { code }) };
}
