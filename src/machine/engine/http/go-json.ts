import { type ToolError } from '../../../shared/errors.ts';
import { invalidParameter } from '../docker-errors.ts';

/**
 * Reads JSON of clients the way Docker's server does: fields are found without regard to case, null is
 * the same as absent, unknown fields are passed over, and a wrong type is refused in the same words.
 */
export interface GoType<T> {
  /** The type's name in refusals. */
  readonly name: string;
  /** What null means where a value must stand, as in a list. */
  readonly zero: T;
  /** The embedded structure that the field stands in, which refusals name. */
  readonly inside?: string;
  /** Undefined for null. Throws ENGINE_INVALID_PARAMETER. */
  readonly decode: (value: unknown, at: Place) => T | undefined;
}

/** Where a value stands: the innermost structure, and the names of the fields that lead there. */
interface Place {
  readonly struct: string;
  readonly path: string;
}

/** Integers are exact up to here only; what Docker takes beyond it always means "no limit". */
const LARGEST_INT64 = 2 ** 63 - 1024;

/** Decodes a whole body. Throws ENGINE_INVALID_PARAMETER. */
export function decodeBody<T>(type: GoType<T>, body: unknown): T {
  return body === undefined ? type.zero : (type.decode(body, { struct: '', path: '' }) ?? type.zero);
}

/** Fields of a structure that another one embeds. @param inside its name */
export function embedded<T extends Readonly<Record<string, GoType<unknown>>>>(inside: string, fields: T): T {
  // Each entry keeps its type; only `inside` is added.
  return Object.fromEntries(Object.entries(fields).map(([key, type]) => [key, { ...type, inside }])) as T;
}

/** true and false */
export const bool: GoType<boolean> = {
  name: 'bool',
  zero: false,
  decode: (value, at) =>
    value === null || typeof value === 'boolean' ? (value ?? undefined) : mismatch(value, at, 'bool'),
};

/** A text. @param name Go's name of the type, for refusals */
export function text(name = 'string'): GoType<string> {
  return {
    name,
    zero: '',
    decode: (value, at) =>
      value === null || typeof value === 'string' ? (value ?? undefined) : mismatch(value, at, name),
  };
}

/** A whole number. @param name Go's name of the type, such as int64 or uint16 */
export function integer(name = 'int64'): GoType<number> {
  const smallest = name.startsWith('uint') || name === 'fs.FileMode' ? 0 : -LARGEST_INT64;
  const largest = name === 'uint16' ? 0xffff : name === 'fs.FileMode' ? 0xffff_ffff : LARGEST_INT64;
  return {
    name,
    zero: 0,
    decode(value, at) {
      if (value === null) return undefined;
      if (typeof value !== 'number') return mismatch(value, at, name);
      const clamped =
        largest === LARGEST_INT64 && value <= 2 ** 63 && value >= -(2 ** 63)
          ? Math.max(-LARGEST_INT64, Math.min(LARGEST_INT64, value))
          : value;
      if (!Number.isInteger(clamped) || clamped < smallest || clamped > largest) {
        return mismatch(value, at, name, `number ${value}`);
      }
      return clamped;
    },
  };
}

/** A list; null is absent. */
export function list<T>(item: GoType<T>, name = `[]${item.name}`): GoType<readonly T[]> {
  return {
    name,
    zero: [],
    decode(value, at) {
      if (value === null) return undefined;
      if (!Array.isArray(value)) return mismatch(value, at, name);
      return value.map((entry: unknown) => item.decode(entry, at) ?? item.zero);
    },
  };
}

/** An object with any keys. */
export function map<T>(
  item: GoType<T>,
  name = `map[string]${item.name}`,
): GoType<Readonly<Record<string, T>>> {
  return {
    name,
    zero: {},
    decode(value, at) {
      if (value === null) return undefined;
      if (!isObject(value)) return mismatch(value, at, name);
      return Object.fromEntries(
        Object.entries(value).map(([key, entry]) => [key, item.decode(entry, at) ?? item.zero]),
      );
    },
  };
}

/** The keys of an object whose values say nothing. */
export function keySet(name = 'map[string]struct {}'): GoType<readonly string[]> {
  return {
    name,
    zero: [],
    decode(value, at) {
      if (value === null) return undefined;
      if (!isObject(value)) return mismatch(value, at, name);
      for (const entry of Object.values(value)) {
        if (entry !== null && !isObject(entry)) mismatch(entry, at, 'struct {}');
      }
      return Object.keys(value);
    },
  };
}

/** A command: a list of words, or one word alone. */
export const words: GoType<readonly string[]> = {
  name: 'strslice.StrSlice',
  zero: [],
  decode(value, at) {
    if (value === null) return undefined;
    if (typeof value === 'string') return [value];
    if (Array.isArray(value) && value.every(word => typeof word === 'string' || word === null)) {
      return value.map((word: string | null) => word ?? '');
    }
    return mismatch(value, at, 'string');
  },
};

type Fields<T> = { readonly [K in keyof T]-?: GoType<Exclude<T[K], undefined>> };

/** A structure with every field of T, all of which may be absent. @param name Go's name of it */
export function struct<T>(name: string, fields: Fields<T>): GoType<Partial<T>> {
  return {
    name: `*${name}`,
    zero: {},
    decode: (value, at) => decodeFields(name, fields, value, at),
  };
}

/** The same where absent fields are filled with their zero values, as Go's structures have it. */
export function filled<T>(name: string, fields: Fields<T>): GoType<T> {
  const keys = Object.keys(fields) as (keyof T & string)[];
  const zero = Object.fromEntries(keys.map(key => [key, fields[key].zero])) as unknown as T;
  return {
    name,
    zero,
    decode(value, at) {
      const decoded = decodeFields(name, fields, value, at);
      return decoded === undefined ? undefined : { ...zero, ...decoded };
    },
  };
}

function decodeFields<T>(name: string, fields: Fields<T>, value: unknown, at: Place): Partial<T> | undefined {
  if (value === null) return undefined;
  if (!isObject(value)) return mismatch(value, at, name);
  const own = name.slice(name.lastIndexOf('.') + 1);
  const known = Object.keys(fields) as (keyof T & string)[];
  const decoded: Partial<T> = {};
  for (const [key, entry] of Object.entries(value)) {
    const lower = key.toLowerCase();
    const field = known.find(name => name === key) ?? known.find(name => name.toLowerCase() === lower);
    if (field === undefined) continue;
    const path = [at.path, fields[field].inside ?? '', field].filter(Boolean).join('.');
    const item = fields[field].decode(entry, { struct: own, path });
    if (item !== undefined) decoded[field] = item;
  }
  return decoded;
}

function mismatch(value: unknown, at: Place, type: string, kind = kindOf(value)): never {
  throw refusal(
    at.path === ''
      ? `cannot unmarshal ${kind} into Go value of type ${type}`
      : `cannot unmarshal ${kind} into Go struct field ${at.struct}.${at.path} of type ${type}`,
  );
}

function refusal(sentence: string): ToolError {
  return invalidParameter(`invalid JSON: json: ${sentence}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return value === null ? 'null' : typeof value;
}
