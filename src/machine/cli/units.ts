/** Sizes and durations in the words of Docker's client. */

const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB'];

/** Bytes in powers of 1000, e.g. `12.3kB`. */
export function formatSize(bytes: number, digits = 3): string {
  return scaled(bytes, 1000, DECIMAL, digits);
}

/** Bytes in powers of 1024, e.g. `1.945GiB`. */
export function formatBinarySize(bytes: number): string {
  return scaled(bytes, 1024, BINARY, 4);
}

function scaled(value: number, base: number, units: readonly string[], digits: number): string {
  let size = value;
  let index = 0;
  while (size >= base && index < units.length - 1) {
    size /= base;
    index += 1;
  }
  return `${formatSignificant(size, digits)}${units[index] ?? ''}`;
}

/** A number as Go's `%.Ng` prints it. */
export function formatSignificant(value: number, digits: number): string {
  if (value === 0) return '0';
  const text = value.toExponential(digits - 1);
  const exponent = Number(text.slice(text.indexOf('e') + 1));
  if (exponent >= -4 && exponent < digits) return String(Number(value.toPrecision(digits)));
  return text.replace(/\.?0*e([+-])(\d)$/, 'e$10$2');
}

const SIZE = /^(\d+(?:\.\d+)*) ?([kKmMgGtTpP])?[iI]?[bB]?$/;

/** A size as Docker's options take it, `512m`, `1.5GiB`, in bytes; undefined for what is none. */
export function parseBinarySize(text: string): number | undefined {
  const match = SIZE.exec(text);
  if (match === null) return undefined;
  const [, number = '', unit = ''] = match;
  const power = ['', 'k', 'm', 'g', 't', 'p'].indexOf(unit.toLowerCase());
  const value = Number(number);
  return Number.isNaN(value) ? undefined : Math.floor(value * 1024 ** power);
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Go's durations, `1h30m`, `1.5s`, in nanoseconds; undefined for what is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^([+-]?)(0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text);
  if (match === null) return undefined;
  let total = 0;
  for (const [, number = '', unit = ''] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(number) * (DURATION_UNITS[unit] ?? 0);
  }
  return match[1] === '-' ? -total : Math.round(total);
}

/** A time as Go prints it, in the zone of this machine: `2026-11-21 15:58:29 +0000 UTC`. */
export function formatGoTime(date: Date, fraction = ''): string {
  const pad = (value: number, width = 2): string => String(value).padStart(width, '0');
  const offset = -date.getTimezoneOffset();
  const sign = offset < 0 ? '-' : '+';
  const zone = `${sign}${pad(Math.floor(Math.abs(offset) / 60))}${pad(Math.abs(offset) % 60)}`;
  return (
    `${pad(date.getFullYear(), 4)}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ` +
    `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}${fraction} ` +
    `${zone} ${offset === 0 ? 'UTC' : zone}`
  );
}

/** Text of at most `width` characters, shortened as Docker does: wide characters count twice. */
export function shorten(text: string, width: number): string {
  const characters = Array.from(text);
  const total = characters.reduce((sum, character) => sum + columnsOf(character), 0);
  if (total <= width) return text;
  if (width <= 1) return characters.slice(0, width).join('');
  let used = 0;
  let shortened = '';
  for (const character of characters) {
    used += columnsOf(character);
    if (used > width - 1) break;
    shortened += character;
  }
  return `${shortened}…`;
}

/** The first twelve digits of an id; the algorithm of a digest is left out. */
export function shortId(id: string): string {
  return id.replace(/^[^:]*:/, '').slice(0, 12);
}

function columnsOf(character: string): number {
  return /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(
    character,
  )
    ? 2
    : 1;
}
