import { invalidParameter } from '../docker-errors.ts';

/** ctrl-p, ctrl-q */
const DEFAULT_KEYS = Buffer.from([16, 17]);
const MAX_TEXT = 256;
const CONTROL = '@abcdefghijklmnopqrstuvwxyz[\\]^_';

/**
 * Parses `ctrl-p,ctrl-q` or `ctrl-a,x`: the keys that leave a terminal and let its program go on; nothing
 * means ctrl-p ctrl-q. Throws ENGINE_INVALID_PARAMETER with Docker's sentence.
 * @param word what that sentence calls them
 */
export function parseDetachKeys(text: string, word: 'detach' | 'escape' = 'detach'): Buffer {
  if (text === '') return DEFAULT_KEYS;
  const keys = text.length > MAX_TEXT ? [] : text.split(',').map(parseKey);
  const known = keys.filter(key => key !== undefined);
  if (keys.length === 0 || known.length < keys.length) {
    throw invalidParameter(`Invalid ${word} keys (${text.slice(0, MAX_TEXT)}) provided`);
  }
  return Buffer.concat(known);
}

function parseKey(word: string): Buffer | undefined {
  if (word === 'DEL') return Buffer.from([127]);
  const control = /^ctrl-(.)$/.exec(word)?.[1];
  if (control !== undefined) {
    const code = CONTROL.indexOf(control);
    return code < 0 ? undefined : Buffer.from([code]);
  }
  const key = Buffer.from(word);
  return key.length === 1 ? key : undefined;
}

/** Finds the detach keys in what is typed, also when they come one by one. */
export class DetachScanner {
  readonly #keys: Buffer;
  /** How many of the keys came so far; they are held back until it is clear what they mean. */
  #matched = 0;

  /** @param keys none for input that is no typing */
  constructor(keys: Buffer) {
    this.#keys = keys;
  }

  /** What of a chunk, and of what was held back, is input; `isDetached` once the keys were complete. */
  push(chunk: Buffer): { readonly data: Buffer; readonly isDetached: boolean } {
    if (this.#keys.length === 0) return { data: chunk, isDetached: false };
    if (this.#matched === 0 && !chunk.includes(this.#keys[0] ?? 0)) return { data: chunk, isDetached: false };
    const held = this.#keys.subarray(0, this.#matched);
    const data = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    // A match that failed may hide the beginning of the next, so each is looked for from its own place.
    for (let at = 0; at < data.length; at += 1) {
      const rest = data.subarray(at, at + this.#keys.length);
      if (!rest.equals(this.#keys.subarray(0, rest.length))) continue;
      if (rest.length === this.#keys.length) return { data: data.subarray(0, at), isDetached: true };
      this.#matched = rest.length;
      return { data: data.subarray(0, at), isDetached: false };
    }
    this.#matched = 0;
    return { data, isDetached: false };
  }
}
