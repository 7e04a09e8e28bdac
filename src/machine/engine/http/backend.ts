import type { Readable, Writable } from 'node:stream';
import type { ContainerListItem, ExecInspectBody, VersionBody } from '../../engine-api/bodies.ts';
import type { StdStream } from '../../engine-api/stdcopy.ts';

/**
 * What the HTTP server needs of the engine. Every method throws ToolErrors with Docker's sentences.
 */
export interface Backend {
  readonly system: SystemBackend;
  readonly containers: ContainerBackend;
  readonly execs: ExecBackend;
}

export interface SystemBackend {
  version(): Promise<VersionBody>;
  info(): Promise<Readonly<Record<string, unknown>>>;
  /** Docker's event messages from now on; ends on abort. */
  events(filters: Filters, signal: AbortSignal): AsyncIterable<Readonly<Record<string, unknown>>>;
}

/** Docker's `filters` parameter: several values of one key are alternatives, except labels. */
export type Filters = ReadonlyMap<string, readonly string[]>;

export interface ListOptions {
  readonly all: boolean;
  /** 0 is no limit; with one, containers that do not run count as well. */
  readonly limit: number;
  readonly filters: Filters;
}

export interface LogOptions {
  readonly follow: boolean;
  readonly tail?: number;
  readonly signal: AbortSignal;
}

export interface LogPiece {
  readonly stream: StdStream;
  readonly timeNs: bigint;
  readonly text: Buffer;
  readonly partial: boolean;
}

export interface ContainerBackend {
  list(options: ListOptions): ContainerListItem[];
  inspect(nameOrId: string): Readonly<Record<string, unknown>>;
  /** Whether it has a terminal, so that its output is one unframed stream. */
  hasTerminal(nameOrId: string): boolean;
  logs(nameOrId: string, options: LogOptions): AsyncIterable<LogPiece>;
  start(nameOrId: string): Promise<void>;
  stop(nameOrId: string, graceMs: number | undefined): Promise<void>;
  restart(nameOrId: string, graceMs: number | undefined): Promise<void>;
  kill(nameOrId: string, signal: string): Promise<void>;
  wait(nameOrId: string, condition: WaitCondition, signal: AbortSignal): Promise<number>;
  remove(nameOrId: string, force: boolean): Promise<void>;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface ExecRequest {
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly attachStdin: boolean;
  readonly attachStdout: boolean;
  readonly attachStderr: boolean;
  readonly env: readonly string[];
  readonly privileged: boolean;
  readonly user?: string;
  readonly cwd?: string;
  readonly size?: { readonly rows: number; readonly columns: number };
}

export interface ExecStreams {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable | undefined;
  readonly exitCode: Promise<number>;
}

export interface ExecBackend {
  create(nameOrId: string, request: ExecRequest): string;
  start(id: string): Promise<ExecStreams>;
  inspect(id: string): ExecInspectBody & Readonly<Record<string, unknown>>;
  resize(id: string, rows: number, columns: number): void;
  hasTerminal(id: string): boolean;
}
