import { type ErrorKind, ToolError } from '../../shared/errors.ts';

/** The one table from error kinds to HTTP statuses. */
const STATUS: Readonly<Record<ErrorKind, number>> = {
  'invalid-input': 400,
  'not-found': 404,
  conflict: 409,
  'not-modified': 304,
  forbidden: 403,
  unsupported: 501,
  unavailable: 503,
  environment: 500,
  integrity: 500,
  io: 500,
  internal: 500,
};

/** The HTTP status for anything that was thrown. */
export function httpStatusOf(error: unknown): number {
  return error instanceof ToolError ? STATUS[error.kind] : 500;
}

/** The kind of error behind a status that a server answered. */
export function kindOfStatus(status: number): ErrorKind {
  const known = (Object.entries(STATUS) as [ErrorKind, number][]).find(([, code]) => code === status)?.[0];
  return known ?? (status < 500 ? 'invalid-input' : 'internal');
}
