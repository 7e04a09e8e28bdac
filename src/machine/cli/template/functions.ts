import { quoteText } from './quoting.ts';
import { sprintf, typeName } from './printf.ts';
import { compareText, formatJson, formatValue, isObject, isTrue } from './values.ts';

/** A function of templates. It throws plain Errors, which become `error calling NAME: …`. */
export type TemplateFunction = (...args: readonly unknown[]) => unknown;

/** Go's own functions; `and` and `or` are the evaluator's, since they stop early. */
const BUILTIN: Readonly<Record<string, TemplateFunction>> = {
  not: value => !isTrue(value),
  len: lengthOf,
  index: (value, ...keys) => keys.reduce(item, value),
  slice: sliceOf,
  print: (...args) => printWords(args),
  println: (...args) => `${args.map(formatValue).join(' ')}\n`,
  printf: (format, ...args) => sprintf(text(format), args),
  html: (...args) => escapeHtml(printWords(args)),
  js: (...args) =>
    quoteText(printWords(args))
      .slice(1, -1)
      .replaceAll(/[<>&=']/g, escapeCode),
  urlquery: (...args) => new URLSearchParams({ a: printWords(args) }).toString().slice(2),
  eq: (value, ...others) => {
    if (others.length === 0) throw new Error('missing argument for comparison');
    return others.some(other => isEqual(value, other));
  },
  ne: (a, b) => !isEqual(a, b),
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  call: value => {
    throw new Error(
      value === undefined || value === null ? 'call of nil' : `non-function of type ${typeName(value)}`,
    );
  },
};

/** What Docker adds. */
const DOCKER: Readonly<Record<string, TemplateFunction>> = {
  json: value => formatJson(value),
  split: (value, separator) => text(value).split(text(separator)),
  join: (values, separator) => list(values).map(text).join(text(separator)),
  title: value => text(value).replaceAll(/(?<![\p{L}\p{N}_'])\p{L}/gu, letter => letter.toUpperCase()),
  lower: value => text(value).toLowerCase(),
  upper: value => text(value).toUpperCase(),
  pad: (value, before, after) =>
    text(value) === '' ? '' : ' '.repeat(count(before)) + text(value) + ' '.repeat(count(after)),
  truncate: (value, length) => {
    // Docker's function counts bytes.
    return Buffer.from(text(value)).subarray(0, count(length)).toString('utf8');
  },
};

/** In the header of a table Docker's functions leave the name of the column as it is. */
const HEADER = Object.fromEntries(Object.keys(DOCKER).map(name => [name, (value: unknown) => value]));

/** Functions of a format, by name. */
export const FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map(
  Object.entries({ ...BUILTIN, ...DOCKER }),
);

/** Functions where a table's header is made of the format. */
export const HEADER_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map(
  Object.entries({ ...BUILTIN, ...HEADER }),
);

/** Functions that take as many arguments as they name, neither more nor less. */
export const FIXED: ReadonlySet<string> = new Set([
  ...Object.keys(DOCKER),
  ...['not', 'len', 'ne', 'lt', 'le', 'gt', 'ge'],
]);

/** The names that a template may use. */
export const FUNCTION_NAMES: ReadonlySet<string> = new Set([...FUNCTIONS.keys(), 'and', 'or']);

const MAX_PADDING = 10_000;

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) throw new Error('invalid value; expected string');
  throw new Error(`wrong type for value; expected string; got ${typeName(value)}`);
}

function count(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value)) return Math.min(Math.max(0, value), MAX_PADDING);
  throw new Error(`expected integer; found ${formatValue(value)}`);
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value === null || value === undefined) return [];
  throw new Error(`wrong type for value; expected []string; got ${typeName(value)}`);
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isObject(value)) return Object.keys(value).length;
  // A list or map that is not there has no elements.
  if (value === null) return 0;
  if (value === undefined) throw new Error('len of nil pointer');
  throw new Error(`len of type ${typeName(value)}`);
}

/** One step of `index`: a missing key of a map of texts is the empty text, as for Go's typed maps. */
function item(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) {
    if (typeof key !== 'number') throw new Error(`cannot index slice/array with type ${typeName(key)}`);
    if (key < 0 || key >= value.length) throw new Error(`index out of range: ${key}`);
    return value[key] as unknown;
  }
  if (typeof value === 'string') {
    const byte = typeof key === 'number' ? Buffer.from(value)[key] : undefined;
    if (byte === undefined) throw new Error(`index out of range: ${formatValue(key)}`);
    return byte;
  }
  if (isObject(value)) {
    if (typeof key !== 'string') {
      throw new Error(`value has type ${typeName(key)}; should be string`);
    }
    if (Object.hasOwn(value, key)) return value[key];
    const others = Object.values(value);
    if (others.every(other => typeof other === 'string')) return '';
    return others.every(other => Array.isArray(other) || other === null) ? [] : null;
  }
  if (value === undefined) throw new Error('index of untyped nil');
  if (value === null) return typeof key === 'string' ? '' : outOfRange(key);
  throw new Error(`can't index item of type ${typeName(value)}`);
}

function outOfRange(key: unknown): never {
  throw new Error(`index out of range: ${formatValue(key)}`);
}

function sliceOf(value: unknown, ...bounds: readonly unknown[]): unknown {
  const isText = typeof value === 'string';
  const source = isText ? Buffer.from(value) : list(value);
  const [from, to] = [bounds[0] ?? 0, bounds[1] ?? source.length].map(bound => {
    if (typeof bound !== 'number') throw new Error(`cannot index slice/array with type ${typeName(bound)}`);
    if (bound < 0 || bound > source.length) throw new Error(`index out of range: ${bound}`);
    return bound;
  });
  if ((from ?? 0) > (to ?? 0)) throw new Error(`invalid slice index: ${from ?? 0} > ${to ?? 0}`);
  const part = Buffer.isBuffer(source) ? source.subarray(from, to) : source.slice(from, to);
  return Buffer.isBuffer(part) ? part.toString('utf8') : part;
}

/** Go's `fmt.Sprint`: a blank between two operands of which neither is text. */
function printWords(args: readonly unknown[]): string {
  return args
    .map((value, index) => {
      const before = index > 0 && typeof value !== 'string' && typeof args[index - 1] !== 'string';
      return (before ? ' ' : '') + formatValue(value);
    })
    .join('');
}

function isEqual(a: unknown, b: unknown): boolean {
  const [left, right] = [a ?? null, b ?? null];
  if (isNumeric(left) && isNumeric(right)) return Number(left) === Number(right) && left == right;
  if (left !== null && right !== null && typeof left !== typeof right) {
    throw new Error('incompatible types for comparison');
  }
  if ((typeof left === 'object' && left !== null) || (typeof right === 'object' && right !== null)) {
    if (left === null || right === null) return false;
    throw new Error('non-comparable type');
  }
  return left === right;
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function compare(a: unknown, b: unknown): number {
  if (isNumeric(a) && isNumeric(b)) return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (typeof a === 'object' || typeof a === 'boolean') throw new Error('invalid type for comparison');
  throw new Error('incompatible types for comparison');
}

function escapeHtml(value: string): string {
  const entities: Readonly<Record<string, string>> = {
    '"': '&#34;',
    "'": '&#39;',
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '\0': '\uFFFD',
  };
  return value.replaceAll(/["'&<>\0]/g, character => entities[character] ?? '');
}

function escapeCode(character: string): string {
  if (character === "'") return "\\'";
  return `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}
