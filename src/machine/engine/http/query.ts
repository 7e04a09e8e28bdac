import { invalidParameter } from '../docker-errors.ts';
import type { Filters } from './backend.ts';

/** A switch as Docker reads it: absent, empty, 0, no, false and none are off. */
export function booleanQuery(query: URLSearchParams, name: string): boolean {
  const value = (query.get(name) ?? '').trim().toLowerCase();
  return !['', '0', 'no', 'false', 'none'].includes(value);
}

/** The size of a terminal, both parts of which must be there. Throws ENGINE_INVALID_PARAMETER. */
export function sizeQuery(query: URLSearchParams): { readonly rows: number; readonly columns: number } {
  const rows = numberQuery(query, 'h');
  const columns = numberQuery(query, 'w');
  if (rows === undefined || columns === undefined) {
    throw invalidParameter('strconv.Atoi: parsing "": invalid syntax');
  }
  return { rows, columns };
}

/** A whole number; undefined when absent. Throws ENGINE_INVALID_PARAMETER. */
export function numberQuery(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^-?\d{1,9}$/.test(value)) {
    const fault = /^[-+]?\d+$/.test(value) ? 'value out of range' : 'invalid syntax';
    throw invalidParameter(`strconv.Atoi: parsing ${JSON.stringify(value)}: ${fault}`);
  }
  return Number(value);
}

/**
 * Docker's filters, `{"name":["x"]}` or the older `{"name":{"x":true}}`. Throws ENGINE_INVALID_PARAMETER
 * for anything else, and for a key that is not among `known`, if that is given.
 * @param doing what the sentence about what is no JSON begins with
 */
export function filtersQuery(query: URLSearchParams, known?: readonly string[], doing = ''): Filters {
  const text = query.get('filters');
  const filters = new Map<string, readonly string[]>();
  if (text === null || text === '') return filters;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidParameter(`${doing}invalid filter`);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw invalidParameter('invalid filter');
  for (const [key, item] of Object.entries(value as Record<string, unknown>)) {
    if (known?.includes(key) === false) throw invalidParameter(`invalid filter '${key}'`);
    if (Array.isArray(item) && item.every(entry => typeof entry === 'string')) filters.set(key, item);
    else if (item !== null && typeof item === 'object' && !Array.isArray(item)) {
      filters.set(
        key,
        Object.entries(item)
          .filter(([, on]) => on === true)
          .map(([name]) => name),
      );
    } else throw invalidParameter('invalid filter');
  }
  return filters;
}

/** A point in time, `1700000000.123456789` or RFC 3339, in nanoseconds; undefined when absent or 0. */
export function timeQuery(query: URLSearchParams, name: string): bigint | undefined {
  const value = query.get(name);
  if (value === null || value === '' || value === '0') return undefined;
  const seconds = /^(\d{1,12})(?:\.(\d{1,9}))?$/.exec(value);
  if (seconds !== null) {
    return BigInt(seconds[1] ?? 0) * 1_000_000_000n + BigInt((seconds[2] ?? '').padEnd(9, '0'));
  }
  const milliseconds = Date.parse(value);
  if (Number.isNaN(milliseconds))
    throw invalidParameter(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  return BigInt(milliseconds) * 1_000_000n;
}
