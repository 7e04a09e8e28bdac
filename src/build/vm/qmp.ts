import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { ToolError } from '../../shared/errors.ts';

interface Reply {
  readonly QMP?: unknown;
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
  readonly event?: string;
}

/**
 * QEMU's control protocol (QMP) on a stream. `ready` is fulfilled after the handshake and rejected with
 * VM_CONTROL_FAILED when the stream ends before.
 */
export class Qmp {
  readonly ready: Promise<void>;
  readonly #stream: Duplex;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #nextId = 1;

  constructor(stream: Duplex) {
    this.#stream = stream;
    const greeting = Promise.withResolvers<undefined>();
    const lines = createInterface({ input: stream });
    lines.on('line', line => {
      const reply = parseReply(line);
      if (reply.QMP !== undefined) greeting.resolve(undefined);
      const waiting = reply.id === undefined ? undefined : this.#waiting.get(reply.id);
      if (reply.id === undefined || waiting === undefined) return;
      this.#waiting.delete(reply.id);
      if (reply.error) waiting.reject(failed(`QEMU said ${reply.error.desc}`));
      else waiting.resolve(reply.return);
    });
    // A reset of the stream is its end.
    lines.on('error', () => lines.close());
    lines.on('close', () => {
      const ended = failed('QEMU has ended');
      greeting.reject(ended);
      for (const waiting of this.#waiting.values()) waiting.reject(ended);
      this.#waiting.clear();
    });
    this.ready = greeting.promise.then(async () => {
      await this.execute('qmp_capabilities');
    });
    // Nobody may be waiting for it when QEMU ends early.
    this.ready.catch(() => undefined);
  }

  /** Runs a command, e.g. `system_powerdown`. Throws VM_CONTROL_FAILED. */
  execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#stream.destroyed || !this.#stream.writable) return Promise.reject(failed('QEMU has ended'));
    const id = this.#nextId++;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#stream.write(`${JSON.stringify({ execute: command, id, ...(args ? { arguments: args } : {}) })}\n`);
    return waiting.promise;
  }
}

function parseReply(line: string): Reply {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function failed(why: string): ToolError {
  return new ToolError(`controlling the virtual machine: ${why}`, {
    code: 'VM_CONTROL_FAILED',
    kind: 'environment',
  });
}
