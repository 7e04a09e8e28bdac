import t from 'tap';
import { comparePaths } from '../../../../src/shared/oci/layer-paths.ts';

t.test('the order of paths: a folder before what it holds, names by their UTF-8 bytes', async t => {
  const names = [
    '',
    'a',
    'b',
    'ab',
    'a b',
    'a.b',
    '.',
    '\u0001',
    '\u007f',
    '\u00e9',
    '\u0416',
    '\ud7ff',
    '\ue000',
  ];
  names.push('\uffff', '\u{10000}', '\u{10ffff}', '\u{1f600}', '\u{1f600}\u{1f601}');
  const paths = names.flatMap(one => names.flatMap(two => [one, `${one}/${two}`, `${one}${two}`]));
  const bytes = (path: string): Buffer => Buffer.from(path.replaceAll('/', '\0'));
  for (const one of paths) {
    for (const other of paths) {
      const found = Math.sign(comparePaths(one, other));
      const wanted = Buffer.compare(bytes(one), bytes(other));
      if (found !== wanted) t.fail(`${JSON.stringify(one)} to ${JSON.stringify(other)}: ${found}`);
    }
  }
  t.same(['a.b', 'a/b', 'a', 'a/b/c', 'a-'].sort(comparePaths), ['a', 'a/b', 'a/b/c', 'a-', 'a.b']);
});
