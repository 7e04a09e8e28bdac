import { symlinkSync, writeFileSync } from 'node:fs';
import { rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readAccountsBelow } from '../../../../../src/machine/engine/files/account-files.ts';

const READS = 1500;

t.test('links of a container lead nowhere out of it', async t => {
  const folder = t.testdir({ secret: 'no', root: { etc: {}, usr: { good: 'yes' } } });
  const root = join(folder, 'root');
  t.same(await readAccountsBelow(root), { passwd: undefined, group: undefined }, 'nothing there');
  symlinkSync('../../secret', join(root, 'etc/passwd'));
  symlinkSync(join(folder, 'secret'), join(root, 'etc/group'));
  t.same(await readAccountsBelow(root), { passwd: undefined, group: undefined });
  const other = t.testdir({ root: { etc: {}, usr: { good: 'yes' } } });
  symlinkSync('../../../../usr/good', join(other, 'root/etc/passwd'));
  t.match(await readAccountsBelow(join(other, 'root')), { passwd: 'yes' }, 'climbing ends at the root');
});

t.test('a longer file, a folder and a loop are taken for none', async t => {
  const root = t.testdir({ etc: { group: {} } });
  writeFileSync(join(root, 'etc/passwd'), Buffer.alloc(1024 * 1024 + 1, 'x'));
  t.same(await readAccountsBelow(root), { passwd: undefined, group: undefined });
  const looped = t.testdir({ etc: {} });
  symlinkSync('passwd', join(looped, 'etc/passwd'));
  t.match(await readAccountsBelow(looped), { passwd: undefined });
});

t.test('a file that is changed into a link while it is read shows nothing of the host', async t => {
  const folder = t.testdir({ secret: 'of the host', root: { etc: { passwd: 'inside' } } });
  const etc = join(folder, 'root/etc');
  const seen = new Set<string | undefined>();
  let reads = 0;
  const flip = async (): Promise<void> => {
    for (let turn = 0; reads < READS; turn += 1) {
      const next = join(etc, 'next');
      await (turn % 2 === 0 ? symlink(join(folder, 'secret'), next) : writeFile(next, 'inside'));
      await rename(next, join(etc, 'passwd'));
    }
  };
  const read = async (): Promise<void> => {
    for (; reads < READS; reads += 1) {
      const { passwd } = await readAccountsBelow(join(folder, 'root'));
      seen.add(passwd);
    }
  };
  await Promise.all([flip(), read()]);
  t.same(
    [...seen].filter(text => text === 'of the host'),
    [],
  );
  t.ok(seen.has('inside'));
});
