import t from 'tap';
import { compileTemplate } from '../../../../src/machine/cli/template.ts';
import { GO_TYPE } from '../../../../src/machine/cli/template/values.ts';

const render = (text: string, data: unknown = {}): string => compileTemplate(text).execute(data);

const data = {
  Name: '/web',
  Count: 3,
  Zero: 0,
  Yes: true,
  Nothing: null,
  Env: ['A=b', 'C=d'],
  Empty: [],
  Labels: { b: '2', a: '1' },
  Ports: { '80/tcp': [{ HostPort: '8080' }] },
  Label: (key: unknown) => `label ${String(key)}`,
};

t.test('fields, pipelines and functions', async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['plain', 'plain'],
    ['{{.Name}}', '/web'],
    ['{{ .Name }}!', '/web!'],
    ['{{.Count}} {{.Yes}} {{.Env}} {{.Labels}}', '3 true [A=b C=d] map[a:1 b:2]'],
    ['{{.Labels.a}}{{.Labels.zz}}', '1<no value>'],
    ['{{.Nothing}}', '<nil>'],
    ['{{.Label "x"}}', 'label x'],
    ['{{"x" | .Label}}', 'label x'],
    ['{{index .Env 1}} {{index .Labels "a"}} [{{index .Labels "zz"}}]', 'C=d 1 []'],
    ['{{(index (index .Ports "80/tcp") 0).HostPort}}', '8080'],
    ['{{json .Labels}} {{json .Env}} {{json .Nothing}}', '{"a":"1","b":"2"} ["A=b","C=d"] null'],
    ['{{.Name | upper | printf "%s!"}}', '/WEB!'],
    ['{{join .Env ", "}}|{{split "a,b" ","}}', 'A=b, C=d|[a b]'],
    ['{{title "hello big world"}} {{lower "ABC"}} {{truncate "abcdef" 3}}', 'Hello Big World abc abc'],
    ['[{{pad "x" 2 3}}] [{{pad "" 2 3}}]', '[  x   ] []'],
    ['{{len .Env}} {{len .Labels}} {{len .Name}} {{len .Nothing}}', '2 2 4 0'],
    ['{{slice "abcdef" 1 3}} {{slice .Env 1}}', 'bc [C=d]'],
    ['{{print "a" 1 2 "b"}} {{println 1 2}}', 'a1 2b 1 2\n'],
    ['{{html "<a>"}} {{urlquery "a b&c"}} {{js "it\'s <b>"}}', "&lt;a&gt; a+b%26c it\\'s \\u003Cb\\u003E"],
    ['{{eq 1 1}} {{eq .Name "x" "/web"}} {{ne 1 2}} {{lt 1 2}} {{ge "b" "a"}}', 'true true true true true'],
    ['{{and 1 0}} {{and .Name .Yes}} {{or 0 "x"}} {{not .Zero}}', '0 true x true'],
    ['{{or .Name (index .Env 99)}}', '/web'],
    [
      '{{\'a\'}} {{0x10}} {{1_000}} {{-1}} {{1.5}} {{`raw\\n`}} {{"q\\x41\\n"}}',
      '97 16 1000 -1 1.5 raw\\n qA\n',
    ],
  ];
  for (const [template, expected] of cases) t.equal(render(template, data), expected, template);
});

t.test('control', async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['{{if .Yes}}a{{else}}b{{end}}{{if .Zero}}a{{else}}b{{end}}', 'ab'],
    ['{{if .Zero}}a{{else if .Yes}}b{{else}}c{{end}}', 'b'],
    ['{{if .Empty}}a{{end}}{{if .Labels}}b{{end}}', 'b'],
    ['{{with .Labels}}{{.a}}{{end}}{{with .Nothing}}x{{else}}y{{end}}', '1y'],
    ['{{range .Env}}<{{.}}>{{end}}{{range .Empty}}x{{else}}none{{end}}', '<A=b><C=d>none'],
    ['{{range $k, $v := .Labels}}{{$k}}={{$v}} {{end}}', 'a=1 b=2 '],
    ['{{range $v := .Env}}{{$v}}{{end}}{{range 3}}x{{end}}', 'A=bC=dxxx'],
    ['{{range .Env}}{{$.Name}}{{break}}{{end}}', '/web'],
    ['{{range $i, $e := .Env}}{{if eq $i 0}}{{continue}}{{end}}{{$e}}{{end}}', 'C=d'],
    ['{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}', '2'],
    ['{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}', '21'],
    ['{{define "T"}}[{{.}}]{{end}}{{template "T" .Name}}', '[/web]'],
    ['{{block "B" .Count}}<{{.}}>{{end}}', '<3>'],
    ['a {{- " b " -}} c{{/* nothing */}} d {{- /* trims */ -}} e', 'a b c de'],
  ];
  for (const [template, expected] of cases) t.equal(render(template, data), expected, template);
});

