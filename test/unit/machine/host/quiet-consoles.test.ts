import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { quietConsoles } from '../../../../src/machine/host/kernel.ts';

t.test("the kernel's news stay off the consoles, unless somebody has chosen a level", async t => {
  const folder = t.testdir({ untold: '7\t4\t1\t7\n', quiet: '4\t4\t1\t7\n', loud: '8\t4\t1\t7\n' });
  const after = (name: string, line = 'console=ttyS0 my.loglevel=7'): string => {
    quietConsoles(join(folder, name), () => line);
    return readFileSync(join(folder, name), 'utf8');
  };
  t.equal(after('untold', 'console=ttyS0 loglevel=7'), '7\t4\t1\t7\n');
  t.equal(after('untold', 'loglevel=7 quiet'), '7\t4\t1\t7\n');
  t.equal(after('untold'), '5');
  t.equal(after('quiet'), '4\t4\t1\t7\n');
  t.equal(after('loud'), '8\t4\t1\t7\n');
});
