import { invalidParameter } from '../docker-errors.ts';
import type { Filters } from '../http/backend.ts';

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Whether labels pass the filters `label` (every one has to be there) and `label!` (none may be). */
export function passesLabels(labels: Readonly<Record<string, string>>, filters: Filters): boolean {
  const has = (wanted: string): boolean => {
    const [key = '', value] = wanted.split(/=(.*)/s);
    return Object.hasOwn(labels, key) && (value === undefined || labels[key] === value);
  };
  return (filters.get('label') ?? []).every(has) && !(filters.get('label!') ?? []).some(has);
}

/**
 * The filter `until` of a prune: only what was made before is taken. A time, or how long ago, such as `24h`.
 * Undefined when there is none. Throws ENGINE_INVALID_PARAMETER.
 */
export function untilOf(filters: Filters, nowMs: number): number | undefined {
  const values = filters.get('until') ?? [];
  if (values.length > 1) throw invalidParameter('more than one until filter specified');
  const [text] = values;
  if (text === undefined) return undefined;
  const durationMs = parseGoDuration(text);
  if (durationMs !== undefined) return nowMs - durationMs;
  if (/^\d{1,12}(\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time))
    throw invalidParameter(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return time;
}

/** Go's spelling of a duration, `1h30m`, in milliseconds; undefined for anything else. */
export function parseGoDuration(text: string): number | undefined {
  if (text.length > 64 || !/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, , unit = ''] of text.matchAll(/(\d+(\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(number) * (UNITS_MS[unit] ?? 0);
  }
  return total;
}
