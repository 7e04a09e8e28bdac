import { ToolError } from '../../shared/errors.ts';
import type { FetchFaultKind } from './http-client.ts';
import { redactUrl } from './redact-url.ts';

/** One address that was tried in vain. */
export interface Attempt {
  readonly url: string;
  readonly kind: FetchFaultKind | 'mismatch';
  readonly message: string;
}

/**
 * What is thrown when every source has failed: FETCH_NOT_FOUND when no source has it, FETCH_MISMATCH
 * when one gave other bytes, else FETCH_FAILED. The message lists each attempt, one a line.
 */
export function fetchError(name: string, attempts: readonly Attempt[], goneHint?: string): ToolError {
  const listed = attempts.map(attempt => `\n  ${redactUrl(attempt.url)}: ${attempt.message}`).join('');
  const kinds = new Set(attempts.map(attempt => attempt.kind));
  const message = `fetching ${name}: `;
  if (attempts.length === 0) {
    return new ToolError(`${message}no source is known`, {
      code: 'FETCH_NOT_FOUND',
      kind: 'not-found',
      hint: goneHint ?? 'name a source with --mirror',
    });
  }
  if (kinds.has('mismatch')) {
    return new ToolError(`${message}other bytes came than were asked for${listed}`, {
      code: 'FETCH_MISMATCH',
      kind: 'integrity',
      hint: 'a source or something on the way to it is damaged or lies; try another --mirror',
    });
  }
  if (kinds.size === 1 && kinds.has('not-found')) {
    return new ToolError(`${message}no source has it${listed}`, {
      code: 'FETCH_NOT_FOUND',
      kind: 'not-found',
      hint: goneHint ?? 'name another source with --mirror',
    });
  }
  return new ToolError(`${message}no source delivered it${listed}`, {
    code: 'FETCH_FAILED',
    kind: 'unavailable',
    hint: 'check the network and the proxy settings, or name another source with --mirror',
  });
}
