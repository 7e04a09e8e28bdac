import { StringDecoder } from 'node:string_decoder';
import { ToolError } from '../../shared/errors.ts';

/** Output kept for `text`; what is older is dropped. */
const KEPT_CHARACTERS = 4 * 1024 ** 2;
/** A line longer than this is cut: firmware draws screens without a newline. */
const LINE_CHARACTERS = 16 * 1024;

interface Waiter {
  readonly pattern: RegExp;
  readonly found: (match: RegExpExecArray) => void;
}

/**
 * What a machine writes to its serial line, as lines of text without control sequences. Lines that have
 * come already are searched too, so that a wait may begin late.
 */
export class ConsoleLog {
  readonly #decoder = new StringDecoder('utf8');
  readonly #lines: string[] = [];
  readonly #waiters = new Set<Waiter>();
  #length = 0;
  #open = '';

  add(bytes: Uint8Array): void {
    const parts = (this.#open + this.#decoder.write(Buffer.from(bytes))).split('\n');
    this.#open = parts.pop() ?? '';
    for (const part of parts) this.#addLine(part);
    if (this.#open.length > LINE_CHARACTERS) {
      this.#addLine(this.#open);
      this.#open = '';
    }
    // A prompt stands on a line that is not finished.
    for (const waiter of this.#waiters) this.#offer(waiter, cleanLine(this.#open));
  }

  /** All that is kept, control sequences removed. */
  get text(): string {
    return [...this.#lines, cleanLine(this.#open)].join('\n');
  }

  /** The last `count` lines that are not empty, for messages. */
  tail(count: number): string[] {
    return this.text
      .split('\n')
      .filter(line => line.trim() !== '')
      .slice(-count);
  }

  /**
   * The first line, past or to come, that matches. Rejects with `signal`'s reason; the caller sets a
   * time limit and watches for the machine's end through it.
   */
  waitForLine(pattern: RegExp, signal: AbortSignal): Promise<RegExpExecArray> {
    for (const line of [...this.#lines, cleanLine(this.#open)]) {
      const match = pattern.exec(line);
      if (match) return Promise.resolve(match);
    }
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const onAbort = (): void => reject(signal.reason as Error);
    const waiter: Waiter = { pattern, found: resolve };
    this.#waiters.add(waiter);
    signal.addEventListener('abort', onAbort, { once: true });
    return promise.finally(() => {
      this.#waiters.delete(waiter);
      signal.removeEventListener('abort', onAbort);
    });
  }

  #addLine(raw: string): void {
    const line = cleanLine(raw);
    this.#lines.push(line);
    this.#length += line.length + 1;
    while (this.#length > KEPT_CHARACTERS) this.#length -= (this.#lines.shift()?.length ?? 0) + 1;
    for (const waiter of this.#waiters) this.#offer(waiter, line);
  }

  #offer(waiter: Waiter, line: string): void {
    const match = waiter.pattern.exec(line);
    if (match) waiter.found(match);
  }
}

// Sequences of ECMA-48 and the older two-character ones.
// eslint-disable-next-line no-control-regex
const SEQUENCES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** A line without escape sequences and control characters. */
export function cleanLine(line: string): string {
  return line.replaceAll(SEQUENCES, '').replaceAll(CONTROLS, '');
}

/** What the line `[ready] …` says (design 2.4). */
export interface ReadyLine {
  readonly line: string;
  readonly name: string;
  readonly version: string;
  readonly servicesUp: number;
  readonly servicesTotal: number;
  readonly failed: readonly string[];
  readonly uptimeSeconds: number;
}

/** Matches the ready line, wherever on a line of the console it begins. */
export const READY_PATTERN =
  /\[ready\] (?<name>\S+) (?<version>\S+) services=(?<up>\d+)\/(?<total>\d+) failed=(?<failed>\S*) uptime=(?<uptime>\d+\.\d+)s/;

/** Reads a match of READY_PATTERN. */
export function parseReadyLine(match: RegExpExecArray): ReadyLine {
  const { name, version, up, total, failed, uptime } = match.groups ?? {};
  if (name === undefined || version === undefined) {
    throw new ToolError(`malformed ready line "${match[0]}"`, { code: 'VM_READY_LINE', kind: 'integrity' });
  }
  return {
    line: match[0],
    name,
    version,
    servicesUp: Number(up),
    servicesTotal: Number(total),
    failed: (failed ?? '').split(',').filter(Boolean),
    uptimeSeconds: Number(uptime),
  };
}
