import type { EmitEvent } from '../../shared/events.ts';

/** Renders the events of one command on stderr. */
export interface Reporter {
  readonly emit: EmitEvent;
  /** Clears what is live on the screen; events after it are dropped. */
  close(): void;
}

/** Where a reporter writes; stderr, or a buffer in tests. */
export interface ReportTarget {
  write(text: string): void;
  /** Width of the terminal in columns. */
  columns(): number;
  /** A monotonic clock in milliseconds. */
  now(): number;
}
