import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readRegular } from '../../../../src/machine/host/foreign-files.ts';

t.test('only regular files are read, and only so much', async t => {
  const folder = t.testdir({ sub: {} });
  writeFileSync(join(folder, 'file'), 'hello');
  symlinkSync('/etc/passwd', join(folder, 'link'));
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  const read = (name: string, limit = 100) => readRegular(join(folder, name), limit);
  t.same(read('file'), { bytes: Buffer.from('hello'), truncated: false });
  t.same(read('file', 2), { bytes: Buffer.from('he'), truncated: true });
  for (const name of ['link', 'fifo', 'sub', 'none', 'file/below']) t.equal(read(name), undefined, name);
});
