import type { Difference } from './differences.ts';
import { type Answer, nameOf } from './exchange.ts';
import type { Result } from './run.ts';
import { type Shape, isObject, isOwn, kindOf } from './shape.ts';

/** All differences between the answers of two engines to the same exchanges. */
export function compareResults(ours: readonly Result[], theirs: readonly Result[]): Difference[] {
  return ours.flatMap((result, index) => {
    const other = theirs[index];
    if (other === undefined) throw new Error('the engines were asked different things');
    const { exchange } = result;
    return compareAnswers(result.answer, other.answer, exchange).map(difference => ({
      exchange: nameOf(exchange),
      ...difference,
    }));
  });
}

type Place = Omit<Difference, 'exchange'>;

function compareAnswers(
  ours: Answer,
  theirs: Answer,
  { answer, header, read = 'json' }: Result['exchange'],
): Place[] {
  const places: Place[] = [];
  if (ours.status !== theirs.status) places.push({ at: 'status', ours: ours.status, theirs: theirs.status });
  if (ours.contentType !== theirs.contentType) {
    places.push({ at: 'type', ours: ours.contentType, theirs: theirs.contentType });
  }
  const shape = ours.status === theirs.status && ours.status < 400 ? answer : 'any';
  const isLooked = shape !== undefined || read !== 'json';
  if (isLooked) places.push(...compareValues(ours.body, theirs.body, shape ?? 'any', 'body'));
  if (header !== undefined) places.push(...compareValues(ours.header, theirs.header, header.shape, 'header'));
  return places;
}

function compareValues(ours: unknown, theirs: unknown, shape: Shape, at: string): Place[] {
  const different: Place[] = [{ at, ours, theirs }];
  if (typeof shape === 'string') {
    if (isOwn(shape)) return isEmpty(ours) === isEmpty(theirs) || shape === 'own' ? [] : different;
    return JSON.stringify(sorted(ours)) === JSON.stringify(sorted(theirs)) ? [] : different;
  }
  if (shape.kind === 'nullable' || shape.kind === 'optional') {
    const isOwnList =
      typeof shape.item !== 'string' && shape.item.kind === 'list' && shape.item.order === 'own';
    if (isOwnList) return [];
    const isNothing = ours === undefined || ours === null || theirs === undefined || theirs === null;
    if (isNothing) return ours === theirs ? [] : different;
    return compareValues(ours, theirs, shape.item, at);
  }
  if (kindOf(ours) !== kindOf(theirs)) return different;
  if (shape.kind === 'list') return compareLists(ours as unknown[], theirs as unknown[], shape, at);
  const left = ours as Readonly<Record<string, unknown>>;
  const right = theirs as Readonly<Record<string, unknown>>;
  if (!isObject(left) || !isObject(right)) return different;
  if (shape.kind === 'map' && shape.own) return [];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap(key => {
    const item = shape.kind === 'map' ? shape.item : (shape.fields[key] ?? 'any');
    const isBoth = Object.hasOwn(left, key) && Object.hasOwn(right, key);
    const place = `${at}.${key}`;
    return isBoth
      ? compareValues(left[key], right[key], item, place)
      : [{ at: place, ours: left[key], theirs: right[key] }];
  });
}

function compareLists(
  ours: unknown[],
  theirs: unknown[],
  { item, order }: Extract<Shape, { kind: 'list' }>,
  at: string,
): Place[] {
  if (order === 'own') return [];
  if (ours.length !== theirs.length) return [{ at: `${at}.length`, ours, theirs }];
  const [left, right] = order === 'any' ? [ours, theirs].map(inOrder) : [ours, theirs];
  return (left ?? []).flatMap((entry, index) =>
    compareValues(entry, right?.[index], item, `${at}[${index}]`),
  );
}

/** By what names a member of a set, else as a text. */
function inOrder(items: readonly unknown[]): unknown[] {
  const keyOf = (item: unknown): string => {
    if (!isObject(item)) return JSON.stringify(item);
    const { Name, Names, RepoTags, Destination, Path, PrivatePort, IP } = item;
    return JSON.stringify([Destination, Names, RepoTags, Path, PrivatePort, IP, Name]);
  };
  return items.toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map(key => [key, sorted(value[key])]),
  );
}

/** Whether an own value says that there is nothing: an empty text, Docker's first time. */
function isEmpty(value: unknown): boolean {
  return value === '' || value === '0001-01-01T00:00:00Z';
}
