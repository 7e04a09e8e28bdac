import type { Writable } from 'node:stream';
import { ToolError, messageOf } from '../../../shared/errors.ts';
import type { Reply } from './exchange.ts';

/** What is told of a long operation; fields as on the wire. */
export interface ProgressBody {
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly stream?: string;
  readonly aux?: unknown;
}

/** A client that lets this much pile up gets only the newest state of each layer. */
const MAX_BEHIND_BYTES = 256 * 1024;
const BAR = 50;

/**
 * An answer of JSON messages, one a line. It begins with the first of them: a fault before is an ordinary refusal,
 * one after is a message itself.
 */
export class ProgressStream {
  readonly #reply: Reply;
  readonly #contentType: string;
  readonly #late = new Map<string, ProgressBody>();
  #output: Writable | undefined;

  constructor(reply: Reply, contentType = 'application/json') {
    this.#reply = reply;
    this.#contentType = contentType;
  }

  /** Sends a message; how far something has come may be left out for a client that does not keep up. */
  readonly send = (message: ProgressBody): void => {
    const output = this.#begin();
    if (output.destroyed || output.writableEnded) return;
    const isPassing = message.progressDetail?.current !== undefined && message.id !== undefined;
    if (isPassing && output.writableLength > MAX_BEHIND_BYTES) {
      if (this.#late.size === 0) output.once('drain', () => this.#flush());
      this.#late.set(message.id, message);
      return;
    }
    if (message.id !== undefined) this.#late.delete(message.id);
    output.write(format(message));
  };

  /** Begins the answer before there is anything to tell: from now on no fault is a refusal. */
  begin(): void {
    this.#begin();
  }

  /** Runs the operation and ends the answer. Throws only what was thrown before the answer began. */
  async run(operation: () => Promise<void>): Promise<void> {
    try {
      await operation();
      this.#begin();
    } catch (error) {
      if (this.#output === undefined) throw error;
      const message = messageOf(error);
      this.#output.write(`${JSON.stringify({ errorDetail: { message }, error: message })}\r\n`);
      // A fault of ours belongs into the log as well.
      if (!(error instanceof ToolError)) throw error;
    } finally {
      this.#late.clear();
      this.#output?.end();
    }
  }

  #begin(): Writable {
    this.#output ??= this.#reply.stream(200, this.#contentType);
    return this.#output;
  }

  #flush(): void {
    const messages = [...this.#late.values()];
    this.#late.clear();
    for (const message of messages) this.send(message);
  }
}

function format(message: ProgressBody): string {
  const bar = formatBar(message.progressDetail);
  return `${JSON.stringify(bar === undefined ? message : { ...message, progress: bar })}\r\n`;
}

/** The bar that older clients show as it comes: `[===>   ]  1.2MB/3.4MB`. */
function formatBar(detail: ProgressBody['progressDetail']): string | undefined {
  const { current, total } = detail ?? {};
  if (current === undefined || current <= 0) return undefined;
  const amount = formatAmount(current).padStart(8);
  if (total === undefined || total <= 0 || current > total) return amount;
  const done = Math.min(BAR, Math.floor((current / total) * BAR));
  const rest = BAR - done;
  const bar = `[${'='.repeat(done)}>${' '.repeat(Math.max(0, rest - 1))}]`;
  return `${bar} ${amount}/${formatAmount(total)}`;
}

/** Docker's human size: four digits, powers of 1000. */
function formatAmount(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${String(Number(value.toPrecision(4)))}${units[unit] ?? ''}`;
}
