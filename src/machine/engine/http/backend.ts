import type { Readable, Writable } from 'node:stream';
import type { ContainerListItem, ExecInspectBody, VersionBody } from '../../engine-api/bodies.ts';
import type { StdStream } from '../../engine-api/stdcopy.ts';
import type { AttachBackend } from './attach-handlers.ts';
import type { LifecycleBackend } from './lifecycle-handlers.ts';
import type { FileBackend } from './file-handlers.ts';
import type { ImageBackend } from './image-handlers.ts';
import type { TransferBackend } from './transfer-handlers.ts';
import type { NetworkBackend } from './network-handlers.ts';
import type { VolumeBackend } from './volume-handlers.ts';

/**
 * What the HTTP server needs of the engine. Every method throws ToolErrors with Docker's sentences.
 */
export interface Backend {
  readonly system: SystemBackend;
  readonly containers: ContainerBackend;
  readonly lifecycle: LifecycleBackend;
  readonly attach: AttachBackend;
  readonly execs: ExecBackend;
  readonly files: FileBackend;
  readonly images: ImageBackend;
  readonly transfers: TransferBackend;
  readonly volumes: VolumeBackend;
  readonly networks: NetworkBackend;
}

/** Brings it here when it is first asked for; later calls answer the same. */
export type LoadBackend = () => Promise<Backend>;

export interface SystemBackend {
  version(): Promise<VersionBody>;
  info(): Promise<Readonly<Record<string, unknown>>>;
  /** Docker's event messages of the range, else from now on; ends with it or on abort. */
  events(
    range: { readonly sinceNs?: bigint; readonly untilNs?: bigint },
    filters: Filters,
    signal: AbortSignal,
  ): AsyncIterable<object>;
  /** @param types `container`, `image`, `volume`, `build-cache`; what is not among them is null */
  diskUsage(types: readonly string[], version: string): Promise<object>;
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

/** Output of a container while it is read; disposing of it lets go of the log. */
export interface OutputReading extends Disposable {
  /** Pieces in order, many at a time. Throws LOG_READER_TOO_SLOW. */
  readonly batches: AsyncIterable<readonly LogPiece[]>;
  /** Aborted with LOG_READER_TOO_SLOW once the reader is too far behind, also while it waits for its client. */
  readonly cutOff: AbortSignal;
}

export interface LogPiece {
  readonly stream: StdStream;
  readonly timeNs: bigint;
  readonly text: Buffer;
  readonly textBytes: number;
  readonly partial: boolean;
  copyText(target: Buffer, at: number): void;
}

export interface ContainerBackend {
  list(options: ListOptions): ContainerListItem[];
  inspect(nameOrId: string, version: string): Readonly<Record<string, unknown>>;
  /** Bytes of its own layer, and of that with its image's; the latter 0 where the image is gone. */
  measure(nameOrId: string): Promise<{ readonly SizeRw: number; readonly SizeRootFs: number }>;
  /** Whether it has a terminal, so that its output is one unframed stream. */
  hasTerminal(nameOrId: string): boolean;
  logs(nameOrId: string, options: LogOptions): OutputReading;
  /** What `details` puts before each line: attributes of the container, `k=v,k2=v2`. */
  logDetails(nameOrId: string): string;
  start(nameOrId: string): Promise<void>;
  /** @param signal in place of the container's own; empty for that */
  stop(nameOrId: string, graceMs: number | undefined, signal: string): Promise<void>;
  restart(nameOrId: string, graceMs: number | undefined, signal: string): Promise<void>;
  kill(nameOrId: string, signal: string): Promise<void>;
  wait(nameOrId: string, condition: WaitCondition, signal: AbortSignal): Promise<number>;
  /** @param volumes its anonymous volumes go with it */
  remove(nameOrId: string, force: boolean, volumes: boolean): Promise<void>;
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
  /** Docker's spelling; empty for the usual ones. */
  readonly detachKeys: string;
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
  /** Throws where the container is not there to run it. */
  checkStart(id: string): void;
  start(id: string): Promise<ExecStreams>;
  inspect(id: string): ExecInspectBody & Readonly<Record<string, unknown>>;
  resize(id: string, rows: number, columns: number): void;
  hasTerminal(id: string): boolean;
  /** Which of its outputs its maker wants to hear. */
  attachesTo(id: string): { readonly stdout: boolean; readonly stderr: boolean };
  detachKeys(id: string): string;
  /** The client has left by its detach keys. */
  detached(id: string): void;
}
