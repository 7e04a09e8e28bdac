import { ToolError, isSystemError } from '../../shared/errors.ts';

/** A system error while writing to the store, as the reader should see it; other errors unchanged. */
export function storeError(root: string, error: unknown): unknown {
  if (isSystemError(error, 'ENOSPC', 'EDQUOT')) {
    return new ToolError(`writing to the store ${root}: no space is left on the device`, {
      code: 'STORE_FULL',
      kind: 'io',
      hint: 'free some space, run "slipway store prune", or set SLIPWAY_STORE to a folder on another disk',
      cause: error,
    });
  }
  if (isSystemError(error, 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR')) {
    return new ToolError(`writing to the store ${root}: ${error.code ?? 'not permitted'}`, {
      code: 'STORE_NOT_WRITABLE',
      kind: 'io',
      hint: 'make the folder writable, or set SLIPWAY_STORE to one that is',
      cause: error,
    });
  }
  return error;
}
