import type { ContainerCreateRequest } from '../engine-api/wire.ts';

/** One tagged union instead of Docker's independent booleans; formatted to Docker's fields at the API. */
export type ContainerStatus =
  'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export interface ContainerSummary {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly status: ContainerStatus;
  /** Process id of the container's first process; 0 when not running. */
  readonly pid: number;
  readonly exitCode: number;
  readonly restartCount: number;
  /** Stopped or killed on request: no restart follows. */
  readonly stopRequested: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Why it could not start, in one line. */
  readonly error?: string;
}

export interface EngineEvent {
  readonly action:
    | 'create'
    | 'start'
    | 'die'
    | 'restart-scheduled'
    | 'gave-up'
    | 'stop'
    | 'kill'
    | 'destroy'
    | 'oom'
    | 'attach'
    | 'detach'
    | 'pause'
    | 'unpause'
    | 'rename'
    | 'update'
    | 'health_status'
    | 'archive-path'
    | 'extract-to-dir'
    | 'export'
    | 'commit'
    | 'restart'
    | 'resize'
    | 'top'
    | 'exec_create'
    | 'exec_start'
    | 'exec_detach'
    | 'exec_die';
  /** What Docker says besides name, image and labels; `detail` is what follows the action there. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly container: ContainerSummary;
  readonly timeMs: number;
}

export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  readonly timeMs: number;
  readonly text: string;
  /** The line goes on in the next record. */
  readonly partial: boolean;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The engine as its clients see it: the planner and cloud-init in the same process (direct transport),
 * `ros` and others over the socket. Errors are ToolErrors with Docker's sentences.
 */
export interface EngineClient {
  create(name: string, request: ContainerCreateRequest): Promise<string>;
  /** Resolves once the container's process runs; throws if it can't be started. */
  start(nameOrId: string): Promise<void>;
  /** Sends the stop signal, then SIGKILL after the grace; resolves when it has exited. No restart follows. */
  stop(nameOrId: string, graceMs?: number): Promise<void>;
  kill(nameOrId: string, signal: string): Promise<void>;
  remove(nameOrId: string, options?: { readonly force?: boolean }): Promise<void>;
  inspect(nameOrId: string): Promise<ContainerSummary>;
  list(): Promise<ContainerSummary[]>;
  /** Resolves with the exit code when the container is not running (any more) and no restart is due. */
  wait(nameOrId: string, signal?: AbortSignal): Promise<number>;
  /** Lines already there, then new ones while `follow`; ends on abort. */
  logs(
    nameOrId: string,
    options: { readonly follow?: boolean; readonly tail?: number; readonly signal?: AbortSignal },
  ): AsyncIterable<LogLine>;
  /** Runs a command in a running container without a terminal, output kept up to 1 MiB. */
  exec(
    nameOrId: string,
    command: readonly string[],
    options?: { readonly timeoutMs?: number },
  ): Promise<ExecResult>;
  /** Every event from now on; ends on abort. */
  events(signal: AbortSignal): AsyncIterable<EngineEvent>;
}
