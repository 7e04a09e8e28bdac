import { EventEmitter, once } from 'node:events';
import type { ServiceHost } from '../../src/machine/services/pods.ts';
import type { MemoryEngine } from './memory-engine.ts';

/** A machine for tests of the planner: a test says when a service speaks and what is reached inside of containers. */
export class FakeHost implements ServiceHost {
  /** Services that are listened to. */
  readonly listening = new Set<string>();
  /** `PID HOST:PORT` and `PID URL` that answer. */
  readonly reachable = new Set<string>();
  readonly #engine: Pick<MemoryEngine, 'joined'>;
  readonly #said = new EventEmitter();
  readonly #ready = new Set<string>();

  constructor(engine: Pick<MemoryEngine, 'joined'>) {
    this.#engine = engine;
  }

  /** The service sends READY=1; lost where nobody listens. */
  say(name: string): void {
    if (!this.listening.has(name)) return;
    this.#ready.add(name);
    this.#said.emit(name);
  }

  async listen(name: string, fresh: boolean): Promise<void> {
    if (fresh) this.#ready.delete(name);
    this.listening.add(name);
  }

  async unlisten(name: string): Promise<void> {
    this.listening.delete(name);
  }

  async untilNotified(name: string, signal: AbortSignal): Promise<void> {
    if (!this.#ready.has(name)) await once(this.#said, name, { signal });
  }

  async probePort(pid: number, host: string, port: number): Promise<boolean> {
    return this.reachable.has(`${pid} ${host}:${port}`);
  }

  async probeUrl(pid: number, url: string): Promise<boolean> {
    return this.reachable.has(`${pid} ${url}`);
  }

  sharesPod(pid: number, other: number): boolean {
    return this.#engine.joined.get(other) === pid;
  }
}
