/**
 * Errors that a person or a client can be shown.
 *
 * A fault that comes from outside (input, network, disk, host) is a ToolError with a stable code; a
 * fault of ours is a plain Error from `invariant` and keeps its stack. Kinds are mapped to exit codes
 * and HTTP statuses once each, by the reporter and by the HTTP server.
 */

/** What sort of fault it is; decides the exit code and the HTTP status. */
export type ErrorKind =
  | 'invalid-input'
  | 'not-found'
  | 'conflict'
  | 'not-modified'
  | 'forbidden'
  | 'unsupported'
  | 'environment'
  | 'unavailable'
  | 'integrity'
  | 'io'
  | 'internal';

export interface ToolErrorOptions {
  /** Stable, upper snake case, listed in docs/errors.md. */
  readonly code: string;
  readonly kind: ErrorKind;
  /** One next action for the reader, e.g. `run "slipway lock --update" to refresh it`. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** A fault that is reported by its message and code, without a stack. */
export class ToolError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly hint: string | undefined;

  /** @param message what was being done to which object; lower case, no full stop */
  constructor(message: string, options: ToolErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ToolError';
    this.code = options.code;
    this.kind = options.kind;
    this.hint = options.hint;
  }
}

/** Throws a plain Error (a bug of ours) when `condition` does not hold. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant violated: ${message}`);
}

/** For the default branch of an exhaustive switch. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}

/** True for a Node system error with one of the given codes, e.g. `ENOENT`. */
export function isSystemError(error: unknown, ...codes: readonly string[]): error is NodeJS.ErrnoException {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code)
  );
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
