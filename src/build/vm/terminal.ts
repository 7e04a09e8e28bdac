import type { Readable } from 'node:stream';

const CTRL_A = 0x01;

/** The part of a terminal's input stream that is used. */
export interface TerminalInput extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(mode: boolean): unknown;
}

/**
 * Finds Ctrl-A in what is typed: Ctrl-A X leaves, Ctrl-A Ctrl-A types one Ctrl-A, Ctrl-A and any other
 * key types both. Keeps what it saw between calls.
 */
export class EscapeFilter {
  #escaped = false;

  /** The bytes to pass on, and whether to leave. */
  filter(bytes: Uint8Array): { readonly pass: Uint8Array; readonly leave: boolean } {
    const pass: number[] = [];
    for (const byte of bytes) {
      if (this.#escaped) {
        this.#escaped = false;
        if (byte === 0x58 || byte === 0x78) return { pass: Uint8Array.from(pass), leave: true };
        pass.push(CTRL_A);
        if (byte !== CTRL_A) pass.push(byte);
      } else if (byte === CTRL_A) this.#escaped = true;
      else pass.push(byte);
    }
    return { pass: Uint8Array.from(pass), leave: false };
  }
}

/**
 * Connects a keyboard: every key goes to `type`, also Ctrl-C, until disposed of. The terminal is put
 * back as it was, also when this process ends.
 */
export function attachTerminal(
  input: TerminalInput,
  handlers: { readonly type: (bytes: Uint8Array) => void; readonly leave: () => void },
): Disposable {
  const filter = new EscapeFilter();
  const onData = (bytes: Uint8Array): void => {
    const { pass, leave } = filter.filter(bytes);
    if (pass.length > 0) handlers.type(pass);
    if (leave) handlers.leave();
  };
  const restore = (): void => {
    if (input.isTTY) input.setRawMode?.(false);
  };
  if (input.isTTY) input.setRawMode?.(true);
  process.once('exit', restore);
  input.on('data', onData);
  input.resume();
  return {
    [Symbol.dispose](): void {
      input.off('data', onData);
      input.pause();
      process.off('exit', restore);
      restore();
    },
  };
}
