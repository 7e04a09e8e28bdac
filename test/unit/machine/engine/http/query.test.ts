import t from 'tap';
import {
  booleanQuery,
  filtersQuery,
  numberQuery,
  timeQuery,
} from '../../../../../src/machine/engine/http/query.ts';
import { parseJson } from '../../../../../src/machine/engine/http/request-body.ts';

const query = (text: string): URLSearchParams => new URLSearchParams(text);

t.test('switches and numbers', async t => {
  for (const off of ['', 'a=', 'a=0', 'a=false', 'a=No', 'a=none'])
    t.equal(booleanQuery(query(off), 'a'), false, off);
  for (const on of ['a=1', 'a=true', 'a=yes']) t.equal(booleanQuery(query(on), 'a'), true, on);
  t.equal(numberQuery(query('n=-1'), 'n'), -1);
  t.equal(numberQuery(query(''), 'n'), undefined);
  t.throws(() => numberQuery(query('n=1e3'), 'n'), { code: 'ENGINE_INVALID_PARAMETER' });
});

t.test('filters in both spellings, and hostile ones', async t => {
  const filters = (json: string) =>
    filtersQuery(query(`filters=${encodeURIComponent(json)}`), ['name', 'label']);
  t.same([...filters('{"name":["a","b"]}')], [['name', ['a', 'b']]]);
  t.same([...filters('{"name":{"a":true,"b":false}}')], [['name', ['a']]]);
  for (const bad of [
    '{',
    '[]',
    '"x"',
    '{"name":"a"}',
    '{"name":[1]}',
    '{"__proto__":["a"]}',
    '{"constructor":["a"]}',
  ]) {
    t.throws(() => filters(bad), { code: 'ENGINE_INVALID_PARAMETER' }, bad);
  }
});

t.test('points in time', async t => {
  t.equal(timeQuery(query('since=1700000000.000000001'), 'since'), 1_700_000_000_000_000_001n);
  t.equal(timeQuery(query('since=1700000000.5'), 'since'), 1_700_000_000_500_000_000n);
  t.equal(timeQuery(query('since=0'), 'since'), undefined);
  t.equal(timeQuery(query('since=1970-01-01T00:00:01Z'), 'since'), 1_000_000_000n);
  t.throws(() => timeQuery(query('since=soon'), 'since'), { code: 'ENGINE_INVALID_PARAMETER' });
});

t.test('bodies', async t => {
  const parse = (text: string, type = 'application/json') => parseJson(Buffer.from(text), type);
  t.equal(parse(''), undefined);
  t.equal(parse('null'), null);
  t.same(parse('{"a":1}', 'application/json; charset=utf-8'), { a: 1 });
  const refused: readonly (readonly [string, string])[] = [
    ['{', 'invalid JSON: unexpected EOF'],
    ['{"a":', 'invalid JSON: unexpected EOF'],
    ['{} {}', 'unexpected content after JSON'],
    [' ', 'invalid JSON: got EOF while reading request body'],
    ['{"a":x}', "invalid JSON: invalid character 'x' looking for beginning of value"],
  ];
  for (const [bad, message] of refused)
    t.throws(() => parse(bad), { code: 'ENGINE_INVALID_PARAMETER', message }, bad);
  t.throws(() => parse('{}', 'text/plain'), { message: /must be 'application\/json'/ });
  t.throws(() => parse('{}', 'a b'), {
    message: 'malformed Content-Type header (a b): mime: expected slash after first token',
  });
});
