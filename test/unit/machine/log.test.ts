import t from 'tap';
import { createLog } from '../../../src/machine/log.ts';

t.test('one JSON object a line, with the component', async t => {
  const lines: string[] = [];
  const log = createLog({ component: 'boot', write: line => lines.push(line), clock: () => 0 });
  log.debug('not shown');
  log.child('engine').warning('two\nlines', { container: 'web', code: 3 });
  t.equal(lines.length, 1);
  t.ok(lines[0]?.endsWith('}\n'));
  t.equal(lines[0]?.split('\n').length, 2);
  t.same(JSON.parse(lines[0] ?? ''), {
    time: '1970-01-01T00:00:00.000Z',
    level: 'warning',
    component: 'engine',
    message: 'two\nlines',
    container: 'web',
    code: 3,
  });
});
