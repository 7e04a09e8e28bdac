import { quoteText } from './quoting.ts';
import { formatValue, isObject } from './values.ts';

/** Wider than that is no column of a person's, and would only eat memory. */
const MAX_WIDTH = 10_000;

/** Go's `fmt.Sprintf`, for the values that templates have. What a verb cannot show is said in Go's way. */
export function sprintf(format: string, args: readonly unknown[]): string {
  let next = 0;
  const text = format.replace(
    /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?([\s\S])?/gu,
    (
      whole,
      flags: string,
      widthText: string | undefined,
      precisionText: string | undefined,
      verb?: string,
    ) => {
      if (verb === undefined) return '%!(NOVERB)';
      if (verb === '%') return '%';
      const number = (word: string | undefined): number | undefined => {
        if (word === undefined) return undefined;
        const value = word === '*' ? Number(args[next++]) : Number(word);
        return Math.min(MAX_WIDTH, value);
      };
      const width = number(widthText);
      const hasPrecision = /^%[-+# 0]*(?:\*|\d+)?\./.test(whole);
      const precision = number(precisionText) ?? (hasPrecision ? 0 : undefined);
      if (next >= args.length) return `%!${verb}(MISSING)`;
      return pad(formatVerb(verb, args[next++], flags, precision), flags, width, verb);
    },
  );
  if (next >= args.length) return text;
  const extra = args.slice(next).map(value => `${typeName(value)}=${formatValue(value)}`);
  return `${text}%!(EXTRA ${extra.join(', ')})`;
}

/** The name of the Go type that a value would have. */
export function typeName(value: unknown): string {
  if (value === undefined || value === null) return '<nil>';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64';
  if (typeof value === 'bigint') return 'int64';
  return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
}

function formatVerb(verb: string, value: unknown, flags: string, precision: number | undefined): string {
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  const isInteger = typeof value === 'bigint' || Number.isInteger(value);
  switch (verb) {
    case 'v':
    case 's':
      if (verb === 's' && (isNumber || typeof value === 'boolean')) break;
      if (isNumber) return sign(formatValue(value), flags);
      if (verb === 's' && (value === undefined || value === null)) break;
      if (verb === 'v' && flags.includes('#') && typeof value === 'string') return quoteText(value);
      return typeof value === 'string' && precision !== undefined
        ? Array.from(value).slice(0, precision).join('')
        : formatValue(value);
    case 'q':
      if (typeof value === 'string') return quoteText(value);
      if (Array.isArray(value))
        return `[${value.map(item => formatVerb('q', item, flags, precision)).join(' ')}]`;
      if (isInteger) return `'${String.fromCodePoint(Number(value))}'`;
      break;
    case 'd':
      if (isInteger) return sign(String(value), flags);
      break;
    case 't':
      if (typeof value === 'boolean') return String(value);
      break;
    case 'T':
      return typeName(value);
    case 'c':
      if (isInteger) return String.fromCodePoint(Number(value));
      break;
    case 'U':
      if (isInteger) return `U+${Number(value).toString(16).toUpperCase().padStart(4, '0')}`;
      break;
    case 'b':
    case 'o':
    case 'x':
    case 'X':
      return formatRadix(verb, value, flags) ?? bad(verb, value);
    case 'e':
    case 'f':
    case 'F':
    case 'g':
      if (isNumber) return sign(formatFloat(verb, Number(value), precision), flags);
      break;
    default:
  }
  return bad(verb, value);
}

function formatRadix(verb: 'b' | 'o' | 'x' | 'X', value: unknown, flags: string): string | undefined {
  const prefix = flags.includes('#') ? { b: '0b', o: '0', x: '0x', X: '0X' }[verb] : '';
  const cased = (text: string): string => prefix + (verb === 'X' ? text.toUpperCase() : text);
  if (typeof value === 'string' && (verb === 'x' || verb === 'X')) {
    return cased(Buffer.from(value).toString('hex'));
  }
  if (typeof value !== 'bigint' && !Number.isInteger(value)) return undefined;
  return cased((value as number | bigint).toString({ b: 2, o: 8, x: 16, X: 16 }[verb]));
}

function formatFloat(verb: 'e' | 'f' | 'F' | 'g', value: number, precision: number | undefined): string {
  switch (verb) {
    case 'e':
      return value.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, 'e$10$2');
    case 'g':
      return precision === undefined ? formatValue(value) : String(Number(value.toPrecision(precision || 1)));
    default:
      return value.toFixed(Math.min(100, precision ?? 6));
  }
}

function sign(text: string, flags: string): string {
  if (text.startsWith('-')) return text;
  return flags.includes('+') ? `+${text}` : flags.includes(' ') ? ` ${text}` : text;
}

function pad(text: string, flags: string, width: number | undefined, verb: string): string {
  const missing = Math.abs(width ?? 0) - Array.from(text).length;
  if (missing <= 0) return text;
  if (flags.includes('-') || (width ?? 0) < 0) return text + ' '.repeat(missing);
  if (!flags.includes('0') || 'vTtqsc'.includes(verb)) return ' '.repeat(missing) + text;
  const signed = /^[+-]/.exec(text)?.[0] ?? '';
  return signed + '0'.repeat(missing) + text.slice(signed.length);
}

function bad(verb: string, value: unknown): string {
  if (value === undefined || value === null) return `%!${verb}(<nil>)`;
  if (Array.isArray(value)) return `[${value.map(item => bad(verb, item)).join(' ')}]`;
  if (isObject(value)) return `%!${verb}(${typeName(value)}=${formatValue(value)})`;
  return `%!${verb}(${typeName(value)}=${formatValue(value)})`;
}
