import { ToolError } from '../../src/shared/errors.ts';
import type {
  ContainerSummary,
  EngineClient,
  EngineEvent,
  LogLine,
} from '../../src/machine/engine-client/engine-client.ts';
import type { ContainerCreateRequest } from '../../src/machine/engine-api/wire.ts';

/** An engine that only keeps books, for tests of its clients; a test makes containers exit and log. */
export class MemoryEngine implements EngineClient {
  /** Every call that changes something, such as `start a`, in order. */
  readonly calls: string[] = [];
  readonly containers = new Map<string, ContainerSummary>();
  /** Names whose start fails, with the sentence. */
  readonly startFailures = new Map<string, string>();
  /** Names that exit with a code as soon as they are started. */
  readonly exits = new Map<string, number>();
  readonly logLines = new Map<string, LogLine[]>();
  readonly requests = new Map<string, ContainerCreateRequest>();
  /** Stops that wait until the test releases them. */
  readonly heldStops = new Map<string, Promise<void>>();
  /** Process of a container -> process whose network it joined. */
  readonly joined = new Map<number, number>();
  readonly #listeners = new Set<(event?: EngineEvent) => void>();
  #lastPid = 0;

  async create(name: string, request: ContainerCreateRequest): Promise<string> {
    if (this.containers.has(name)) throw new ToolError(`Conflict: ${name}`, { code: 'X', kind: 'conflict' });
    this.calls.push(`create ${name}`);
    this.requests.set(name, request);
    this.containers.set(name, {
      id: name,
      name,
      image: request.Image,
      imageId: '',
      status: 'created',
      pid: 0,
      exitCode: 0,
      restartCount: 0,
      stopRequested: false,
      labels: request.Labels ?? {},
    });
    return name;
  }

  async start(name: string): Promise<void> {
    this.calls.push(`start ${name}`);
    const failure = this.startFailures.get(name);
    if (failure !== undefined) throw new ToolError(failure, { code: 'X', kind: 'environment' });
    const mode = this.requests.get(name)?.HostConfig?.NetworkMode ?? '';
    const owner = mode.startsWith('container:')
      ? this.containers.get(mode.slice('container:'.length))
      : undefined;
    if (owner?.pid === 0) throw new ToolError('cannot join network', { code: 'X', kind: 'conflict' });
    this.#lastPid += 1;
    if (owner !== undefined) this.joined.set(this.#lastPid, owner.pid);
    this.#change(name, { status: 'running', pid: this.#lastPid, stopRequested: false }, 'start');
    const code = this.exits.get(name);
    if (code !== undefined) this.exit(name, code);
  }

  /** The container's process ends for good. */
  exit(name: string, exitCode: number, action: 'die' | 'gave-up' = 'die'): void {
    this.#change(name, { status: 'exited', pid: 0, exitCode }, action);
  }

  /** The container's process ends, after it has run for some time, and a restart is due. */
  crash(name: string, exitCode: number, ranMs = 1): void {
    const attributes = { execDuration: String(Math.floor(ranMs / 1000)) };
    this.#change(name, { status: 'restarting', pid: 0, exitCode }, 'die', attributes);
  }

  /** The engine's own restart of a container that ended. */
  restart(name: string): void {
    this.#lastPid += 1;
    const restartCount = (this.containers.get(name)?.restartCount ?? 0) + 1;
    this.#change(name, { status: 'running', pid: this.#lastPid, restartCount }, 'start');
  }

  async stop(name: string): Promise<void> {
    this.calls.push(`stop ${name}`);
    await this.heldStops.get(name);
    this.#change(name, { status: 'exited', pid: 0, stopRequested: true }, 'stop');
    this.calls.push(`stopped ${name}`);
  }

  async kill(name: string): Promise<void> {
    this.calls.push(`kill ${name}`);
    this.#change(name, { status: 'exited', pid: 0, exitCode: 137, stopRequested: true }, 'die');
  }

  async remove(name: string): Promise<void> {
    if (!this.containers.delete(name))
      throw new ToolError('No such container', { code: 'X', kind: 'not-found' });
    this.calls.push(`remove ${name}`);
  }

  async inspect(name: string): Promise<ContainerSummary> {
    const found = this.containers.get(name);
    if (found === undefined) throw new ToolError('No such container', { code: 'X', kind: 'not-found' });
    return found;
  }

  async list(): Promise<ContainerSummary[]> {
    return [...this.containers.values()];
  }

  async wait(name: string, signal?: AbortSignal): Promise<number> {
    for (;;) {
      signal?.throwIfAborted();
      const found = await this.inspect(name);
      if (found.status === 'exited') return found.exitCode;
      await this.#changed(signal);
    }
  }

  async *logs(name: string, options: { readonly signal?: AbortSignal }): AsyncGenerator<LogLine> {
    for (let at = 0; ;) {
      const lines = this.logLines.get(name) ?? [];
      for (const line of lines.slice(at)) yield line;
      at = lines.length;
      await this.#changed(options.signal);
    }
  }

  /** Adds to the log of a container. */
  log(name: string, text: string, partial = false): void {
    const lines = this.logLines.get(name) ?? [];
    lines.push({ stream: 'stdout', timeMs: 0, text, partial });
    this.logLines.set(name, lines);
    for (const listener of [...this.#listeners]) listener();
  }

  async exec() {
    return { exitCode: 0, stdout: '', stderr: '' };
  }

  async *events(signal: AbortSignal): AsyncGenerator<EngineEvent> {
    const queue: EngineEvent[] = [];
    const listener = (event?: EngineEvent): void => {
      if (event) queue.push(event);
    };
    this.#listeners.add(listener);
    try {
      for (;;) {
        for (let event = queue.shift(); event; event = queue.shift()) yield event;
        await this.#changed(signal);
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }

  #change(
    name: string,
    change: Partial<ContainerSummary>,
    action: EngineEvent['action'],
    attributes: EngineEvent['attributes'] = {},
  ): void {
    const known = this.containers.get(name);
    if (known === undefined) throw new Error(`no container ${name}`);
    const container = { ...known, ...change };
    this.containers.set(name, container);
    for (const listener of [...this.#listeners]) listener({ action, container, attributes, timeMs: 0 });
  }

  #changed(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (end: () => void) => () => {
        this.#listeners.delete(onChange);
        signal?.removeEventListener('abort', onAbort);
        end();
      };
      const onChange = done(resolve);
      const onAbort = done(() => reject(signal?.reason as Error));
      this.#listeners.add(onChange);
      signal?.addEventListener('abort', onAbort);
      if (signal?.aborted) onAbort();
    });
  }
}
