/**
 * Go's values as JSON has them, and how Go prints them. An object is a map, unless it says by `GO_TYPE` that it
 * stands for a structure: then it has no fields but its own, and is printed without names. A function among an
 * object's fields is a method.
 */
export const GO_TYPE: unique symbol = Symbol('the name of the Go type that the object stands for');

/** On an object that a method of its type encodes in Go, which hides what HTML would take for markup. */
export const HIDES_MARKUP: unique symbol = Symbol('JSON of the object hides < > and &');

export type GoMethod = (...args: readonly unknown[]) => unknown;

export type GoObject = Readonly<Record<string, unknown>> & {
  readonly [GO_TYPE]?: string;
  readonly [HIDES_MARKUP]?: true;
};

export function isObject(value: unknown): value is GoObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Keys in the order in which Go walks a map or writes a structure. */
export function keysOf(value: GoObject): string[] {
  const keys = Object.keys(value);
  return value[GO_TYPE] === undefined ? keys.sort(compareText) : keys;
}

/** What `if`, `and`, `or` and `not` take for true. */
export function isTrue(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return false;
  if (value === 0 || value === 0n) return false;
  if (Array.isArray(value)) return value.length > 0;
  return !isObject(value) || value[GO_TYPE] !== undefined || Object.keys(value).length > 0;
}

/** A value in Go's `%v`. */
export function formatValue(value: unknown): string {
  if (value === undefined || value === null) return '<nil>';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return formatNumber(value);
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map(formatValue).join(' ')}]`;
  if (!isObject(value)) return '';
  const keys = keysOf(value).filter(key => typeof value[key] !== 'function');
  if (value[GO_TYPE] !== undefined) return `{${keys.map(key => formatValue(value[key])).join(' ')}}`;
  return `map[${keys.map(key => `${key}:${formatValue(value[key])}`).join(' ')}]`;
}

/** What an action prints: as `formatValue`, but a value that is not there is told from one that is nil. */
export function formatResult(value: unknown): string {
  return value === undefined ? '<no value>' : formatValue(value);
}

/** A number in Go's `%v`. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  const text = exponent < -4 ? value.toExponential() : String(value);
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

/** A value as Go's encoder writes it on one line: keys of maps sorted, methods left out. */
export function formatJson(value: unknown): string {
  if (isObject(value) && value[HIDES_MARKUP] === true) return hideMarkup(compactJson(value));
  return writeJson(value, item => {
    if (!isObject(item) || item[GO_TYPE] !== undefined || isRaw(item)) return item;
    return Object.fromEntries(keysOf(item).map(key => [key, item[key]]));
  });
}

/** JSON on one line, in the order in which it came. */
export function compactJson(value: unknown): string {
  return writeJson(value, item => item);
}

function writeJson(value: unknown, change: (item: unknown) => unknown): string {
  const text = JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? (JSON as unknown as RawJson).rawJSON(item.toString()) : change(item),
  ) as string | undefined;
  return (text ?? 'null').replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

function hideMarkup(json: string): string {
  return json.replaceAll(/[<>&]/g, character => `\\u00${character.charCodeAt(0).toString(16)}`);
}

function isRaw(value: unknown): boolean {
  return (JSON as unknown as RawJson).isRawJSON(value);
}

/** Reads JSON; whole numbers that JavaScript would round become bigint. Throws SyntaxError. */
export function parseJson(text: string): unknown {
  return (JSON.parse as ParseWithSource)(text, (_key, value, { source }) =>
    typeof value === 'number' &&
    !Number.isSafeInteger(value) &&
    source !== undefined &&
    /^-?\d+$/.test(source)
      ? BigInt(source)
      : value,
  );
}

/** Order of bytes, as Go sorts. */
export function compareText(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Parts of ECMAScript that the type definitions do not know yet. */
interface RawJson {
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
}
type ParseWithSource = (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;
