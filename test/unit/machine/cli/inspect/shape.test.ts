import t from 'tap';
import { indentJson } from '../../../../../src/machine/cli/inspect/indent-json.ts';
import { applyShape, declareShape } from '../../../../../src/machine/cli/inspect/shape.ts';
import { compileTemplate } from '../../../../../src/machine/cli/template.ts';
import { formatJson } from '../../../../../src/machine/cli/template/values.ts';

const PART = declareShape('part', 'Name:s Size=size:i?');
const WHOLE = declareShape('*whole', 'ID=Id:s Names:l Labels:m One:o? Many:lo Byname:mo Ports:mlo Flag:p?', {
  ...{ One: PART, Many: PART, Byname: PART, Ports: PART },
});

t.test("an answer as Go's structure", async t => {
  const value = applyShape(WHOLE, {
    Id: 'x',
    Many: [{ Name: 'a', size: 1 }],
    Ports: { p: [{ Name: 'b' }], q: null },
  });
  t.equal(
    formatJson(value),
    '{"Id":"x","Names":null,"Labels":null,"Many":[{"Name":"a","size":1}],"Byname":null,"Ports":{"p":[{"Name":"b"}],"q":null}}',
  );
  const render = (text: string): string => compileTemplate(text).execute(value);
  t.equal(
    render('{{.ID}} {{.Names}} {{.Labels}} {{.One}} {{.Many}} {{.Ports}}'),
    'x [] map[] <nil> [{a 1}] map[p:[{b 0}] q:[]]',
  );
  t.equal(render('{{len .Names}}{{if .Labels}}x{{end}}{{(index .Many 0).Size}}{{json .Flag}}'), '01null');
  t.throws(() => render('{{.Id}}'), { message: /can't evaluate field Id in type \*whole/ });
});

t.test('JSON is indented and otherwise left alone', async t => {
  const value = { a: [1, { b: 'x, {y}: "z" \\' }], e: [], o: {}, n: null, t: true };
  t.equal(indentJson(JSON.stringify(value)), JSON.stringify(value, null, 4));
  t.equal(
    indentJson('{"big": 12345678901234567890,"f":1.50}'),
    '{\n    "big": 12345678901234567890,\n    "f": 1.50\n}',
  );
  t.equal(indentJson('[]'), '[]');
});
