import { CommandFailure } from '../failure.ts';

const DEFAULT_KEYS = 'ctrl-p,ctrl-q';

/** The bytes of a key sequence such as `ctrl-p,ctrl-q` or `a,b`. Throws CommandFailure. */
export function parseDetachKeys(text: string | undefined): Buffer {
  const keys = text === undefined || text === '' ? DEFAULT_KEYS : text;
  return Buffer.from(
    keys.split(',').map(key => {
      const control = /^ctrl-([a-zA-Z@[\\\]^_])$/i.exec(key)?.[1];
      if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f;
      if (key === 'DEL') return 127;
      if (Buffer.byteLength(key) !== 1) throw new CommandFailure(1, `Unknown character: '${key}'`);
      return key.charCodeAt(0);
    }),
  );
}

/** Looks for the key sequence in what is typed; what may become it is held back until it does not. */
export class DetachScanner {
  readonly #keys: Buffer;
  #matched = 0;

  constructor(keys: Buffer) {
    this.#keys = keys;
  }

  /** What may be sent on, and whether the sequence is complete: what follows it is dropped. */
  scan(chunk: Buffer): { readonly data: Buffer; readonly isDetached: boolean } {
    const output: number[] = [];
    for (const byte of chunk) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched += 1;
        if (this.#matched === this.#keys.length) return { data: Buffer.from(output), isDetached: true };
        continue;
      }
      if (this.#matched > 0) output.push(...this.#keys.subarray(0, this.#matched));
      this.#matched = 0;
      if (byte === this.#keys[0] && this.#keys.length > 1) this.#matched = 1;
      else output.push(byte);
    }
    return { data: Buffer.from(output), isDetached: false };
  }
}
