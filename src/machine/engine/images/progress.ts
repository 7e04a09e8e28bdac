/** What an operation on images says while it goes on; fields as Docker's clients read them. */
export interface ProgressMessage {
  readonly status?: string;
  /** Which layer or tag is meant; a later message of the same id replaces an earlier one on the client's screen. */
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  /** A line of text. */
  readonly stream?: string;
  /** What programs read. */
  readonly aux?: unknown;
}

/** Gets messages in order; must not throw and does not wait. */
export type Progress = (message: ProgressMessage) => void;

/** Nobody is told. */
export const NO_PROGRESS: Progress = () => undefined;

/** A layer's name in messages: the first twelve digits of a digest. */
export function shortId(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

/** Not more often than this is told how far a layer has come. */
const INTERVAL_MS = 100;

/** Counts bytes of one layer and tells how far it has come, ten times a second at most. */
export function byteCounter(
  progress: Progress,
  status: string,
  id: string,
  total: number,
  clock: () => number = () => performance.now(),
): (current: number) => void {
  let last = -Infinity;
  return current => {
    const now = clock();
    if (now - last < INTERVAL_MS) return;
    last = now;
    progress({ status, id, progressDetail: total > 0 ? { current, total } : { current } });
  };
}

/** Passes bytes on and tells how many there were. */
export async function* countBytes(
  source: AsyncIterable<Uint8Array>,
  onBytes: (total: number) => void,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const piece of source) {
    total += piece.length;
    onBytes(total);
    yield piece;
  }
}

/** Says that an image does not last, on a machine that has no state. */
export function warnIfInMemory(store: { readonly isDurable: boolean }, progress: Progress): void {
  if (store.isDurable) return;
  progress({ status: 'Warning: this machine has no state; the image is kept in memory until it goes down' });
}
