import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeFolders } from '../../../../src/shared/fs/make-folders.ts';

t.test('a folder with its parents, once or again', async t => {
  const folder = t.testdir({ file: '' });
  const deep = join(folder, 'a/b/c');
  await makeFolders(deep);
  await makeFolders(deep);
  t.ok(existsSync(deep));
  await t.rejects(makeFolders(join(folder, 'file')), { code: 'EEXIST' });
  await t.rejects(makeFolders(join(folder, 'file/below')), { code: 'ENOTDIR' });
});

t.test('where a file system refuses it, it is an error', async t => {
  await t.rejects(makeFolders('/proc/no-such'), { code: 'EROFS' });
  await t.rejects(makeFolders('/proc/no-such/below'), { code: 'EROFS' });
});

t.test('a link is as good as the folder that it leads to, and in the way when it leads nowhere', async t => {
  const folder = t.testdir({ real: {} });
  for (const [link, target] of Object.entries({ good: 'real', dangling: 'nothing', loop: 'loop' }))
    symlinkSync(target, join(folder, link));
  await makeFolders(join(folder, 'good'));
  await makeFolders(join(folder, 'good/below'));
  t.ok(existsSync(join(folder, 'real/below')));
  for (const name of ['dangling', 'dangling/below', 'loop']) {
    await t.rejects(
      makeFolders(join(folder, name)),
      { code: 'EEXIST', message: /^mkdir .*: file exists$/ },
      name,
    );
  }
});
