import { randomBytes } from 'node:crypto';
import { noSuchExec } from '../docker-errors.ts';

/** What is to be run inside a container. */
export interface ExecConfig {
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly attachStdin: boolean;
  readonly attachStdout: boolean;
  readonly attachStderr: boolean;
  readonly env: readonly string[];
  readonly detachKeys?: string;
  /** `user[:group]`; undefined is the container's own. */
  readonly user?: string;
  readonly cwd?: string;
  readonly privileged: boolean;
  /** Rows and columns of the terminal at its start. */
  readonly size?: { readonly rows: number; readonly columns: number };
}

export type ExecState =
  | { readonly status: 'created' }
  | { readonly status: 'running'; readonly pid: number }
  | { readonly status: 'exited'; readonly exitCode: number; readonly pid: number };

/** One exec of a container; it ends with the engine. */
export interface ExecRecord {
  readonly id: string;
  readonly containerId: string;
  readonly config: ExecConfig;
  state: ExecState;
  /** While it runs with a terminal: gives the terminal another size. */
  resize?: (rows: number, columns: number) => void;
}

/** Ended ones that can still be inspected, of one container and of all. */
const MAX_ENDED = 64;
const MAX_ENDED_OF_ALL = 1024;
/** Created ones that were never started are forgotten beyond this many. */
const MAX_IDLE = 256;

/** The execs of all containers. */
export class ExecTable {
  readonly #records = new Map<string, ExecRecord>();

  create(containerId: string, config: ExecConfig): ExecRecord {
    const id = randomBytes(32).toString('hex');
    const record: ExecRecord = { id, containerId, config, state: { status: 'created' } };
    this.#records.set(id, record);
    this.#forget(({ state }) => state.status === 'created', MAX_IDLE);
    return record;
  }

  /** Throws EXEC_NOT_FOUND. */
  get(id: string): ExecRecord {
    const record = this.#records.get(id);
    if (record === undefined) throw noSuchExec(id);
    return record;
  }

  /** Ids of those that belong to a container and have not ended. */
  ofContainer(containerId: string): string[] {
    return [...this.#records.values()]
      .filter(record => record.containerId === containerId && record.state.status === 'running')
      .map(record => record.id);
  }

  /** Notes the pid of one that still runs; an end that came first stays. */
  notePid(record: ExecRecord, pid: number): void {
    if (record.state.status === 'running') record.state = { status: 'running', pid };
  }

  ended(record: ExecRecord, exitCode: number): void {
    const pid = record.state.status === 'running' ? record.state.pid : 0;
    record.state = { status: 'exited', exitCode, pid };
    delete record.resize;
    const hasEnded = ({ state }: ExecRecord): boolean => state.status === 'exited';
    this.#forget(other => hasEnded(other) && other.containerId === record.containerId, MAX_ENDED);
    this.#forget(hasEnded, MAX_ENDED_OF_ALL);
  }

  /** Forgets one that has ended; it can't be inspected any more. */
  forget(id: string): void {
    if (this.#records.get(id)?.state.status !== 'running') this.#records.delete(id);
  }

  #forget(isMeant: (record: ExecRecord) => boolean, keep: number): void {
    const meant = [...this.#records.values()].filter(isMeant);
    for (const { id } of meant.slice(0, -keep)) this.#records.delete(id);
  }
}
