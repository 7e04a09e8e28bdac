/**
 * Tables of what Docker's API answers with: names of fields, their types, which may be missing or null. Leaves are
 * either compared by value between two engines (`text`, `int`, `number`, `bool`), or are the machine's own and only
 * have to have the right form.
 */
export type Shape = Leaf | ListShape | MapShape | RecordShape | NullableShape | OptionalShape;

/** Values that mean the same on every machine. */
type Leaf = ValueLeaf | OwnLeaf;
type ValueLeaf = 'text' | 'int' | 'number' | 'bool' | 'any';
/** Values of a machine's own: their form is checked, no two are compared. */
type OwnLeaf =
  | 'id'
  | 'digest'
  | 'time'
  | 'seconds'
  | 'size'
  | 'count'
  | 'pid'
  | 'path'
  | 'address'
  | 'subnet'
  | 'mac'
  | 'own-text'
  | 'own-bool'
  | 'own';

interface ListShape {
  readonly kind: 'list';
  readonly item: Shape;
  /** The order of a set says nothing, nor need two machines have the same members. */
  readonly order: 'kept' | 'any' | 'own';
}
interface MapShape {
  readonly kind: 'map';
  readonly item: Shape;
  /** The keys are the machine's own, such as addresses. */
  readonly own: boolean;
}
interface RecordShape {
  readonly kind: 'record';
  readonly fields: Readonly<Record<string, Shape>>;
}
interface NullableShape {
  readonly kind: 'nullable';
  readonly item: Shape;
}
interface OptionalShape {
  readonly kind: 'optional';
  readonly item: Shape;
}

/** A list in an order that means something. */
export const list = (item: Shape): Shape => ({ kind: 'list', item, order: 'kept' });
/** A list that is a set. */
export const setOf = (item: Shape): Shape => ({ kind: 'list', item, order: 'any' });
/** A list whose members are the machine's own; each has to have the form. */
export const ownList = (item: Shape): Shape => ({ kind: 'list', item, order: 'own' });
/** An object with any keys. */
export const map = (item: Shape): Shape => ({ kind: 'map', item, own: false });
/** An object whose keys are the machine's own. */
export const ownMap = (item: Shape): Shape => ({ kind: 'map', item, own: true });
/** An object with exactly these fields. */
export const record = (fields: Readonly<Record<string, Shape>>): Shape => ({ kind: 'record', fields });
/** Null, or the shape. */
export const nullable = (item: Shape): Shape => ({ kind: 'nullable', item });
/** A field that may be missing. */
export const optional = (item: Shape): Shape => ({ kind: 'optional', item });

const HEX = /^[0-9a-f]{64}$/;
const OWN: Readonly<Record<OwnLeaf, (value: unknown) => boolean>> = {
  id: value => isText(value, HEX),
  digest: value => isText(value, /^sha256:[0-9a-f]{64}$/),
  time: value => isText(value, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/),
  seconds: value => Number.isInteger(value) && Number(value) > 1_000_000_000,
  size: value => Number.isInteger(value) && Number(value) >= -1,
  count: value => Number.isInteger(value) && Number(value) >= 0,
  pid: value => Number.isInteger(value) && Number(value) >= 0,
  path: value => isText(value, /^(\/.*)?$/s),
  address: value => isText(value, /^([0-9a-f.:]+)?$/),
  subnet: value => isText(value, /^[0-9a-f.:]+\/\d+$/),
  mac: value => isText(value, /^(([0-9a-f]{2}:){5}[0-9a-f]{2})?$/),
  'own-text': value => typeof value === 'string',
  'own-bool': value => typeof value === 'boolean',
  own: () => true,
};
const VALUES: Readonly<Record<ValueLeaf, (value: unknown) => boolean>> = {
  text: value => typeof value === 'string',
  int: Number.isInteger,
  number: value => typeof value === 'number',
  bool: value => typeof value === 'boolean',
  any: () => true,
};

function isText(value: unknown, form: RegExp): boolean {
  return typeof value === 'string' && form.test(value);
}

/** Whether two values of this shape are not compared. */
export function isOwn(shape: Leaf): shape is OwnLeaf {
  return Object.hasOwn(OWN, shape);
}

/** An object from outside. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A place of an answer that is not as its table says. */
export interface Mismatch {
  readonly at: string;
  readonly found: unknown;
  readonly wanted: unknown;
}

/** What of a value is not as its table says; nothing when all is. */
export function mismatches(value: unknown, shape: Shape, at = 'body'): Mismatch[] {
  const isNot = (wanted: string): Mismatch[] => [{ at, found: value, wanted }];
  if (typeof shape === 'string') {
    const fits = isOwn(shape) ? OWN[shape] : VALUES[shape];
    return fits(value) ? [] : isNot(shape);
  }
  switch (shape.kind) {
    case 'optional':
      return value === undefined ? [] : mismatches(value, shape.item, at);
    case 'nullable':
      return value === null ? [] : mismatches(value, shape.item, at);
    case 'list':
      if (!Array.isArray(value)) return isNot('a list');
      return value.flatMap((item, index) => mismatches(item, shape.item, `${at}[${index}]`));
    case 'map':
      if (!isObject(value)) return isNot('an object');
      return Object.entries(value).flatMap(([key, item]) => mismatches(item, shape.item, `${at}.${key}`));
    case 'record':
      return isObject(value) ? recordMismatches(value, shape.fields, at) : isNot('an object');
  }
}

function recordMismatches(
  value: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, Shape>>,
  at: string,
): Mismatch[] {
  return [...new Set([...Object.keys(value), ...Object.keys(fields)])].flatMap(key => {
    const place = `${at}.${key}`;
    const shape = fields[key];
    if (shape === undefined) return [{ at: place, found: value[key], wanted: 'no such field' }];
    if (Object.hasOwn(value, key) || isOptional(shape)) return mismatches(value[key], shape, place);
    return [{ at: place, found: undefined, wanted: 'to be there' }];
  });
}

function isOptional(shape: Shape): boolean {
  return typeof shape !== 'string' && shape.kind === 'optional';
}

/** What JSON calls it. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  return Array.isArray(value) ? 'list' : typeof value;
}
