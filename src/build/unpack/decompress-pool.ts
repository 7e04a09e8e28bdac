import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type ErrorKind, ToolError, invariant } from '../../shared/errors.ts';
import { type DecompressJob, decompressFile } from './decompress.ts';

/** What a worker thread reports about its job. */
export type WorkerAnswer =
  | { readonly kind: 'done'; readonly sizeBytes: number }
  | { readonly kind: 'fault'; readonly message: string; readonly code: string; readonly errorKind: ErrorKind }
  | { readonly kind: 'failed'; readonly message: string; readonly code?: string };

/**
 * Threads that unpack xz side by side: the decoder needs a processor for itself. The other formats are
 * native and run in Node's own threads. Threads start with the first job that needs them.
 *
 * INVARIANTS: a thread has at most one job; a job that is given up ends its thread, because the decoder
 * can't be interrupted.
 */
export class DecompressPool implements AsyncDisposable {
  readonly #size: number;
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param size how many threads at most */
  constructor(size: number) {
    invariant(size >= 1, 'a pool has at least one thread');
    this.#size = size;
  }

  /** Unpacks one file; the number of bytes written. Errors as `decompressFile`, or the signal's reason. */
  async run(job: DecompressJob, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    if (this.#running >= this.#size) await new Promise<void>(resolve => this.#waiting.push(resolve));
    else this.#running++;
    try {
      signal?.throwIfAborted();
      return job.compression === 'xz' ? await this.#runInThread(job, signal) : await decompressFile(job);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#all].map(worker => worker.terminate()));
    this.#all.clear();
  }

  #runInThread(job: DecompressJob, signal: AbortSignal | undefined): Promise<number> {
    const worker = this.#idle.pop() ?? this.#start();
    return new Promise<number>((resolve, reject) => {
      const discard = (error: unknown): void => {
        finish();
        this.#all.delete(worker);
        void worker.terminate().then(() => reject(error as Error), reject);
      };
      const onAbort = (): void => discard(signal?.reason);
      const onExit = (): void => discard(new Error(`unpacking ${job.name}: the thread ended`));
      const onMessage = (answer: WorkerAnswer): void => {
        finish();
        this.#idle.push(worker);
        if (answer.kind === 'done') resolve(answer.sizeBytes);
        else if (answer.kind === 'fault') {
          reject(new ToolError(answer.message, { code: answer.code, kind: answer.errorKind }));
        } else reject(Object.assign(new Error(answer.message), { code: answer.code }));
      };
      const finish = (): void => {
        worker.off('message', onMessage).off('error', discard).off('exit', onExit);
        signal?.removeEventListener('abort', onAbort);
      };
      worker.on('message', onMessage).on('error', discard).on('exit', onExit);
      signal?.addEventListener('abort', onAbort, { once: true });
      worker.postMessage(job);
    });
  }

  #start(): Worker {
    const worker = new Worker(workerUrl());
    this.#all.add(worker);
    return worker;
  }
}

/** Beside this file in the sources; in a bundle beside the chunk or one folder up. */
function workerUrl(): URL {
  const candidates = ['./xz-worker.ts', './xz-worker.js', '../xz-worker.js'].map(
    name => new URL(name, import.meta.url),
  );
  const found = candidates.find(url => existsSync(fileURLToPath(url)));
  invariant(found, 'the worker thread that unpacks xz is part of the package');
  return found;
}
