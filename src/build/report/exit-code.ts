import { type ErrorKind, ToolError } from '../../shared/errors.ts';

/** Exit codes of `slipway`, after sysexits.h; docs/exit-codes.md lists them. */
export const EXIT = {
  ok: 0,
  /** `run`: not ready in time, or the machine stopped by itself. */
  notReady: 1,
  /** `run --until ready`: ready, but a service failed. */
  serviceFailed: 2,
  usage: 64,
  io: 74,
  internal: 70,
  interrupted: 130,
} as const;

const BY_KIND: Readonly<Record<ErrorKind, number>> = {
  'invalid-input': 65,
  'not-found': 66,
  unsupported: 65,
  unavailable: 69,
  internal: EXIT.internal,
  conflict: 73,
  'not-modified': 73,
  io: EXIT.io,
  integrity: 76,
  forbidden: 77,
  environment: 78,
};

/** The exit code for anything that was thrown. */
export function exitCodeOf(error: unknown): number {
  if (isAbort(error)) return EXIT.interrupted;
  if (isSystemFault(error)) return EXIT.io;
  return error instanceof ToolError ? BY_KIND[error.kind] : EXIT.internal;
}

/** True for a refusal of the operating system (disk full, no permission): a fault of the surroundings, not a bug. */
export function isSystemFault(error: unknown): error is NodeJS.ErrnoException {
  return (
    error instanceof Error &&
    !(error instanceof ToolError) &&
    'syscall' in error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^E[A-Z0-9]+$/.test(error.code)
  );
}

/** True when an operation ended because its AbortSignal fired. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
