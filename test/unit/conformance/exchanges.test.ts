import { readFile } from 'node:fs/promises';
import t from 'tap';
import { ROUTE_NAMES } from '../../../src/machine/engine-api/routes.ts';
import { explain, fits } from '../../conformance/differences.ts';
import { EXCHANGES } from '../../conformance/exchanges/all.ts';
import { nameOf } from '../../conformance/exchange.ts';
import { KNOWN_DIFFERENCES } from '../../conformance/known-differences.ts';
import { list, mismatches, nullable, optional, record } from '../../conformance/shape.ts';

t.test('every endpoint is asked for something good and something bad', async t => {
  // Only bad things can be asked of what this machine cannot reach; nothing can be wrong with these.
  const onlyBad = ['containerAttachSocket', 'imageSearch', 'distributionInspect', 'login'];
  // A load tells of its failure within the answer.
  const onlyGood = ['ping', 'info', 'imageLoad'];
  for (const route of ROUTE_NAMES) {
    const statuses = EXCHANGES.filter(exchange => exchange.route === route).map(({ status }) => status);
    t.equal(
      statuses.some(status => status < 400),
      !onlyBad.includes(route),
      `${route}: good`,
    );
    t.equal(
      statuses.some(status => status >= 400),
      !onlyGood.includes(route),
      `${route}: bad`,
    );
  }
});

t.test('names are told apart, and no sentence was forgotten', async t => {
  const names = EXCHANGES.map(nameOf);
  t.same(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
  t.same(EXCHANGES.filter(({ says }) => says === '?').map(nameOf), []);
});

t.test('the document tells of every difference', async t => {
  const text = await readFile('docs/docker-differences.md', 'utf8');
  for (const { exchange, told, reason } of KNOWN_DIFFERENCES) {
    t.ok(text.includes(told), `${exchange}: ${told}`);
    t.not(reason, '');
  }
});

t.test('a difference is explained by the list, and an entry is used or named', async t => {
  const entry = { exchange: 'a: *', at: 'body[*].x', reason: 'so', told: 'so' };
  const found = { exchange: 'a: one', at: 'body[3].x', ours: 1, theirs: 2 };
  t.same(explain([found], [entry]), { unexplained: [], unused: [] });
  t.same(explain([{ ...found, at: 'body[3].y' }], [entry]), {
    unexplained: [{ ...found, at: 'body[3].y' }],
    unused: [entry],
  });
  t.same(explain([found], [{ ...entry, ours: 3 }]).unexplained, [found]);
  t.notOk(fits('a.b', 'axb'));
});

t.test('shapes', async t => {
  const shape = record({ a: 'int', b: optional('text'), c: nullable(list('bool')) });
  t.same(mismatches({ a: 1, c: null }, shape), []);
  t.same(mismatches({ a: 1, b: 'x', c: [true] }, shape), []);
  t.same(mismatches({ a: 1.5, b: 2, c: [0], d: 1 }, shape), [
    { at: 'body.a', found: 1.5, wanted: 'int' },
    { at: 'body.b', found: 2, wanted: 'text' },
    { at: 'body.c[0]', found: 0, wanted: 'bool' },
    { at: 'body.d', found: 1, wanted: 'no such field' },
  ]);
  t.same(mismatches({ c: null }, shape), [{ at: 'body.a', found: undefined, wanted: 'to be there' }]);
  t.same(mismatches('x', 'time'), [{ at: 'body', found: 'x', wanted: 'time' }]);
});
