import { setTimeout as delay } from 'node:timers/promises';
import type { Digest } from '../../shared/digest.ts';
import { ToolError, invariant } from '../../shared/errors.ts';
import type { EmitEvent } from '../../shared/events.ts';
import type { Blob } from '../store/blob-folder.ts';
import type { Store } from '../store/store.ts';
import { type Attempt, fetchError } from './fetch-error.ts';
import { FetchFault, type HttpClient } from './http-client.ts';
import { runLimited } from './run-limited.ts';

/** A blob that is needed, known by at least one of its hashes. */
export interface Want {
  /** For messages and progress, e.g. `openssh-server 1:10.0p1-7`. */
  readonly name: string;
  readonly digest?: Digest;
  /** npm's `sha512-…`. */
  readonly integrity?: string;
  /** Exact size; or, where only a bound is known, `maxBytes`. */
  readonly sizeBytes?: number;
  readonly maxBytes?: number;
  /** Where it may be, best first: `http:`, `https:` or `file:`. */
  readonly urls: readonly string[];
  /** What to do if no source has it any more. */
  readonly goneHint?: string;
}

export interface FetchOptions {
  readonly store: Store;
  readonly http: HttpClient;
  readonly emit: EmitEvent;
  readonly signal?: AbortSignal;
  /** Only look into the store; what is missing is a fault. */
  readonly offline?: boolean;
  /** How many downloads at a time; default 6. */
  readonly concurrency?: number;
  /** Default 30 s without a byte. */
  readonly stallMs?: number;
  /** Waits before an address is tried again after a fault that may pass; default 0.5 s and 2 s. */
  readonly retryDelaysMs?: readonly number[];
}

const DEFAULT_CONCURRENCY = 6;
const DEFAULT_STALL_MS = 30_000;
const DEFAULT_RETRY_DELAYS_MS: readonly number[] = [500, 2000];
const PROGRESS_EVERY_MS = 100;
/** After so many faults in a row an origin is tried no more while other addresses are left. */
const FAULTS_UNTIL_DEAD = 3;
const UNBOUNDED_BYTES = 8 * 1024 ** 3;

/**
 * Brings blobs into the store, those it has already not at all, and returns them in the order of
 * `wants`. Each is tried at its addresses in turn; faults that may pass are tried again after a pause;
 * size and hash are checked while the bytes arrive, before anything is published.
 *
 * Errors, each listing every address that was tried and what was wrong with it: FETCH_NOT_FOUND when no
 * source has it, FETCH_MISMATCH when a source gave other bytes, FETCH_FAILED otherwise; FETCH_OFFLINE
 * when something is missing and `offline` is set; STORE_FULL and STORE_NOT_WRITABLE; the signal's reason.
 */
export async function fetchBlobs(wants: readonly Want[], options: FetchOptions): Promise<Blob[]> {
  const present = await Promise.all(wants.map(want => findWanted(want, options.store)));
  const missing = wants.filter((_want, index) => present[index] === undefined);
  if (missing.length === 0) return present.filter(blob => blob !== undefined);
  if (options.offline) throw offlineError(missing);
  const run = new FetchRun(missing, options);
  const fetched = new Map(
    (
      await runLimited(missing, options.concurrency ?? DEFAULT_CONCURRENCY, options.signal, (want, signal) =>
        run.fetchOne(want, signal),
      )
    ).map((blob, index) => [missing[index], blob]),
  );
  return wants.map((want, index) => {
    const blob = present[index] ?? fetched.get(want);
    invariant(blob, `${want.name} was fetched`);
    return blob;
  });
}

async function findWanted(want: Want, store: Store): Promise<Blob | undefined> {
  invariant(want.digest ?? want.integrity, `${want.name} is known by a hash`);
  if (want.digest === undefined) return store.blobs.findIntegrity(want.integrity ?? '');
  const path = await store.blobs.find(want.digest);
  return path === undefined ? undefined : { digest: want.digest, path, sizeBytes: want.sizeBytes ?? 0 };
}

/** Progress and the state of origins, of one call of `fetchBlobs`. */
class FetchRun {
  readonly #options: FetchOptions;
  readonly #faults = new Map<string, number>();
  readonly #received = new Map<Want, number>();
  readonly #filesTotal: number;
  readonly #totalBytes: number;
  #filesDone = 0;
  #lastProgressMs = Number.NEGATIVE_INFINITY;

