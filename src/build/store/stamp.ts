import { isSystemError } from '../../shared/errors.ts';

/** Whole seconds between 2001 and 2017, from the name: exact on every file system. */
export function stampOf(name: string): number {
  return 1_000_000_000 + (Number.parseInt(name.slice(-12), 16) % 500_000_000);
}

/** A store that another user filled may be read-only; then it can't be marked as used. */
export function ignoreReadOnly(error: unknown): void {
  if (!isSystemError(error, 'EROFS', 'EPERM', 'EACCES', 'ENOENT')) throw error;
}
