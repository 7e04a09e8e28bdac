/**
 * Docker's client reads answers into Go structures before a template sees them: a field that is not in the answer
 * is there with its empty value, names may differ from those on the wire, and lists that are null print as `[]`.
 * A shape says so for one structure.
 */
import { GO_TYPE, isObject } from '../template/values.ts';

export interface Shape {
  readonly type: string;
  readonly fields: readonly Field[];
}

interface Field {
  /** The name in Go, for templates. */
  readonly name: string;
  /** The name on the wire. */
  readonly key: string;
  readonly kind: Kind;
  /** Left out of JSON when it is empty. */
  readonly isOptional: boolean;
  readonly shape: Shape | undefined;
}

/** Text, integer, boolean, list, map, pointer or anything; structure, list, map or map of lists of structures. */
type Kind = 's' | 'i' | 'b' | 'l' | 'm' | 'p' | 'o' | 'lo' | 'mo' | 'mlo';

/**
 * Declares a structure. Each word is `Name:kind`, or `Name=key:kind` where the name on the wire differs, with a
 * `?` behind it for a field that JSON leaves out when it is empty.
 * @param nested the structures of fields that hold structures, by Go's name
 */
export function declareShape(
  type: string,
  words: string,
  nested: Readonly<Record<string, Shape>> = {},
): Shape {
  const fields = words
    .trim()
    .split(/\s+/)
    .map(word => {
      const [, name = '', key = name, kind = '', optional = ''] =
        /^(\w+)(?:=(\w+))?:([a-z]+)(\??)$/.exec(word) ?? [];
      return { name, key, kind: kind as Kind, isOptional: optional !== '', shape: nested[name] };
    });
  return { type, fields };
}

/** A value of the wire as the structure that Go makes of it. */
export function applyShape(shape: Shape, value: unknown): object {
  const source = (value ?? {}) as Readonly<Record<string, unknown>>;
  const result: Record<string | symbol, unknown> = { [GO_TYPE]: shape.type };
  for (const field of shape.fields) result[field.name] = convert(field, source[field.key]);
  Object.defineProperty(result, 'toJSON', {
    value: () => {
      // Told as a structure again, so that its keys stay in order.
      const json: Record<string | symbol, unknown> = { [GO_TYPE]: shape.type };
      for (const { name, key, isOptional } of shape.fields) {
        const item = result[name];
        if (!(isOptional && isEmpty(item))) json[key] = item;
      }
      return json;
    },
  });
  return result;
}

function convert({ kind, shape }: Field, value: unknown): unknown {
  switch (kind) {
    case 's':
      return value ?? '';
    case 'i':
      return value ?? 0;
    case 'b':
      return value ?? false;
    case 'l':
      return value ?? nilList();
    case 'm':
      return value ?? nilMap();
    case 'p':
      return value ?? null;
    case 'o':
      return value === undefined || value === null || shape === undefined ? null : applyShape(shape, value);
    case 'lo':
      return Array.isArray(value) && shape !== undefined
        ? value.map(item => applyShape(shape, item))
        : nilList();
    case 'mo':
    case 'mlo':
      if (value === undefined || value === null || shape === undefined) return nilMap();
      return Object.fromEntries(
        Object.entries(value).map(([key, item]: [string, unknown]) => {
          if (Array.isArray(item)) return [key, item.map(part => applyShape(shape, part))];
          if (item === null) return [key, kind === 'mlo' ? nilList() : null];
          return [key, applyShape(shape, item)];
        }),
      );
  }
}

/** A list that is nil: it prints and counts as an empty one, and is null in JSON. */
function nilList(): readonly unknown[] {
  return Object.defineProperty([], 'toJSON', { value: () => null });
}

function nilMap(): object {
  return Object.defineProperty({}, 'toJSON', { value: () => null });
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === '' || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && value[GO_TYPE] === undefined && Object.keys(value).length === 0;
}
