import t from 'tap';
import {
  booleanQuery,
  filtersQuery,
  numberQuery,
  timeQuery,
} from '../../../../../src/machine/engine/http/query.ts';
import {
  booleanField,
  parseJsonObject,
  sizeField,
  textListField,
} from '../../../../../src/machine/engine/http/request-body.ts';

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
  const parse = (text: string, type = 'application/json') => parseJsonObject(Buffer.from(text), type);
  t.same(parse(''), {});
  t.same(parse('null'), {});
  t.same(parse('{"a":1}', 'application/json; charset=utf-8'), { a: 1 });
  for (const bad of ['{', '[]', '1', '"x"'])
    t.throws(() => parse(bad), { code: 'ENGINE_INVALID_PARAMETER' }, bad);
  t.throws(() => parse('{}', 'text/plain'), { message: /must be 'application\/json'/ });
  t.throws(() => booleanField({ Tty: 'yes' }, 'Tty'), { code: 'ENGINE_INVALID_PARAMETER' });
  t.throws(() => textListField({ Cmd: 'ls' }, 'Cmd'), { code: 'ENGINE_INVALID_PARAMETER' });
  t.throws(() => textListField({ Cmd: ['ls', 1] }, 'Cmd'), { code: 'ENGINE_INVALID_PARAMETER' });
  t.throws(() => sizeField({ S: [1] }, 'S'), { code: 'ENGINE_INVALID_PARAMETER' });
  t.same(sizeField({ S: [24, 80] }, 'S'), { rows: 24, columns: 80 });
  t.equal(sizeField({ S: null }, 'S'), undefined);
});
