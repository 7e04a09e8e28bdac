import { ToolError } from './errors.ts';

const SIZE = /^(\d+(?:\.\d+)?) ?(?:([KMGT])i?B?|B)?$/i;
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/;
const DURATION_PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;
const POWERS = ['B', 'K', 'M', 'G', 'T'];
const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * Bytes of a size such as `64M`, `1.5GiB`, `512` or the number itself. K, M, G and T are powers of 1024,
 * as in Docker. Throws INVALID_SIZE.
 */
export function parseSize(size: string | number): number {
  const [, digits, unit = 'B'] = SIZE.exec(String(size)) ?? [];
  const bytes = Math.round(Number(digits) * 1024 ** POWERS.indexOf(unit.toUpperCase()));
  if (!Number.isSafeInteger(bytes)) {
    throw new ToolError(`malformed size ${JSON.stringify(String(size).slice(0, 40))}`, {
      code: 'INVALID_SIZE',
      kind: 'invalid-input',
      hint: 'write a number and K, M, G or T, such as 64M',
    });
  }
  return bytes;
}

/** Milliseconds of a duration such as `500ms`, `30s` or `1m30s`. Throws INVALID_DURATION. */
export function parseDuration(duration: string): number {
  const sum = DURATION.test(duration)
    ? [...duration.matchAll(DURATION_PART)].reduce(
        (total, [, digits, unit = '']) => total + Number(digits) * (MILLISECONDS[unit] ?? Number.NaN),
        0,
      )
    : Number.NaN;
  if (!Number.isSafeInteger(Math.round(sum))) {
    throw new ToolError(`malformed duration ${JSON.stringify(duration.slice(0, 40))}`, {
      code: 'INVALID_DURATION',
      kind: 'invalid-input',
      hint: 'write a number and a unit (ms, s, m, h), such as 500ms, 30s or 1m30s',
    });
  }
  return Math.round(sum);
}

/** `45.2 MB`: a size for people, decimal units as in the names of disks and downloads. */
export function formatSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `950 ms`, `3.2 s`, `2 m 05 s`: a duration for people. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 59_950) return `${(durationMs / 1000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1000);
  return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, '0')} s`;
}
