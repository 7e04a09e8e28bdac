import { ToolError } from '../../shared/errors.ts';

/** The newest and the oldest version of Docker's API that are answered. */
export const API_VERSION = '1.45';
export const MIN_API_VERSION = '1.24';

/** A request's path without its version. */
export interface VersionedPath {
  readonly version: string;
  readonly path: string;
}

/**
 * Splits `/v1.43/containers/json`; a path without a version means the newest. Throws API_VERSION_UNSUPPORTED
 * with Docker's sentences, from which its client learns what to ask for.
 */
export function parseVersionedPath(path: string): VersionedPath {
  const match = /^\/v(\d{1,4}(?:\.\d{1,4}){0,3})(\/.*)$/.exec(path);
  if (match === null) return { version: API_VERSION, path };
  const [, version = API_VERSION, rest = '/'] = match;
  if (compareApiVersions(version, MIN_API_VERSION) < 0) {
    throw refuse(
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    );
  }
  if (compareApiVersions(version, API_VERSION) > 0) {
    throw refuse(`client version ${version} is too new. Maximum supported API version is ${API_VERSION}`);
  }
  return { version, path: rest };
}

/** Negative, zero or positive as `a` is older, the same or newer. */
export function compareApiVersions(a: string, b: string): number {
  const [left, right] = [a, b].map(version => version.split('.').map(Number));
  const length = Math.max(left?.length ?? 0, right?.length ?? 0);
  for (let at = 0; at < length; at += 1) {
    const difference = (left?.[at] ?? 0) - (right?.[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function refuse(message: string): ToolError {
  return new ToolError(message, { code: 'API_VERSION_UNSUPPORTED', kind: 'invalid-input' });
}