  constructor(wants: readonly Want[], options: FetchOptions) {
    this.#options = options;
    this.#filesTotal = wants.length;
    this.#totalBytes = wants.reduce((sum, want) => sum + (want.sizeBytes ?? 0), 0);
  }

  async fetchOne(want: Want, signal: AbortSignal): Promise<Blob> {
    const attempts: Attempt[] = [];
    for (const [index, url] of want.urls.entries()) {
      const isLast = index === want.urls.length - 1;
      const blob = await this.#fetchFrom(url, want, signal, attempts, isLast);
      if (blob) {
        this.#filesDone++;
        this.#progress(want, blob.sizeBytes, true);
        return blob;
      }
    }
    throw fetchError(want.name, attempts, want.goneHint);
  }

  /** Tries one address, again after pauses; undefined when it has failed for good. */
  async #fetchFrom(
    url: string,
    want: Want,
    signal: AbortSignal,
    attempts: Attempt[],
    isLast: boolean,
  ): Promise<Blob | undefined> {
    const origin = URL.canParse(url) ? new URL(url).origin : url;
    const delays = this.#options.retryDelaysMs ?? DEFAULT_RETRY_DELAYS_MS;
    for (let attempt = 0; ; attempt++) {
      const isDead = (this.#faults.get(origin) ?? 0) >= FAULTS_UNTIL_DEAD;
      if (isDead && (!isLast || attempt > 0)) {
        attempts.push({ url, kind: 'network', message: 'left out: its host has failed repeatedly' });
        return undefined;
      }
      const fault = await this.#attempt(url, want, signal);
      if (!('message' in fault)) {
        this.#faults.delete(origin);
        return fault;
      }
      this.#progress(want, 0, true);
      if (fault.kind === 'network') this.#faults.set(origin, (this.#faults.get(origin) ?? 0) + 1);
      const pause = delays[attempt];
      if (fault.kind !== 'network' || pause === undefined) {
        attempts.push(fault);
        return undefined;
      }
      await delay(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  async #attempt(url: string, want: Want, signal: AbortSignal): Promise<Blob | Attempt> {
    const { http, store, stallMs } = this.#options;
    const bytes = http.get(url, { signal, stallMs: stallMs ?? DEFAULT_STALL_MS });
    try {
      return await store.blobs.write(this.#counted(bytes, want), {
        name: want.name,
        signal,
        ...(want.sizeBytes === undefined ? {} : { sizeBytes: want.sizeBytes }),
        ...(want.digest === undefined ? {} : { digest: want.digest }),
        ...(want.integrity === undefined ? {} : { integrity: want.integrity }),
      });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof FetchFault) return { url, kind: error.kind, message: error.message };
      if (error instanceof ToolError && error.kind === 'integrity') {
        return { url, kind: 'mismatch', message: error.message.replace(/^receiving .*?: /, '') };
      }
      throw error;
    }
  }

  async *#counted(bytes: AsyncIterable<Uint8Array>, want: Want): AsyncGenerator<Uint8Array> {
    let received = 0;
    const limit = want.maxBytes ?? UNBOUNDED_BYTES;
    for await (const piece of bytes) {
      received += piece.length;
      if (received > limit) throw new FetchFault('refused', `more than ${limit} bytes`);
      this.#progress(want, received, false);
      yield piece;
    }
  }

  #progress(want: Want, received: number, isForced: boolean): void {
    this.#received.set(want, received);
    const nowMs = performance.now();
    if (!isForced && nowMs - this.#lastProgressMs < PROGRESS_EVERY_MS) return;
    this.#lastProgressMs = nowMs;
    let receivedBytes = 0;
    for (const bytes of this.#received.values()) receivedBytes += bytes;
    this.#options.emit({
      type: 'fetch-progress',
      name: want.name,
      receivedBytes,
      totalBytes: Math.max(this.#totalBytes, receivedBytes),
      filesDone: this.#filesDone,
      filesTotal: this.#filesTotal,
    });
  }
}

function offlineError(missing: readonly Want[]): ToolError {
  const names = missing
    .slice(0, 5)
    .map(want => want.name)
    .join(', ');
  const more = missing.length > 5 ? ` and ${missing.length - 5} more` : '';
  return new ToolError(`fetching ${names}${more}: not in the store, and the network must not be used`, {
    code: 'FETCH_OFFLINE',
    kind: 'unavailable',
    hint: 'run once without --offline',
  });
}
