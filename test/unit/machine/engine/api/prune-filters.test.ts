import t from 'tap';
import {
  parseGoDuration,
  passesLabels,
  untilOf,
} from '../../../../../src/machine/engine/api/prune-filters.ts';

const filters = (entries: Readonly<Record<string, readonly string[]>>) => new Map(Object.entries(entries));

t.test('labels', async t => {
  const labels = { a: '1', b: '' };
  const cases: readonly [Readonly<Record<string, readonly string[]>>, boolean][] = [
    [{}, true],
    [{ label: ['a'] }, true],
    [{ label: ['a=1', 'b'] }, true],
    [{ label: ['a=2'] }, false],
    [{ label: ['toString'] }, false],
    [{ 'label!': ['a'] }, false],
    [{ 'label!': ['a=2', 'c'] }, true],
  ];
  for (const [given, expected] of cases)
    t.equal(passesLabels(labels, filters(given)), expected, JSON.stringify(given));
});

t.test('until', async t => {
  const until = (text: string): number | undefined => untilOf(filters({ until: [text] }), 1_000_000_000);
  t.equal(untilOf(filters({}), 0), undefined);
  t.equal(until('10m'), 1_000_000_000 - 600_000);
  t.equal(until('1h1.5s'), 1_000_000_000 - 3_601_500);
  t.equal(until('1700000000'), 1_700_000_000_000);
  t.equal(until('2024-01-02T03:04:05Z'), Date.UTC(2024, 0, 2, 3, 4, 5));
  for (const text of ['soon', '10x', '1h 2m']) {
    t.throws(() => until(text), { code: 'ENGINE_INVALID_PARAMETER' }, text);
  }
  t.throws(() => untilOf(filters({ until: ['1h', '2h'] }), 0), {
    message: 'more than one until filter specified',
  });
  t.equal(parseGoDuration('1d'), undefined);
});
