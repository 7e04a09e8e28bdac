import t from 'tap';
import {
  formatClause,
  meetsVersion,
  parseClauses,
  parseRelation,
  parseRelations,
} from '../../../../../src/build/resolve/debian/dependencies.ts';

t.test('clauses with alternatives, versions and qualifiers', async t => {
  t.strictSame(parseClauses('libc6 (>= 2.41), python3:any, default-mta | mail-transport-agent,', 'x'), [
    [{ name: 'libc6', operator: '>=', version: '2.41' }],
    [{ name: 'python3', qualifier: 'any' }],
    [{ name: 'default-mta' }, { name: 'mail-transport-agent' }],
  ]);
  t.strictSame(parseClauses('', 'x'), []);
  t.strictSame(parseRelations('a (= 1), b', 'x'), [
    { name: 'a', operator: '=', version: '1' },
    { name: 'b' },
  ]);
});

t.test('the old single signs mean "or equal"', async t => {
  t.equal(parseRelation('a (< 1)', 'x').operator, '<=');
  t.equal(parseRelation('a(>1)', 'x').operator, '>=');
});

t.test('what is no relation is refused', async t => {
  for (const text of ['A', 'a b', 'a (1)', 'a (>= )', 'a [amd64]', 'a (>= 1) x', '', '../a', 'a (>= 1_0)']) {
    t.throws(
      () => parseRelation(text, 'the package x'),
      { code: 'RELATION_MALFORMED', message: /^the package x: / },
      text,
    );
  }
});

t.test('a provision without a version meets no versioned need', async t => {
  t.ok(meetsVersion({ name: 'a' }, undefined));
  t.notOk(meetsVersion({ name: 'a', operator: '>=', version: '1' }, undefined));
  t.ok(meetsVersion({ name: 'a', operator: '>=', version: '1' }, '1.1'));
});

t.test('relations are written as a person writes them', async t => {
  t.equal(formatClause(parseClauses('a:any(>=1)|b', 'x')[0] ?? []), 'a:any (>= 1) | b');
});
