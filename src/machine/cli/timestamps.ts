import { ToolError } from '../../shared/errors.ts';
import { parseDuration } from './units.ts';

/**
 * A time as --since and --until take it, for the API: a duration before now (`10m`), a date in RFC 3339 that may
 * stop anywhere (in the zone of this machine when it names none), or seconds since 1970.
 */
export function parseTimestamp(value: string, nowMs: number): string {
  const duration = value === '' ? undefined : parseDuration(value);
  if (duration !== undefined && value !== '0') {
    return String(Math.floor((nowMs - duration / 1e6) / 1000));
  }
  const match =
    /^(\d{4}-\d{2}-\d{2})(?:T(\d{2})(?::(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?)?(Z|[+-]\d{2}:\d{2})?$/.exec(
      value,
    );
  if (match !== null) {
    const [, date = '', hour = '00', minute = '00', second = '00', fraction = '', zone = ''] = match;
    const milliseconds = Date.parse(`${date}T${hour}:${minute}:${second}${zone}`);
    if (Number.isNaN(milliseconds)) throw badTime(value);
    return formatNanoseconds(BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0')));
  }
  // The engine checks what looks like seconds; only a dash tells that a date was meant.
  if (value.includes('-')) throw badTime(value);
  return value;
}

function formatNanoseconds(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n;
  return `${seconds}.${String(nanoseconds % 1_000_000_000n).padStart(9, '0')}`;
}

function badTime(value: string): ToolError {
  return new ToolError(
    `parsing time ${JSON.stringify(value)}: not a date, a duration or seconds since 1970`,
    { code: 'CLI_TIME_INVALID', kind: 'invalid-input' },
  );
}