t.test("printf has Go's verbs", async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['{{printf "%5d|%-5s|%05d|%x|%X" 1 "a" 42 255 "hi"}}', '    1|a    |00042|ff|6869'],
    ['{{printf "%q %v %t %.2f %+d %%" "q\\"" .Env true 1.005 5}}', '"q\\"" [A=b C=d] true 1.00 +5 %'],
    ['{{printf "%d %s" "s" 5}}', '%!d(string=s) %!s(int=5)'],
    ['{{printf "%d %d" 1}} {{printf "%d" 1 2}}', '1 %!d(MISSING) 1%!(EXTRA int=2)'],
    ['{{printf "%c%U %o %b %e %g" 97 97 8 5 1500.0 0.00001}}', 'aU+0061 10 101 1.500000e+03 1e-05'],
    ['{{printf "%*d|%.2s|%T" 4 7 "abc" "x"}}', '   7|ab|string'],
  ];
  for (const [template, expected] of cases) t.equal(render(template, data), expected, template);
});

t.test("what cannot be read is said in Go's words", async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['{{.ID', 'unclosed action'],
    ['{{foo .ID}}', 'function "foo" not defined'],
    ['{{if}}{{end}}', 'missing value for if'],
    ['{{"a', 'unterminated quoted string'],
    ['{{`a', 'unterminated raw quoted string'],
    ["{{'a", 'unterminated character constant'],
    ['{{end}}', 'unexpected {{end}}'],
    ['{{if 1}}', 'unexpected EOF'],
    ['{{$x}}', 'undefined variable "$x"'],
    ['{{.ID & }}', 'unexpected "&" in operand'],
    ['{{(1}}', 'unclosed left paren'],
    ['{{1)}}', 'unexpected right paren'],
    ['{{/* x }}', 'unclosed comment'],
    ['{{break}}', '{{break}} outside {{range}}'],
    ['{{.A | 1}}', 'non executable command in pipeline stage 2'],
    ['{{ü ö}}', 'function "ü" not defined'],
    ['{{→}}', "unrecognized character in action: U+2192 '→'"],
    ['{{"\\q"}}', 'invalid syntax'],
  ];
  for (const [template, message] of cases) {
    t.throws(
      () => compileTemplate(template),
      { code: 'TEMPLATE_INVALID', message: `template: :1: ${message}` },
      template,
    );
  }
  t.throws(() => compileTemplate('a\n{{x}}', 'version'), {
    message: 'template: version:2: function "x" not defined',
  });
});

t.test("what cannot be done is said in Go's words, with its place", async t => {
  const row = { [GO_TYPE]: '*formatter.ContainerContext', ID: 'x', Label: (key: unknown) => key };
  const cases: readonly (readonly [string, string])[] = [
    [
      '{{.Foo}}',
      '1:2: executing "" at <.Foo>: can\'t evaluate field Foo in type *formatter.ContainerContext',
    ],
    ['{{.ID.Foo}}', '1:5: executing "" at <.ID.Foo>: can\'t evaluate field Foo in type string'],
    ['{{.Label}}', '1:2: executing "" at <.Label>: wrong number of args for Label: want 1 got 0'],
    ['a\n{{index .ID 5}}', '2:2: executing "" at <index .ID 5>: error calling index: index out of range: 5'],
    ['{{eq .ID 5}}', '1:2: executing "" at <eq .ID 5>: error calling eq: incompatible types for comparison'],
    ['{{range .ID}}{{end}}', '1:8: executing "" at <.ID>: range can\'t iterate over x'],
    ['{{template "x"}}', '1:11: executing "" at <{{template "x"}}>: template "x" not defined'],
    ['{{len 1}}', '1:2: executing "" at <len 1>: error calling len: len of type int'],
    ['{{split .ID}}', '1:2: executing "" at <split>: wrong number of args for split: want 2 got 1'],
  ];
  for (const [template, message] of cases) {
    t.throws(
      () => compileTemplate(template).execute(row),
      { code: 'TEMPLATE_FAILED', message: `template: :${message}` },
      template,
    );
  }
  t.throws(() => compileTemplate('{{.A}}').execute({}, { failsForMissing: true }), {
    message: /map has no entry for key "A"$/,
  });
});

t.test('hostile templates end', async t => {
  t.throws(() => compileTemplate('{{if 1}}'.repeat(5000)), { code: 'TEMPLATE_INVALID' });
  t.throws(() => render('{{define "a"}}{{template "a"}}{{end}}{{template "a"}}'), {
    message: /exceeded maximum template depth/,
  });
  t.throws(() => render('{{range 100000000}}x{{end}}'), { code: 'TEMPLATE_FAILED' });
  t.equal(render('{{printf "%999999999d" 1}}').length, 10_000);
  t.throws(() => render('{{.constructor}}', { [GO_TYPE]: 'x' }), { code: 'TEMPLATE_FAILED' });
  t.equal(render('{{.constructor}}{{.__proto__}}'), '<no value><no value>');
});

t.test('a header names the columns', async t => {
  const names = { ID: 'CONTAINER ID', Name: 'NAME' };
  t.equal(
    compileTemplate('{{.ID}}\t{{upper .Name}}\t{{.Label "org.my-label"}}\t{{.Nope}}').header(names),
    'CONTAINER ID\tNAME\tmy label\t<no value>',
  );
});
