import { setTimeout as delay } from 'node:timers/promises';
import { type Attempt, fetchError } from './fetch-error.ts';
import { FetchFault, type HttpClient } from './http-client.ts';

export interface DocumentOptions {
  readonly http: HttpClient;
  readonly signal: AbortSignal;
  readonly maxBytes: number;
  readonly stallMs: number;
  readonly retryDelaysMs: readonly number[];
}

/** A small file whose hash is not known beforehand, and the address it came from. */
export interface FetchedDocument {
  readonly url: string;
  readonly bytes: Uint8Array;
}

/**
 * Gets a small file (a signed index) from the first address that has it. Throws FETCH_NOT_FOUND,
 * FETCH_FAILED, or the signal's reason.
 */
export async function fetchDocument(
  name: string,
  urls: readonly string[],
  options: DocumentOptions,
): Promise<FetchedDocument> {
  const attempts: Attempt[] = [];
  for (const url of urls) {
    for (let attempt = 0; ; attempt++) {
      try {
        return { url, bytes: await readBounded(url, options) };
      } catch (error) {
        options.signal.throwIfAborted();
        if (!(error instanceof FetchFault)) throw error;
        const pause = options.retryDelaysMs[attempt];
        if (error.kind !== 'network' || pause === undefined) {
          attempts.push({ url, kind: error.kind, message: error.message });
          break;
        }
        await delay(pause, undefined, { signal: options.signal }).catch(() =>
          options.signal.throwIfAborted(),
        );
      }
    }
  }
  throw fetchError(name, attempts, 'name another source with --mirror');
}

async function readBounded(url: string, options: DocumentOptions): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let received = 0;
  for await (const piece of options.http.get(url, options)) {
    received += piece.length;
    if (received > options.maxBytes) throw new FetchFault('refused', `more than ${options.maxBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
