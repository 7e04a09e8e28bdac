import type { DockerHttpClient } from '../engine-client/http.ts';
import type { CliStreams } from './terminal.ts';

/** What a command gets to work with. */
export interface Session {
  /** The engine; the connection is opened with the first request. */
  readonly client: DockerHttpClient;
  readonly streams: CliStreams;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Writes to stdout and waits while the reader does not keep up. */
  print(text: string | Buffer): Promise<void>;
  /** Writes to stderr. */
  printError(text: string): Promise<void>;
  /** Sets the exit code of a command that went well. */
  finish(exitCode: number): void;
}
