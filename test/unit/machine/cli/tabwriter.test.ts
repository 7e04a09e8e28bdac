import t from 'tap';
import { alignColumns } from '../../../../src/machine/cli/tabwriter.ts';

t.test('columns are ten wide at least, with three blanks', async t => {
  t.equal(alignColumns('A\tB\nlong\tx\n'), 'A         B\nlong      x\n');
  t.equal(alignColumns('A\tB\n1234567890\tx\n'), 'A            B\n1234567890   x\n');
  t.equal(
    alignColumns('A\tB\näöüäöüäöüä…\tx\n'),
    'A             B\näöüäöüäöüä…   x\n',
    'characters count, not bytes',
  );
});

t.test('a column ends where a line does not have it', async t => {
  t.equal(
    alignColumns('aaaaaaaaaaaa\tb\tc\nx\nd\te\tf\n'),
    'aaaaaaaaaaaa   b         c\nx\nd         e         f\n',
  );
  t.equal(alignColumns('a\t\nb\t\n'), 'a         \nb         \n', 'an empty last cell');
  t.equal(alignColumns(''), '');
});
