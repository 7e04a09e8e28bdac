import { compareText } from './template/values.ts';

/** Order of names for people: numbers in them by their value, `v9` before `v10`. */
export function naturalOrder(a: string, b: string): number {
  const [left, right] = [a, b].map(text => text.match(/\d+|\D+/g) ?? []);
  for (const [index, word] of (left ?? []).entries()) {
    const other = right?.[index];
    if (other === undefined) return 1;
    const bothNumbers = /^\d/.test(word) && /^\d/.test(other);
    const order = bothNumbers ? compareNumbers(word, other) : compareText(word, other);
    if (order !== 0) return order;
  }
  return (left?.length ?? 0) - (right?.length ?? 0);
}

function compareNumbers(a: string, b: string): number {
  const [x, y] = [BigInt(a), BigInt(b)];
  if (x !== y) return x < y ? -1 : 1;
  return a.length - b.length;
}
