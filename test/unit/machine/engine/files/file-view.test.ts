import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FileView } from '../../../../../src/machine/engine/files/file-view.ts';
import { Place } from '../../../../../src/machine/host/place.ts';

t.test('paths mean what they mean inside', async t => {
  const folder = t.testdir({
    root: { etc: { passwd: 'inside' }, a: { b: {} }, 'not-a-folder': 'x' },
    etc: { passwd: 'outside' },
    volume: { file: 'in the volume', sub: {} },
  });
  const root = join(folder, 'root');
  symlinkSync('/etc', join(root, 'a/absolute'));
  symlinkSync('../../../../etc', join(root, 'a/climbing'));
  symlinkSync('loop', join(root, 'loop'));
  symlinkSync('/mnt/../mnt/file', join(root, 'into'));
  symlinkSync('/nowhere/x', join(root, 'dangling'));
  symlinkSync('/a', join(folder, 'volume/back'));
  const open = (): Promise<Place> => Place.open(join(folder, 'volume'));
  await using view = await FileView.open(root, [{ destination: '/mnt', readOnly: true, open }]);
  const whole = (path: string, follow = true) => view.find(path, follow);
  const names = async (path: string, follow = true): Promise<string | undefined> => {
    await using found = await whole(path, follow);
    return found && `/${found.names.map(String).join('/')}`;
  };
  t.equal(await names('/'), '/');
  t.equal(await names(''), '/');
  t.equal(await names('/../../..'), '/');
  t.equal(await names('a/./b//'), '/a/b');
  t.equal(await names('/a/b/../../etc/passwd'), '/etc/passwd');
  t.equal(await names('/a/absolute/passwd'), '/etc/passwd');
  t.equal(await names('/a/climbing/passwd'), '/etc/passwd');
  t.equal(await names('/a/absolute', false), '/a/absolute');
  t.equal(await names('/a/absolute/', true), '/etc');
  t.equal(await names('/loop'), undefined);
  t.equal(await names('/not-a-folder/x'), undefined);
  t.equal(await names('/missing'), undefined);
  t.equal(await names('/dangling'), undefined);
  t.equal(await names('/mnt/file'), '/mnt/file', 'through a mount that has no mount point');
  t.equal(await names('/into'), '/mnt/file');
  t.equal(await names('/mnt/back/b'), '/a/b', 'a link of a volume leads back');
  t.equal(await view.targetOf('/a/absolute'), '/etc');
  t.equal(await view.targetOf('/dangling'), '/nowhere/x');
  await using link = await view.find('/a/absolute', false);
  t.equal(link && (await view.linkOf(link))?.toString(), '/etc');
  const mounted = (path: string) => view.mountOf(path.split('/').map(each => Buffer.from(each)))?.destination;
  t.same(
    [mounted('mnt'), mounted('mnt/sub/x'), mounted('a'), mounted('mnt2')],
    ['/mnt', '/mnt', undefined, undefined],
  );
  await view.makeMountPoints();
  t.ok(readdirSync(root).includes('mnt'));
  await using made = await view.makeFolders(['a', 'absolute', 'new', 'deep'].map(each => Buffer.from(each)));
  t.equal(made.names.map(String).join('/'), 'etc/new/deep');
  t.same(readdirSync(join(folder, 'etc')), ['passwd'], 'nothing was made outside');
  await t.rejects(view.makeFolders([Buffer.from('not-a-folder'), Buffer.from('x')]));
  mkdirSync(join(root, 'late'));
  t.equal(await names('/late'), '/late');
});
