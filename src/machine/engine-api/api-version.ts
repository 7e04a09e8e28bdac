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
  const match = /^\/v(\d{1,3})\.(\d{1,4})(\/.*)$/.exec(path);
  if (match === null) return { version: API_VERSION, path };
  const version = `${match[1] ?? ''}.${match[2] ?? ''}`;
  if (compareApiVersions(version, MIN_API_VERSION) < 0) {
    throw refuse(
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    );
  }
  if (compareApiVersions(version, API_VERSION) > 0) {
    throw refuse(`client version ${version} is too new. Maximum supported API version is ${API_VERSION}`);
  }
  return { version, path: match[3] ?? '/' };
}

/** Negative, zero or positive as `a` is older, the same or newer. */
export function compareApiVersions(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number);
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}

function refuse(message: string): ToolError {
  return new ToolError(message, { code: 'API_VERSION_UNSUPPORTED', kind: 'invalid-input' });
}
