import type { EmitEvent } from '../../shared/events.ts';

/** What a command gets of the outside world. */
export interface CommandContext {
  /** Folder of this package: recipes, kernel, init and iso data stand in it. */
  readonly packageRoot: string;
  /** Slipway's own version. */
  readonly version: string;
  readonly workingDirectory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `process.arch` of the build host. */
  readonly nodeArch: string;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Fires on Ctrl-C. */
  readonly signal: AbortSignal;
  readonly emit: EmitEvent;
  /** Takes the progress display off the terminal, before the command writes there itself. */
  readonly endReport: () => void;
}
