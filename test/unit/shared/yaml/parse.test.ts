import t from 'tap';
import { InputError, formatFault } from '../../../../src/shared/yaml/faults.ts';
import { parseYaml, readYaml } from '../../../../src/shared/yaml/parse.ts';

function faultsOf(text: string, dialect: 'manifest' | 'cloud-config' = 'manifest') {
  const { faults } = readYaml('f.yml', text, dialect);
  return faults.map(({ message, place, hint }) => ({ at: `${place?.line}:${place?.column}`, message, hint }));
}

function bomb(levels: number): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i <= levels; i++)
    lines.push(
      `a${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  return `${lines.join('\n')}\n`;
}

const BAD: readonly { desc: string; text: string; at: string; message: RegExp; hint: RegExp }[] = [
  { desc: 'tab as indentation', text: 'a:\n\tb: 1\n', at: '2:1', message: /^tab characters/, hint: /spaces/ },
  { desc: 'NUL byte', text: 'a: x\0y\n', at: '1:5', message: /^null byte/, hint: /binary file or UTF-16/ },
  { desc: 'escape character', text: 'a: \u001b[31m\n', at: '1:4', message: /non-printable/, hint: /escape/ },
  {
    desc: 'duplicate key',
    text: 'a: 1\nb: 2\na: 3\n',
    at: '3:1',
    message: /^duplicate key "a"$/,
    hint: /one of the two/,
  },
  {
    desc: 'duplicate quoted key',
    text: 'a: 1\n"a": 3\n',
    at: '2:1',
    message: /^duplicate key "a"$/,
    hint: /one/,
  },
  {
    desc: 'duplicate key behind a BOM, CRLF',
    text: '\ufeffa: 1\r\na: 2\r\n',
    at: '2:1',
    message: /^duplicate/,
    hint: /one/,
  },
  {
    desc: 'second document',
    text: 'a: 1\n---\nb: 2\n',
    at: '2:1',
    message: /second document/,
    hint: /one document/,
  },
  {
    desc: 'colon in a plain text',
    text: 'a: b: c\n',
    at: '1:5',
    message: /not where it can be/,
    hint: /quote a value/,
  },
  { desc: 'open quote', text: 'a: "x\n', at: '2:1', message: /quote is not closed/, hint: /open quote/ },
  {
    desc: 'unknown alias',
    text: 'a: *b\n',
    at: '1:4',
    message: /unidentified alias "b"/,
    hint: /quote a text/,
  },
  { desc: 'unknown tag', text: 'a: !!python/object x\n', at: '1:4', message: /tag/, hint: /remove the tag/ },
  { desc: 'list as key', text: '? [a]\n: b\n', at: '1:1', message: /used as a key/, hint: /plain text/ },
  {
    desc: 'alias inside its own value',
    text: 'a: &a [*a]\n',
    at: '1:8',
    message: /inside the value/,
    hint: /write the value out/,
  },
  {
    desc: 'merge of itself',
    text: 'a: &a {<<: *a}\n',
    at: '1:12',
    message: /inside the value/,
    hint: /write/,
  },
  {
    desc: 'leading zero',
    text: 'mode: 0644\n',
    at: '1:7',
    message: /begins with 0/,
    hint: /in quotes: "0644"/,
  },
  {
    desc: 'too large',
    text: `a: ${'x'.repeat(1024 * 1024)}`,
    at: '1:1',
    message: /too large/,
    hint: /right file/,
  },
  {
    desc: 'too deep',
    text: `a: ${'['.repeat(200)}`,
    at: '1:67',
    message: /nested too deeply/,
    hint: /flatten/,
  },
];

for (const { desc, text, at, message, hint } of BAD) {
  t.test(`refuses: ${desc}`, async t => {
    const [fault, ...more] = faultsOf(text);
    t.equal(fault?.at, at);
    t.match(fault?.message, message);
    t.match(fault?.hint, hint);
    t.same(more, []);
  });
}

t.test('a billion laughs are stopped before they are expanded', async t => {
  const before = process.memoryUsage().heapUsed;
  const [fault] = faultsOf(bomb(12));
  t.match(fault?.message, /aliases expand to more than 100000 values/);
  t.ok(process.memoryUsage().heapUsed - before < 200e6);
  t.same(faultsOf(bomb(2)), [], 'a modest use of aliases is fine');
});

t.test('every duplicate key is reported, with both places', async t => {
  const { faults } = readYaml('f.yml', 'a: 1\na: 2\nb:\n  c: 1\n  c: 2\n', 'manifest');
  t.equal(faults.length, 2);
  t.equal(faults[1]?.related?.place.line, 4);
  t.equal(
    faults[0] && formatFault(faults[0]),
    [
      'f.yml:2:1: duplicate key "a"',
      '  2 | a: 2',
      '    | ^',
      '  first defined here: f.yml:1:1',
      '  1 | a: 1',
      '    | ^',
      '  hint: keep one of the two',
    ].join('\n'),
  );
});

t.test('the two dialects', async t => {
  t.same(parseYaml('f', 'a: yes\nb: 0o644\n', 'manifest').value, { a: 'yes', b: 420 });
  t.same(parseYaml('f', 'a: yes\n', 'cloud-config').value, { a: true });
  t.match(faultsOf('permissions: 0644', 'cloud-config')[0]?.hint, /"0644"/);
  t.same(parseYaml('f', 'permissions: "0644"', 'cloud-config').value, { permissions: '0644' });
});

t.test('places follow aliases and merge keys to where the value is written', async t => {
  const text = 'base: &b\n  x: 1\n  y: 2\nown:\n  <<: *b\n  y: 3\nlist: [a, *b]\n';
  const document = parseYaml('f', text, 'manifest');
  t.same((document.value as { own: unknown }).own, { x: 1, y: 3 });
  t.equal(document.placeOf('/own/x').line, 2);
  t.equal(document.placeOf('/own/y').line, 6);
  t.match(document.keyPlaceOf('/own/y'), { line: 6, column: 3 });
  t.equal(document.placeOf('/list/1').line, 7);
  t.equal(document.placeOf('/list/1/x').line, 2);
  t.equal(document.placeOf('/own/missing').line, 5, 'the nearest parent that exists');
});

t.test('columns count characters, and tabs keep the caret in line', async t => {
  const document = parseYaml('f', '"ä😀": ["ö\t", "x"]\n', 'manifest');
  const place = document.placeOf('/ä😀/1');
  t.equal(place.column, 14);
  t.match(formatFault({ message: 'm', place }), /\n {4}\| {10}\t {3}\^$/);
});

t.test('a long line is cut around the column', async t => {
  const { faults } = readYaml(
    'f',
    `{${'a: 1, '.repeat(100)}b: 1, b: 2, ${'c: 1, '.repeat(100)}}`,
    'manifest',
  );
  const shown = faults.find(fault => fault.message.includes('"b"'));
  t.ok(shown);
  for (const line of (shown ? formatFault(shown) : '').split('\n')) t.ok(line.length < 140);
});

t.test('what is shown cannot steer a terminal', async t => {
  const { faults } = readYaml('f\u001b[2J.yml', 'a: 1\u202e\na: "\u009b"\n', 'manifest');
  const shown = faults.map(formatFault).join('');
  for (const sign of ['\u001b', '\u009b', '\u202e']) t.notOk(shown.includes(sign));
});

t.test('empty files and keys named like properties of objects', async t => {
  t.equal(parseYaml('f', '# nothing\n', 'manifest').value, undefined);
  const { value } = parseYaml('f', '__proto__: {a: 1}\n', 'manifest');
  t.same(Object.keys(value as object), ['__proto__']);
  t.equal(({} as Record<string, unknown>).a, undefined);
  t.throws(() => parseYaml('f', 'a: [', 'manifest'), { code: 'YAML_INVALID' });
  t.throws(() => parseYaml('f', 'a: [', 'manifest'), InputError);
});

t.test('a file of nothing but faults is given up early', async t => {
  const text = '- 00\n'.repeat(50_000);
  const { faults } = readYaml('x.yml', text, 'cloud-config');
  t.equal(faults.length, 50);
  t.match(faults[49], { place: { line: 50, column: 3, text: '- 00' } });
});
